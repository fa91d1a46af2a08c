package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// SignedIn is a desk that a person signed in to, with the token that the desk gave.
type SignedIn struct {
	Token     string    `json:"token"`
	Name      string    `json:"name"` // as the audit trail names it: "CLI on laptop of anna"
	ExpiresAt time.Time `json:"expiresAt"`
}

// Credentials are the desks that a person signed in to, by their addresses. They are stored in a file of the user's
// configuration folder, which only that user may read.
type Credentials struct {
	Current string              `json:"current"` // the desk of commands that name none
	Desks   map[string]SignedIn `json:"desks"`
}

// The variables that go before what is stored.
const (
	DeskVariable  = "DLQDESK_URL"
	TokenVariable = "DLQDESK_TOKEN"
)

// CredentialsFile returns the path of the file: dlqdesk/credentials.json in the user's configuration folder.
func CredentialsFile() (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for your configuration: %w", err)
	}
	return filepath.Join(folder, "dlqdesk", "credentials.json"), nil
}

// LoadCredentials reads a file. Without one, they are empty. It refuses a file that others can read.
func LoadCredentials(file string) (c Credentials, err error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("%s can be read by others: chmod 600 it, and revoke the tokens in it if they were", file)
	}
	text, err := os.ReadFile(file) //nolint:gosec // the user's own
	if err != nil {
		return c, fmt.Errorf("read where you signed in: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s is damaged: delete it and sign in again: %w", file, err)
	}
	return c, nil
}

// With returns the credentials with a desk, which becomes the current one.
func (c Credentials) With(desk string, in SignedIn) Credentials {
	next := Credentials{Current: desk, Desks: map[string]SignedIn{desk: in}}
	for other, its := range c.Desks {
		if other != desk {
			next.Desks[other] = its
		}
	}
	return next
}

// Without returns the credentials without a desk.
func (c Credentials) Without(desk string) Credentials {
	next := Credentials{Current: c.Current, Desks: map[string]SignedIn{}}
	for other, its := range c.Desks {
		if other != desk {
			next.Desks[other] = its
		}
	}
	if next.Current == desk {
		next.Current = ""
	}
	return next
}

// Save writes the file as a whole, so that no reader sees half of it. Only the user may read it.
func (c Credentials) Save(file string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err != nil {
		return fmt.Errorf("store the token: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".credentials-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("store the token: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // it is gone after the rename
	_, err = temporary.Write(append(text, '\n'))
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("store the token: %w", err)
	}
	return nil
}

// NotSignedIn is the error of a command that has no token for a desk.
type NotSignedIn struct{ Desk string }

func (e NotSignedIn) Error() string {
	return "you are not signed in: run dlqdesk login --desk " + cmp.Or(e.Desk, "URL")
}

// Find returns a client for a command: of the desk that it names, or else of DLQDESK_URL, or else of the current one.
// The token is that of DLQDESK_TOKEN, or else the one that this desk gave. It returns NotSignedIn if there is none.
func Find(desk string, environ []string) (*Client, error) {
	variables := map[string]string{}
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		variables[name] = value
	}
	desk, token := cmp.Or(desk, variables[DeskVariable]), variables[TokenVariable]
	var stored Credentials
	if desk == "" || token == "" {
		file, err := CredentialsFile()
		if err == nil {
			stored, err = LoadCredentials(file)
		}
		if err != nil {
			return nil, err
		}
	}
	if desk = cmp.Or(desk, stored.Current); desk == "" {
		return nil, NotSignedIn{}
	}
	desk, err := DeskAddress(desk)
	if err != nil {
		return nil, err
	}
	if token = cmp.Or(token, stored.Desks[desk].Token); token == "" {
		return nil, NotSignedIn{desk}
	}
	return New(desk, token), nil
}

// DeskAddress returns the address of a desk in one form: https://desk.example.com.
func DeskAddress(text string) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		return "", deadletter.Errorf(deadletter.Invalid,
			"the address of a desk is such as https://desk.example.com (got %q)", text)
	}
	return strings.ToLower(u.Scheme + "://" + u.Host), nil
}

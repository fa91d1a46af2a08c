package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/client"
)

// The file can be read by its user alone, in a folder that only they can look into, and it is replaced as a whole.
func TestCredentialsAreStoredForTheUserAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config", "dlqdesk", "credentials.json")
	stored := client.Credentials{}.With("https://a.example", client.SignedIn{Token: "dqd_a"}).
		With("https://b.example", client.SignedIn{Token: "dqd_b"})
	for range 2 {
		if err := stored.Save(file); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	if names, err := os.ReadDir(filepath.Dir(file)); err != nil || len(names) != 1 {
		t.Errorf("the folder has %v, %v", names, err)
	}
	got, err := client.LoadCredentials(file)
	if err != nil || got.Current != "https://b.example" || got.Desks["https://a.example"].Token != "dqd_a" {
		t.Errorf("loaded %+v, %v", got, err)
	}
	if left := got.Without("https://b.example"); left.Current != "" || len(left.Desks) != 1 {
		t.Errorf("without a desk they are %+v", left)
	}
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // what the test is about
		t.Fatal(err)
	}
	if _, err := client.LoadCredentials(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read is loaded: %v", err)
	}
}

// A token goes to the desk that gave it, and to no other.
func TestTokenBelongsToItsDesk(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	file, err := client.CredentialsFile()
	if err != nil {
		t.Fatal(err)
	}
	var none client.NotSignedIn
	if _, err := client.Find("", nil); !errors.As(err, &none) {
		t.Errorf("without a file the error is %v", err)
	}
	stored := client.Credentials{}.With("https://a.example", client.SignedIn{Token: "dqd_a"})
	if err := stored.Save(file); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, flag string
		environ    []string
		desk       string // "": not signed in
	}{
		{"the current one", "", nil, "https://a.example"},
		{"the same by its name", "HTTPS://A.example/", nil, "https://a.example"},
		{"another", "https://b.example", nil, ""},
		{"another of the environment", "", []string{"DLQDESK_URL=https://b.example"}, ""},
		{"the flag goes before", "https://a.example", []string{"DLQDESK_URL=https://b.example"}, "https://a.example"},
		{"a token", "https://b.example", []string{"DLQDESK_TOKEN=dqd_x"}, "https://b.example"},
		{"a token alone", "", []string{"DLQDESK_TOKEN=dqd_x"}, "https://a.example"},
	} {
		got, err := client.Find(c.flag, c.environ)
		if c.desk == "" && !errors.As(err, &none) || c.desk != "" && (err != nil || got.Desk() != c.desk) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestDeskAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://Desk.example.com/": "https://desk.example.com", "http://127.0.0.1:8080": "http://127.0.0.1:8080",
		"desk.example.com": "", "https://desk.example.com/desk": "", "https://a:b@desk.example.com": "", "ftp://x": "",
		"https://desk.example.com?x": "", "": "",
	} {
		if got, err := client.DeskAddress(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

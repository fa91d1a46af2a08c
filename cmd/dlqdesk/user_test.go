package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/config"
)

const goodPassword = "correct horse battery"

// folder is a data folder with the configuration of a source whose secrets are not there.
type folder struct {
	t    *testing.T
	file string
}

func newFolder(t *testing.T) folder {
	t.Helper()
	dir := t.TempDir()
	return folder{t, write(t, filepath.Join(dir, "desk.yaml"), `
data_dir: `+filepath.Join(dir, "data")+`
queue: { dlq_url: "http://127.0.0.1:1/123456789012/dlq", region: eu-west-1 }
sources:
  orders:
    destination: https://handler.internal/hooks
    tls: { cert_file: /nowhere/cert.pem, key_file: /nowhere/key.pem }
    verify: { scheme: standard-webhooks, secrets: ["env:ABSENT", "file:/nowhere/secret"] }
`)}
}

// run runs a command with a line on its standard input.
func (f folder) run(stdin string, args ...string) result {
	f.t.Helper()
	var stdout, stderr strings.Builder
	code := run(append(args, "--config", f.file), strings.NewReader(stdin+"\n"), &stdout, &stderr, nil)
	return result{code, stdout.String(), stderr.String()}
}

func TestUserCommands(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for _, c := range []struct {
		args   string
		stdin  string
		code   int
		stdout string // it begins with
		stderr string // it has
	}{
		{"user list", "", 1, "", "there is no desk in "},
		{
			"user password anna --password-stdin", goodPassword, 1, "",
			"name the configuration of the server by --config",
		},
		{"user add anna --role admin --password-stdin", goodPassword, 0, "user anna may sign in as admin\n", ""},
		{"user add olga --role operator --password-stdin", goodPassword + "\r", 0, "user olga may sign in", ""},
		{"user add OLGA --role operator --password-stdin", goodPassword, 5, "", "there is a user OLGA already"},
		{"user add bert --role viewer --password-stdin", "qwertyuiop", 2, "", "most common ones"},
		{"user add bert --role viewer --password-stdin", "short", 2, "", "at least 10"},
		{"user add bert --role owner --password-stdin", goodPassword, 2, "", "role"},
		{"user add bert --role viewer", goodPassword, 2, "", "use --password-stdin"},
		{"user add bert --role viewer --password " + "secret", "", 2, "", "password"},
		{
			"user list", "", 0,
			"NAME  ROLE      STATE   SESSIONS  LAST SIGN-IN\nanna  admin     active  0         never\n", "",
		},
		{"user role olga viewer", "", 0, "the role of olga is viewer\n", ""},
		{"user role olga viewer", "", 5, "", "olga is a viewer already"},
		{"user role anna viewer", "", 5, "", "last administrator"},
		{"user disable anna", "", 5, "", "last administrator"},
		{"user delete anna --yes", "", 5, "", "last administrator"},
		{"user password Anna --password-stdin", "another long one", 0, "Anna has a new password", ""},
		{"user password anna", "", 2, "", "use --password-stdin"},
		{"user disable olga", "", 0, "olga is disabled", ""},
		{"user enable olga", "", 0, "olga may sign in again\n", ""},
		{"user sign-out olga", "", 0, "0 sessions of olga have ended\n", ""},
		{"user delete olga", "", 2, "", "confirm it with --yes"},
		{"user delete olga --yes", "", 0, "olga is deleted", ""},
		{"user delete olga --yes", "", 4, "", "there is no user olga: dlqdesk user list shows all users"},
		{"user role bert admin", "", 4, "", "there is no user bert: dlqdesk user list shows all users"},
		{"user password bert --password-stdin", goodPassword, 4, "", "dlqdesk user list shows all users"},
		{"user disable bert", "", 4, "", "dlqdesk user list shows all users"},
		{"user enable bert", "", 4, "", "dlqdesk user list shows all users"},
		{"user sign-out bert", "", 4, "", "dlqdesk user list shows all users"},
	} {
		got := f.run(c.stdin, strings.Fields(c.args)...)
		if got.code != c.code || !strings.HasPrefix(got.stdout, c.stdout) || !strings.Contains(got.stderr, c.stderr) ||
			c.code == 0 && got.stderr != "" {
			t.Errorf("%s: %+v", c.args, got)
		}
	}
	var list []map[string]any
	got := f.run("", "user", "list", "--json")
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || len(list) != 1 || list[0]["name"] != "anna" ||
		list[0]["role"] != "admin" || list[0]["state"] != "active" || list[0]["signedInAt"] != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// A command that needs only the data folder and the queues runs while the secrets of sources are absent.
func TestCommandsRunWithoutSecrets(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	if _, err := config.Load(f.file, nil); err == nil {
		t.Fatal("the secrets are there")
	}
	if got := f.run(goodPassword, "user", "add", "anna", "--role", "admin", "--password-stdin"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	for _, args := range []string{
		"user list", "audit verify", "backup --to " + filepath.Join(t.TempDir(), "copy"), "drain --to dlq --dry-run",
	} {
		if got := f.run("", strings.Fields(args)...); got.code != 0 || strings.Contains(got.stderr, "ABSENT") {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

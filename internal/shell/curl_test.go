package shell_test

import (
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/shell"
)

// TestCommandSendsExactlyTheRequest runs every command in every shell, with what an enemy may choose in the query, in a
// header and in the body.
func TestCommandSendsExactlyTheRequest(t *testing.T) {
	t.Parallel()
	for name, text := range desktest.HostileTexts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := desktest.NewRawServer(t)
			value, query := desktest.HostileHeader(text), desktest.HostileQuery(text)
			command := shell.Curl{
				URL: "http://" + to.Address + "/a/../b%2F?" + query,
				Headers: map[string][]string{
					"Content-Type": {"application/json"}, "X-Empty": {""}, "X-Blank": {" \t "}, "X-Two": {"1", "2"},
					"X-Value": {value}, "X-It's`$!": {"token"}, "@file": {"x"}, "": {"x"}, "A b": {"x"}, "C:d": {"x"},
				},
				Body: []byte(text),
			}.Command()
			want := []string{
				"Content-Type: application/json", "X-Blank:", "X-Empty:", "X-It's`$!: token", "X-Two: 1", "X-Two: 2",
				strings.TrimRight("X-Value: "+strings.Trim(value, " \t"), " "),
			}
			for _, in := range desktest.Shells() {
				got := to.Run(t, in, command, nil)
				if got.Line != "POST /a/../b%2F?"+query+" HTTP/1.1" || got.Host != to.Address {
					t.Errorf("%s: requested %q from %s", in.Name, got.Line, got.Host)
				}
				if !slices.Equal(got.Headers, want) {
					t.Errorf("%s: headers\n%q, want\n%q", in.Name, got.Headers, want)
				}
				if string(got.Body) != text {
					t.Errorf("%s: body %q, want %q", in.Name, got.Body, text)
				}
			}
		})
	}
}

func TestBodiesOfEveryKindAreSent(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":    "",
		"NUL":        "\x00a\x00",
		"option":     "-n\x00",
		"all bytes":  allBytes(),
		"long":       "'" + strings.Repeat("é!\\n\n", 20<<10),
		"new lines":  "\n\n",
		"long bytes": strings.Repeat("\x00\xff'%", 16<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := desktest.NewRawServer(t)
			command := shell.Curl{URL: "http://" + to.Address + "/", Body: []byte(body)}.Command()
			for _, in := range desktest.Shells() {
				got := to.Run(t, in, command, nil)
				if string(got.Body) != body || len(got.Headers) > 0 {
					t.Errorf("%s: headers %q, %d bytes, want %d", in.Name, got.Headers, len(got.Body), len(body))
				}
			}
		})
	}
}

func allBytes() string {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	return string(all)
}

func TestBodyInAFile(t *testing.T) {
	t.Parallel()
	to := desktest.NewRawServer(t)
	command := shell.Curl{URL: "http://" + to.Address + "/", File: "a-1.json", Body: []byte("not this")}.Command()
	for _, in := range desktest.Shells() {
		body := []byte("{}\n\x00")
		if got := to.Run(t, in, command, map[string][]byte{"a-1.json": body}); string(got.Body) != string(body) {
			t.Errorf("%s: body %q", in.Name, got.Body)
		}
	}
}

func TestShellReadsSecrets(t *testing.T) {
	t.Parallel()
	to := desktest.NewRawServer(t)
	const file = "it's a \\ secret!"
	command := shell.Curl{URL: "http://" + to.Address + "/", Args: []string{
		"-H 'X-Env: '" + shell.Env("KEY"), "-H 'X-File: '" + shell.Contents(file),
	}}.Command()
	for _, in := range desktest.Shells() {
		got := to.Run(t, in, command, map[string][]byte{file: []byte("$b`'\n")}, `KEY=a "$(touch pwned)" \`)
		if want := []string{`X-Env: a "$(touch pwned)" \`, "X-File: $b`'"}; !slices.Equal(got.Headers, want) {
			t.Errorf("%s: headers %q, want %q", in.Name, got.Headers, want)
		}
	}
}

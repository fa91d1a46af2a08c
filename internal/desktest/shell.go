package desktest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Shell is a shell that people paste commands into.
type Shell struct {
	Name string
	args []string
	// before precedes the command on standard input. "": the command is read from a file.
	before string
}

// Shells returns the shells in which a copied command must work. Those named interactive expand ! as at a prompt.
func Shells() []Shell {
	return []Shell{
		{Name: "sh", args: []string{"dash"}},
		{Name: "bash", args: []string{"bash", "--norc"}},
		{Name: "bash interactive", args: []string{"bash", "--norc"}, before: "set -o history -o histexpand\n"},
		{Name: "zsh", args: []string{"zsh", "-f"}},
		{Name: "zsh interactive", args: []string{"zsh", "-f", "-i"}, before: "PS1= PS2=\n"},
		{Name: "fish", args: []string{"fish", "--no-config"}},
	}
}

// RawRequest is a request as its bytes arrived.
type RawRequest struct {
	Line    string   // POST /hooks?a=1 HTTP/1.1
	Headers []string // the lines as they were sent, in order of their text, without Host and Content-Length
	Host    string
	Body    []byte
}

// RawServer is a destination that keeps requests as they arrive, byte by byte.
type RawServer struct {
	Address  string // host and port
	requests chan RawRequest
}

// NewRawServer starts a server that ends with the test.
func NewRawServer(t *testing.T) *RawServer {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &RawServer{Address: listener.Addr().String(), requests: make(chan RawRequest, 10)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	}()
	return s
}

func (s *RawServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	var r RawRequest
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		line = strings.TrimSuffix(line, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case err != nil:
			return
		case first:
			r.Line = line
		case line == "":
			r.Body = make([]byte, length)
			if _, err := io.ReadFull(in, r.Body); err != nil {
				r.Line = "the body is shorter than " + strconv.Itoa(length) + " bytes: " + r.Line
			}
			slices.Sort(r.Headers)
			s.requests <- r
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		case strings.EqualFold(name, "Content-Length"):
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		case strings.EqualFold(name, "Host"):
			r.Host = strings.TrimSpace(value)
		default:
			r.Headers = append(r.Headers, line)
		}
	}
}

// Run runs a command in a shell and returns the one request that it sent. The command runs in a folder with files, and
// with a configuration of curl, that it must not touch; env are variables besides.
func (s *RawServer) Run(t *testing.T, shell Shell, command string, files map[string][]byte, env ...string) RawRequest {
	t.Helper()
	dir := t.TempDir()
	given := map[string][]byte{".curlrc": []byte("header = \"X-Curlrc: read\"\n"), "file": []byte("FILE"), "1": nil}
	for name, content := range files {
		given[name] = content
	}
	for name, content := range given {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := shell.run(t, dir, command, env)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := given[e.Name()]; !ok && e.Name() != ".config" && e.Name() != ".local" && e.Name() != ".cache" {
			t.Errorf("%s: the command made the file %s:\n%s", shell.Name, e.Name(), clip(command))
		}
	}
	select {
	case r := <-s.requests:
		select {
		case more := <-s.requests:
			t.Errorf("%s: the command sent a second request, %s:\n%s", shell.Name, more.Line, clip(command))
		default:
		}
		return r
	default:
		t.Fatalf("%s: the command sent no request: %s\n%s", shell.Name, clip(string(out)), clip(command))
		return RawRequest{}
	}
}

func (s Shell) run(t *testing.T, dir, command string, env []string) []byte {
	t.Helper()
	script := filepath.Join(t.TempDir(), "command")
	if err := os.WriteFile(script, []byte(s.before+command+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := s.args
	if s.before == "" {
		args = append(slices.Clone(args), script)
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Fatalf("this test needs %s: .ci/install installs it", args[0])
	}
	// The test's own commands in a shell of the list above.
	run := exec.CommandContext(context.WithoutCancel(t.Context()), args[0], args[1:]...) //nolint:gosec // as above
	run.Dir, run.Env = dir, append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}, env...)
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	if s.before != "" {
		typed, err := os.Open(script)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = typed.Close() }()
		run.Stdin = typed
	}
	if err := run.Run(); err != nil {
		t.Errorf("%s: %v: %s\n%s", s.Name, err, clip(out.String()), clip(command))
	}
	return out.Bytes()
}

// clip returns the beginning of a text for the log of a test.
func clip(text string) string { return text[:min(len(text), 2000)] }

// HostileTexts returns texts that a shell, curl or a terminal could take for something else than text.
func HostileTexts() map[string]string {
	return map[string]string{
		"quotes":         `it's "here" ''`,
		"substitution":   "$(touch pwned) `touch pwned` ${HOME} $HOME %HOME%",
		"end of quotes":  `'; touch pwned; '`,
		"double quotes":  `"; touch pwned; "`,
		"backslashes":    `a\\b \' \" \n \`,
		"backslash end":  `\`,
		"escaped quote":  `\'; touch pwned; \'`,
		"history":        "one! !! !touch !$\n!! two!'!\\!",
		"globs":          "?ids[]=5&filter[name]=x {a,b} [1-3] * ~",
		"file":           "@file",
		"upload":         "<file",
		"option":         "-o pwned --output pwned",
		"percent":        "100%d %s %% \\045",
		"comment":        "# not a comment ; & | > pwned < file",
		"lines":          "one\n\ntwo\ntouch pwned\n",
		"carriage":       "a\r\nb\rc",
		"tab":            "a\tb",
		"terminal":       "\x1b[201~touch pwned\n\x03\x04\x15",
		"not UTF-8":      "caf\xe9 \xff\xfe \xc3",
		"unicode":        "Größe ✓ 𝄞 日本",
		"bidi":           "a\u202etxt.exe\u2066 \u00a0 \u200b \ufeff",
		"surrogate area": "\uf601\uf7ff\ufdd0",
		"fish":           "\\x41 \\u263a (touch pwned) ~ %self",
		"zsh":            "=ls *(/) ^x~y ${(e)HOME}",
	}
}

// HostileBodies returns two bodies with all hostile texts: those that a command shows as text, and all of them.
func HostileBodies() (text, binary string) {
	all := HostileTexts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		shown := strings.ToValidUTF8(all[name], "") == all[name] && !strings.ContainsFunc(all[name], func(r rune) bool {
			return !unicode.IsPrint(r) && r != '\n'
		})
		if shown {
			text += all[name] + "\n"
		}
		binary += all[name] + "\n"
	}
	return text, binary
}

// HostileHeader returns a text as a header can carry it.
func HostileHeader(text string) string {
	return replaceBytes(text, func(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }, ' ')
}

// HostileQuery returns a text as a query can carry it.
func HostileQuery(text string) string {
	return replaceBytes(text, func(c byte) bool { return c <= ' ' || c == 0x7f || c == '#' }, '+')
}

func replaceBytes(text string, bad func(byte) bool, by byte) string {
	out := []byte(text)
	for i, c := range out {
		if bad(c) {
			out[i] = by
		}
	}
	return string(out)
}

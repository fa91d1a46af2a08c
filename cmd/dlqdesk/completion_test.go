package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// completed returns what a shell offers for a command line whose last word is being completed. program is a script that
// calls the commands of this test's binary.
func completed(t *testing.T, shell, program, line string) []string {
	t.Helper()
	scripts := map[string]string{
		"bash": `source <("$1" completion bash)
			read -ra COMP_WORDS <<< "$2"; [[ "$2" == *" " ]] && COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]}-1))
			_dlqdesk "$1" "${COMP_WORDS[COMP_CWORD]}" ""
			printf '%s\n' "${COMPREPLY[@]}"`,
		// The two functions of zsh's completion system print their candidates instead of showing them.
		"zsh": `compdef() { : }; _describe() { print -rl -- "${(@)${(P)2}%%:*}" }
			_files() { print -rl -- "${words[CURRENT]}"*(N) }
			source <("$1" completion zsh)
			words=("${(@s: :)2}"); CURRENT=${#words}; words[1]="$1"
			_dlqdesk`,
		"fish": `$argv[1] completion fish | source
			complete -C $argv[2] | string replace -r '\t.*' ''; true`,
	}
	args := []string{"-c", scripts[shell], shell, program, line}
	if shell == "fish" {
		args = []string{"--no-config", "-c", scripts[shell], program, line}
	}
	cmd := exec.CommandContext(t.Context(), shell, args...) //nolint:gosec // of this test
	cmd.Env = append(
		os.Environ(),
		"PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"),
		"HOME="+t.TempDir(),
		runsMain+"=1",
	)
	cmd.Dir = filepath.Dir(program)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	words := strings.Fields(string(out))
	slices.Sort(words)
	return words
}

// completedProgram returns this program as dlqdesk, in a folder with a configuration.
func completedProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "dlqdesk")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(filepath.Dir(program), "desk.yaml"), `
sources:
  orders: { destination: "http://127.0.0.1:9090/" }
  payments: { destination: "http://127.0.0.1:9090/" }
queues:
  failed: { url: "https://sqs.eu-west-1.amazonaws.com/123456789012/failed" }
`)
	return program
}

func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	program := completedProgram(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		for _, c := range []struct{ line, want string }{
			{"dlqdesk conf", "config"},
			{"dlqdesk config ", "check show"},
			{"dlqdesk drain --dr", "--dry-run"},
			{"dlqdesk drain --status re", "replaying retrying"},
			{"dlqdesk drain --config desk.yaml --source ", "orders payments"},
			{"dlqdesk drain --config desk.yaml --to ", "dlq failed"},
			{"dlqdesk serve --log-format j", "json"},
			{"dlqdesk completion ", "bash fish zsh"},
			{"dlqdesk jobs start replay --order ", "ask send skip"},
			{"dlqdesk jobs start replay --sequence ", "key newest oldest random"},
			{"dlqdesk serve --config de", "desk.yaml"},
			{"dlqdesk nonsense ", ""},
		} {
			t.Run(shell+"/"+c.line, func(t *testing.T) {
				t.Parallel()
				if got := strings.Join(completed(t, shell, program, c.line), " "); got != c.want {
					t.Errorf("offers %q, want %q", got, c.want)
				}
			})
		}
	}
}

// A bash at a terminal calls the function by itself: by its own words and by its own IFS, from the first key on. M-*
// puts all candidates on the command line, and the line is then written to a file instead of run.
func TestCompletionAtATerminalOfBash(t *testing.T) {
	t.Parallel()
	program := completedProgram(t)
	rc := filepath.Join(t.TempDir(), "rc")
	write(t, rc, "PATH="+filepath.Dir(program)+":$PATH\nsource <(dlqdesk completion bash)\n")
	for _, lines := range [][][2]string{ // each list in one shell
		{
			{"dlqdesk conf", "dlqdesk config"},
			{"dlqdesk drain --status re", "dlqdesk drain --status replaying retrying"},
			{"dlqdesk drain --config desk.yaml --source ", "dlqdesk drain --config desk.yaml --source orders payments"},
		},
		{{"dlqdesk drain --status=re", "dlqdesk drain --status=replaying retrying"}},
		{{"dlqdesk serve --config de", "dlqdesk serve --config desk.yaml"}, {"dlqdesk nonsense ", "dlqdesk nonsense"}},
		{{"X=1 dlqdesk completion b", "X=1 dlqdesk completion bash"}},
		{{"true; ./dlqdesk sig", "true; ./dlqdesk sign"}},
	} {
		t.Run(lines[0][0], func(t *testing.T) {
			t.Parallel()
			completed := filepath.Join(t.TempDir(), "completed")
			var keys, want strings.Builder
			for _, line := range lines {
				keys.WriteString(line[0] + "\x1b*\x01echo '\x05' >> " + completed + "\r")
				want.WriteString(line[1] + "\n")
			}
			//nolint:gosec // of this test
			cmd := exec.CommandContext(t.Context(), "script", "--quiet", "--return", "--command",
				"bash --noprofile --rcfile "+rc+" -i", os.DevNull)
			cmd.Stdin = strings.NewReader(keys.String() + "exit\r")
			cmd.Dir = filepath.Dir(program)
			cmd.Env = append(os.Environ(), "TERM=dumb", "HOME="+t.TempDir(), runsMain+"=1")
			out, err := cmd.Output()
			got, fault := os.ReadFile(completed)
			if shown := strings.ReplaceAll(string(got), " \n", "\n"); err != nil || fault != nil ||
				shown != want.String() {
				t.Errorf("%v, %v: completed are\n%swant\n%s%q", err, fault, shown, &want, out)
			}
		})
	}
}

// Bash splits a flag from its value at the equals sign. The other shells do not.
func TestCompletionBehindEquals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"drain", "--status", "=", "fa"}, "failed"},
		{[]string{"drain", "--status", "="}, "failed\nreplaying\nretrying"},
		{[]string{"drain", "--status=fa"}, "--status=failed"},
	} {
		got := dlqdesk(nil, append([]string{"__complete", "--"}, c.words...)...)
		lines := strings.Fields(got.stdout)
		slices.Sort(lines)
		if strings.Join(lines, "\n") != c.want {
			t.Errorf("%q: %+v", c.words, got)
		}
	}
}

// Each command whose output a program may read has --json.
func TestCommandsPrintJSON(t *testing.T) {
	t.Parallel()
	parser, err := newParser(&cli{}, program{})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		name := strings.TrimPrefix(command.FullPath(), "dlqdesk ")
		has := slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == "json" })
		if !has && !slices.Contains(withoutFacts(), name) {
			t.Errorf("%s has no --json", name)
		}
	}
}

// withoutFacts lists the commands that print no facts: they run until they are stopped, print a script or a command to
// run, or say in one line that they have done what was asked.
func withoutFacts() []string {
	return []string{
		"serve", "receive", "mcp", "sign", "completion", "audit accept", "audit rekey",
		"user add", "user role", "user password", "user disable", "user enable", "user delete", "user sign-out",
		"logout", "causes note",
		"audit export", // prints nothing but JSON
	}
}

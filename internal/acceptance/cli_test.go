package acceptance_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
)

// terminal is a person at a terminal of their own, with a folder for their configuration.
type terminal struct {
	t       *testing.T
	binary  string
	environ []string
	file    string // of the credentials
}

func newTerminal(t *testing.T, environ ...string) terminal {
	t.Helper()
	home := t.TempDir()
	return terminal{t, binary(t), append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "TERM=xterm", "TZ=UTC", "LANG=C.UTF-8",
	}, environ...), filepath.Join(home, "dlqdesk", "credentials.json")}
}

// ran is what became of a command.
type ran struct {
	code           int
	stdout, stderr string
}

func (c terminal) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	c.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, c.binary, args...) //nolint:gosec // our own program
	cmd.Env = c.environ
	return cmd
}

// run runs a command without a terminal.
func (c terminal) run(args ...string) ran { return c.pipe("", args...) }

// pipe runs a command with a text on its stdin.
func (c terminal) pipe(stdin string, args ...string) ran {
	c.t.Helper()
	cmd := c.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// typed runs a shell command on a terminal of a width, in which dlqdesk is the program, and types keys.
func (c terminal) typed(width int, keys, command string) ran {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	line := "stty -echo cols " + strconv.Itoa(width) + "; dlqdesk() { " + c.binary + ` "$@"; }; ` + command
	cmd := exec.CommandContext(ctx, "script", "-qec", line, "/dev/null") //nolint:gosec // of this test
	cmd.Env = c.environ
	in, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	if _, err := in.Write([]byte(keys)); err != nil {
		c.t.Fatal(err)
	}
	_ = cmd.Wait()
	return ran{cmd.ProcessState.ExitCode(), strings.ReplaceAll(out.String(), "\r\n", "\n"), ""}
}

var shownCode = regexp.MustCompile(`[A-Z]{4}-[A-Z]{4}`)

// login runs dlqdesk login until it has shown its code, lets decide do something with it, and waits for the end.
func (c terminal) login(p program, decide func(code string)) ran {
	c.t.Helper()
	cmd := c.command("login", "--desk", p.ConsoleURL(), "--name", "CLI of the test")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	shown, err := cmd.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(shown); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if code := shownCode.FindString(lines.Text()); code != "" {
			decide(code)
		}
	}
	_ = cmd.Wait() // its exit code is looked at
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), said.String()}
}

// decided posts the form of the page that has a code.
func (p program) decided(t *testing.T, browser *http.Client, order, code string) {
	t.Helper()
	p.submit(t, browser, "/device/"+order, url.Values{"code": {code}, "role": {"operator"}, "days": {"90"}})
}

// signedIn returns a desk, and a terminal that is signed in to it as an operator.
func signedIn(t *testing.T) (program, *http.Client, terminal) {
	t.Helper()
	p := setup(t, nil)
	browser, c := p.signIn(t), newTerminal(t)
	if got := c.login(p, func(code string) { p.decided(t, browser, "grant", code) }); got.code != 0 {
		t.Fatalf("login: %+v", got)
	}
	return p, browser, c
}

// A person signs a terminal in on a page of the desk, uses the desk from it, and signs out.
func TestTerminalIsSignedInAndOut(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	id := p.rejected(t, `{"n":1}`)
	browser, c := p.signIn(t), newTerminal(t)
	p.await(t, browser, "/messages?status=all", id)
	if got := c.run("messages", "list"); got.code != 3 || !strings.Contains(got.stderr, "dlqdesk login") {
		t.Errorf("before it is signed in: %+v", got)
	}
	refused := c.login(p, func(code string) { p.decided(t, browser, "refuse", code) })
	if _, err := os.Stat(c.file); refused.code != 3 || err == nil {
		t.Errorf("a refusal: %+v, %v", refused, err)
	}
	in := c.login(p, func(code string) {
		page := p.submit(t, browser, "/device", url.Values{"code": {code}})
		if !strings.Contains(page, "CLI of the test") || !strings.Contains(page, "127.0.0.1") ||
			!strings.Contains(page, code) {
			t.Errorf("the page says %s", page)
		}
		p.decided(t, browser, "grant", code)
	})
	text, err := os.ReadFile(c.file)
	if err != nil || in.code != 0 || !strings.Contains(in.stdout, "as CLI of the test of anna (operator), until") {
		t.Fatalf("%+v, %v", in, err)
	}
	if info, err := os.Stat(c.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the token: %v, %v", info, err)
	}
	secret := regexp.MustCompile(`dqd_\w+`).FindString(string(text))
	if strings.Contains(in.stdout+in.stderr, secret) {
		t.Error("the token is printed")
	}
	if got := c.run("messages", "list", "-q"); got.stdout != id+"\n" {
		t.Errorf("signed in: %+v", got)
	}
	other := newTerminal(t, "DLQDESK_URL="+p.ConsoleURL(), "DLQDESK_TOKEN="+secret)
	if got := other.run("messages", "list", "-q"); got.stdout != id+"\n" {
		t.Errorf("by variables: %+v", got)
	}
	if got := c.run("logout"); got.code != 0 {
		t.Errorf("signing out: %+v", got)
	}
	if left, err := os.ReadFile(c.file); err != nil || strings.Contains(string(left), "dqd_") {
		t.Errorf("the file has %s, %v", left, err)
	}
	if got := other.run("messages", "list"); got.code != 3 || !strings.Contains(got.stderr, "revoked") {
		t.Errorf("the token after that: %+v", got)
	}
}

// Commands do what pages do, say why they do not by their exit code, and change nothing with --dry-run.
func TestOrdersFromATerminal(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	var ids []string
	for i := range 3 {
		ids = append(ids, p.rejected(t, `{"n":`+strconv.Itoa(i)+`}`))
		p.await(t, browser, "/messages?status=all", ids[i])
	}
	listed := c.run("messages", "list", "--status", "failed", "-q")
	if got := strings.Fields(listed.stdout); len(got) != 3 || !slices.Contains(got, ids[0]) {
		t.Fatalf("it lists %+v", listed)
	}
	lines := strings.Split(strings.TrimSpace(c.run("messages", "list", "--jsonl").stdout), "\n")
	var document struct{ Items []json.RawMessage }
	one := c.run("messages", "list", "--json", "--limit", "2")
	if err := json.Unmarshal([]byte(one.stdout), &document); err != nil || len(document.Items) != 2 || len(lines) != 3 {
		t.Errorf("%v: %s", err, one.stdout)
	}
	cause := strings.TrimSpace(c.run("causes", "list", "-q").stdout)
	before := c.run("audit", "list", "--all", "-q").stdout
	for _, step := range []struct {
		args   string
		code   int
		stdout string // a part of it
	}{
		{"messages replay - --dry-run", 0, "would be done"},
		{"messages archive - --reason test --dry-run", 0, "would be done"},
		{"messages restore - --dry-run", 5, ""},
		{"causes claim " + cause + " --dry-run", 0, "would be done"},
		{"causes mute " + cause + " --for 1h --dry-run", 0, "would be done"},
		{"causes note " + cause + " text --dry-run", 0, "would have a note"},
		{"jobs start replay --status failed --dry-run", 0, "would replay 3 messages"},
		{"messages edit " + ids[0] + " --reason test --file - --dry-run", 0, "would be sent"},
		{"messages show nope", 4, ""},
		{"messages replay nope", 4, ""},
		{"messages list --status nonsense", 2, ""},
		{"messages nonsense", 2, ""},
		{"messages archive " + ids[0], 2, ""},
		{"jobs watch 99", 4, ""},
		{"jobs pause 99", 4, ""},
		{"search nothing-like-that", 0, ""},
		{"search n", 0, ""},
	} {
		t.Run(step.args, func(t *testing.T) {
			got := c.pipe(listed.stdout, strings.Fields(step.args)...)
			if got.code != step.code || !strings.Contains(got.stdout, step.stdout) {
				t.Errorf("%+v", got)
			}
		})
	}
	if after := c.run("audit", "list", "--all", "-q").stdout; after != before {
		t.Errorf("a dry run or a wrong order is in the audit trail: %s, before %s", after, before)
	}
	for _, action := range []string{"message", "message.", "message.received"} {
		if got := c.run("audit", "list", "--action", action).stdout; !strings.Contains(got, "message.received") ||
			strings.Contains(got, "user.") {
			t.Errorf("events of %s: %s", action, got)
		}
	}
	if got := c.run("tokens", "list", "--machines"); got.code != 3 {
		t.Errorf("an operator lists the tokens of machines: %+v", got)
	}
	if after := c.run("audit", "list", "--all", "--jsonl").stdout; !strings.Contains(after, "denied") {
		t.Errorf("what an operator may not is not in the audit trail: %s", after)
	}

	archived := c.pipe(ids[0]+"\nnope\n"+ids[1]+"\n", "messages", "archive", "-", "--reason", "test")
	if archived.code != 4 || strings.Count(archived.stdout, "archived") != 2 ||
		!strings.Contains(archived.stderr, "nope: there is no message nope") ||
		!strings.Contains(archived.stderr, "1 of 3 were refused") {
		t.Errorf("two of three are archived: %+v", archived)
	}
	if got := c.run("messages", "archive", ids[0], "--reason", "again"); got.code != 5 ||
		!strings.Contains(got.stderr, "archived by") {
		t.Errorf("an archived one again: %+v", got)
	}
	if got := c.run("messages", "restore", ids[0], ids[1], "-q"); got.stdout != ids[0]+"\n"+ids[1]+"\n" {
		t.Errorf("restored: %+v", got)
	}
	for _, args := range [][]string{
		{"causes", "claim", cause, "--hours", "1"},
		{"causes", "note", cause, "It is *known*."},
		{"causes", "mute", cause, "--for", "1h", "--count", "9"},
		{"causes", "unmute", cause},
		{"causes", "known", cause, "--ticket", "OPS-12"},
		{"causes", "unmark", cause},
	} {
		if got := c.run(args...); got.code != 0 || !strings.Contains(got.stdout, cause) {
			t.Errorf("%q: %+v", args, got)
		}
	}
	if got := c.run("causes", "show", cause); !strings.Contains(got.stdout, "It is *known*.") {
		t.Errorf("the cause: %+v", got)
	}
	secret := strings.TrimSpace(c.run("tokens", "make", "ci", "--role", "viewer", "--days", "7").stdout)
	viewer := newTerminal(t, "DLQDESK_URL="+p.ConsoleURL(), "DLQDESK_TOKEN="+secret)
	if got := viewer.run("messages", "replay", ids[0]); got.code != 3 ||
		!strings.Contains(got.stderr, "viewer may not") {
		t.Errorf("a viewer replays: %+v", got)
	}
	events := c.run("audit", "export", "--action", "message.")
	if got := strings.Count(events.stdout, `"action":"message.archive"`); got != 2 || events.code != 0 {
		t.Errorf("the export has %d archivings: %+v", got, events)
	}
}

// A job is followed to its end. It ends well only if it was not halted.
func TestJobIsFollowedFromATerminal(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	for i := range 3 {
		id := p.rejected(t, `{"n":`+strconv.Itoa(i)+`}`)
		p.await(t, browser, "/messages?status=all", id)
	}
	halted := c.run("jobs", "start", "replay", "--status", "failed", "--watch")
	if halted.code != 1 || !strings.Contains(halted.stderr, "halted") || !strings.Contains(halted.stdout, "paused") {
		t.Errorf("it fails: %+v", halted)
	}
	job := strings.TrimSpace(c.run("jobs", "list", "-q").stdout)
	if got := c.run("jobs", "cancel", job); got.code != 0 || !strings.Contains(got.stdout, "cancelled") {
		t.Errorf("it is cancelled: %+v", got)
	}
	if got := c.run("jobs", "resume", job); got.code != 5 {
		t.Errorf("a cancelled one goes on: %+v", got)
	}
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	done := c.run("jobs", "start", "replay", "--status", "failed", "--watch", "--json")
	var j struct {
		State    string
		Messages struct{ Done int }
	}
	if err := json.Unmarshal([]byte(done.stdout), &j); err != nil || done.code != 0 || j.State != "done" ||
		j.Messages.Done != 3 {
		t.Errorf("it is done: %v, %+v", err, done)
	}

	if got := c.run(
		"jobs",
		"start",
		"archive",
		"--status",
		"resolved",
		"--reason",
		"x",
		"--begin-in",
		"1h",
	); got.code != 0 {
		t.Fatalf("one for later: %+v", got)
	}
	if got := c.run("jobs", "start", "archive", "--status", "resolved", "--reason", "x", "--begin-in",
		"721h"); got.code != 2 ||
		!strings.Contains(got.stderr, "(--begin-in)") {
		t.Errorf("one for too late: %+v", got)
	}
	later := strings.Fields(c.run("jobs", "list", "-q").stdout)[0]
	for command, code := range map[string]int{"pause": 5, "resume": 0, "cancel": 0} { // it is scheduled
		if got := c.run("jobs", command, later, "--dry-run"); got.code != code {
			t.Errorf("it would %s: %+v", command, got)
		}
	}
	got := c.typed(80, "", "timeout --foreground --preserve-status -s INT 2 "+c.binary+" jobs watch "+later+
		`; echo "code $?"`)
	if !strings.Contains(got.stdout, "is scheduled") || !strings.HasSuffix(got.stdout, "code 130\n") ||
		strings.Contains(got.stdout, "dlqdesk:") {
		t.Errorf("Ctrl-C: %q", got.stdout)
	}
}

// The body is edited as text. Masked values go out as they were received, or not at all.
func TestBodyIsEditedFromATerminal(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	id := p.rejected(t, `{"n":1,"password":"hunter2"}`)
	p.await(t, browser, "/messages?status=all", id)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	folder := t.TempDir()
	edit := func(sed string) ran {
		editor := filepath.Join(folder, "editor")
		script := "#!/bin/sh\nstat -c 'mode %a' \"$2\"\n[ \"$1\" = -f ] && sed -i '" + sed + "' \"$2\"\n"
		if err := os.WriteFile(editor, []byte(script), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
		return c.typed(80, "", "TMPDIR="+folder+" VISUAL='"+editor+" -f' dlqdesk messages edit "+id+" --reason test")
	}
	kept := func() []string {
		files, err := filepath.Glob(filepath.Join(folder, "dlqdesk-*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	if got := edit("s/nothing/at all/"); got.code != 1 || !strings.Contains(got.stdout, "nothing was changed") ||
		!strings.Contains(got.stdout, "mode 600") || len(kept()) != 0 {
		t.Errorf("unchanged: %+v, %q is kept", got, kept())
	}
	same := filepath.Join(folder, "same")
	if err := os.WriteFile(same, []byte(`{"n":1,"password":"•••"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.run("messages", "edit", id, "--reason", "x", "--file", same); got.code != 1 ||
		!strings.Contains(got.stderr, "nothing was changed") {
		t.Errorf("an unchanged file: %+v", got)
	}
	moved := edit(`s/"n":1/"note":"•••"/`)
	if moved.code != 2 || !strings.Contains(moved.stdout, "masked value cannot be put back") || len(kept()) != 1 {
		t.Errorf("a mask elsewhere: %+v, %q is kept", moved, kept())
	}
	if text, err := os.ReadFile(kept()[0]); err != nil || string(text) != `{"note":"•••","password":"•••"}` {
		t.Errorf("kept is %s, %v", text, err)
	}
	if n := len(p.destination.Received()); n != 1 {
		t.Errorf("%d deliveries before a valid edit", n)
	}
	if got := edit(`s/"n":1/"n":2/`); got.code != 0 || !strings.Contains(got.stdout, id) || len(kept()) != 1 {
		t.Errorf("a valid edit: %+v, %q is kept", got, kept())
	}
	p.await(t, browser, "/messages?status=resolved", id)
	received := p.destination.Received()
	if last := received[len(received)-1]; string(last.Body) != `{"n":2,"password":"hunter2"}` {
		t.Errorf("the destination got %s", last.Body)
	}
	if got := c.run("messages", "show", id, "--body"); got.stdout != `{"n":2,"password":"•••"}` {
		t.Errorf("the body is shown as %+v", got)
	}
	if got := c.run("messages", "edit", id, "--reason", "x", "--file", "-"); got.code != 5 {
		t.Errorf("a resolved one: %+v", got)
	}
}

// What the pages ask, the command asks at a terminal. Without one it names the flag.
func TestConfirmationFromATerminal(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	p.destination.Set(
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	) // after it read the body
	status, told := p.post(t, `{}`, nil)
	id := kept(t, status, told)
	p.await(t, browser, "/messages?status=all", id)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	if got := c.run("messages", "replay", id); got.code != 5 || !strings.Contains(got.stderr, "(--confirm-unknown)") {
		t.Fatalf("without a terminal: %+v", got)
	}
	if got := c.run("messages", "replay", id, "--dry-run"); !strings.Contains(got.stdout, "ask for --confirm-unknown") {
		t.Errorf("a dry run: %+v", got)
	}
	if got := c.typed(80, "n\n", "dlqdesk messages replay "+id); got.code != 5 ||
		!strings.Contains(got.stdout, "may already have been processed") {
		t.Errorf("no: %+v", got)
	}
	if n := len(p.destination.Received()); n != 1 {
		t.Errorf("%d deliveries before a yes", n)
	}
	if got := c.typed(80, "y\n", "dlqdesk messages replay "+id); got.code != 0 {
		t.Errorf("yes: %+v", got)
	}
	p.await(t, browser, "/messages?status=resolved", id)
}

// steering are the bytes by which a text could do more on a terminal than be shown: all but the colors of ours.
var (
	ours     = regexp.MustCompile("\x1b\\[[0-9]*m")
	steering = regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]")
)

// Texts of strangers cannot steer a terminal, by any command, and no line of a table is wider than the terminal.
func TestTerminalIsNotSteeredByMessages(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	const evil = `\u001b]0;owned\u0007\u001b[2J\u009b31m\u202egnp.exe\u2066\r\n\t 漢字漢字漢字漢字漢字漢字`
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"`+evil+`"}`))
	status, told := p.post(t, `{"type":"`+evil+`","eventType":"`+evil+`","text":"`+evil+`"}`,
		http.Header{"Content-Type": {"application/json"}})
	id := kept(t, status, told)
	p.await(t, browser, "/messages?status=all", id)
	cause := strings.TrimSpace(c.run("causes", "list", "-q").stdout)
	if got := c.run("causes", "note", cause, "x\x1b]0;owned\x07\x9b31m\u202ey"); got.code != 0 {
		t.Fatalf("a note: %+v", got)
	}
	for _, width := range []int{40, 80, 200} {
		for _, command := range []string{
			"messages list", "messages show " + id, "messages show " + id + " --body", "messages list --json",
			"messages list --jsonl", "causes list", "causes show " + cause, "search owned", "audit list", "audit export",
			"messages replay " + id + " --dry-run", "messages replay 'x\x1b[2Jy'", "__complete -- causes show ''",
		} {
			got := c.typed(width, "", "dlqdesk "+command)
			text := ours.ReplaceAllString(strings.ReplaceAll(got.stdout, "\r\x1b[K", ""), "")
			if strings.HasPrefix(command, "__complete") {
				text = strings.Replace(text, "\t", " ", 1) // between a candidate and its description
			}
			if found := steering.FindString(text); found != "" || text == "" {
				t.Errorf("%d columns: %s prints %q: %q", width, command, found, text)
			}
			if command != "messages list" && command != "causes list" && command != "audit list" {
				continue
			}
			for line := range strings.Lines(text) {
				if n := columns(strings.TrimSuffix(line, "\n")); n > width &&
					!strings.HasPrefix(line, "There are more") {
					t.Errorf("%d columns: %s prints a line of %d: %q", width, command, n, line)
				}
			}
		}
	}
	plain := c.typed(80, "", "NO_COLOR=1 dlqdesk messages list")
	if strings.Contains(plain.stdout, "\x1b") || !strings.Contains(plain.stdout, id) {
		t.Errorf("without colors it prints %q", plain.stdout)
	}
	if got := c.run("messages", "list"); strings.Contains(got.stdout, "\x1b") || !strings.Contains(got.stdout, "漢字漢字") {
		t.Errorf("into a pipe it prints %q", got.stdout)
	}
}

// columns returns how many columns a line takes: two for each of the wide characters of these tests.
func columns(line string) (n int) {
	for _, r := range line {
		n++
		if r >= 0x4e00 && r <= 0x9fff {
			n++
		}
	}
	return n
}

// A reader that has enough ends a command without a word.
func TestBrokenPipeIsQuiet(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	p.await(t, browser, "/messages?status=all", p.rejected(t, `{}`))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	//nolint:gosec // our own program
	cmd := exec.CommandContext(ctx, "sh", "-c", "(sleep 1; "+c.binary+" audit list --all --jsonl) | true")
	cmd.Env = c.environ
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// Shells complete what the desk has at the moment, and say nothing of a desk that does not answer.
func TestShellsCompleteFromTheDesk(t *testing.T) {
	t.Parallel()
	p, browser, c := signedIn(t)
	p.await(t, browser, "/messages?status=all", p.rejected(t, `{}`))
	cause := strings.TrimSpace(c.run("causes", "list", "-q").stdout)
	for line, want := range map[string]string{
		"causes show ":                                      cause,
		"messages list --source ge":                         "genesys",
		"messages list --status res":                        "resolved",
		"jobs start replay --cause ":                        cause,
		"causes list --state regr":                          "regressed",
		"causes show --desk nowhere ":                       "",
		"messages list --desk http://127.0.0.1:1 --source ": "",
	} {
		for _, shell := range []string{"bash", "zsh", "fish"} {
			t.Run(shell+" "+line, func(t *testing.T) {
				got := c.completed(shell, line)
				if strings.Join(strings.Fields(got.stdout), " ") != want || got.stderr != "" || got.code != 0 {
					t.Errorf("it offers %+v, want %q", got, want)
				}
			})
		}
	}
}

// completed returns what a shell offers for a command line whose last word is being completed.
func (c terminal) completed(shell, line string) ran {
	c.t.Helper()
	scripts := map[string]string{
		"bash": `source <(dlqdesk completion bash); words="$1"
			read -ra COMP_WORDS <<< "$words"; [[ "$words" == *" " ]] && COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _dlqdesk dlqdesk "${COMP_WORDS[COMP_CWORD]}" ""
			printf '%s\n' "${COMPREPLY[@]}"`,
		"zsh": `compdef() { : }; _describe() { print -rl -- "${(@)${(P)2}%%:*}" }
			source <(dlqdesk completion zsh); words=("${(@s: :)1}"); CURRENT=${#words}; _dlqdesk`,
		"fish": `dlqdesk completion fish | source; complete -C $argv[1] | string replace -r '\t.*' ''; true`,
	}
	args := []string{"-c", scripts[shell], shell, "dlqdesk " + line}
	if shell == "fish" {
		args = []string{"--no-config", "-c", scripts[shell], "dlqdesk " + line}
	}
	cmd := c.command(args...)
	cmd.Path, cmd.Args[0] = shell, shell
	if found, err := exec.LookPath(shell); err == nil {
		cmd.Path = found
	}
	cmd.Env = append(slices.Clone(c.environ), "PATH="+filepath.Dir(c.binary)+":"+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

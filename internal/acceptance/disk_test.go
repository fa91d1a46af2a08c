package acceptance_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dlqdesk/internal/desktest"
)

// fill takes the room away that a process has on disk: the kernel refuses whatever it would write to a file. Unlike a
// small disk of its own this can be done to any process by anybody.
func (p *process) fill(t *testing.T) { p.limit(t, 1) }

// clear gives it room again.
func (p *process) clear(t *testing.T) { p.limit(t, unix.RLIM_INFINITY) }

func (p *process) limit(t *testing.T, bytes uint64) {
	t.Helper()
	if err := unix.Prlimit(
		p.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil,
	); err != nil {
		t.Fatal(err)
	}
}

// post sends a webhook, and returns the message that was promised; "": none was.
func (p *process) post(t *testing.T, body string, status int) (message string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/webhooks/genesys", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct{ MessageID string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != status {
		t.Fatalf("the platform was told %d, want %d; %v\n%s", answer.StatusCode, status, err, p.log)
	}
	if (status == http.StatusInternalServerError) != (answer.Header.Get("Retry-After") != "") {
		t.Errorf("with a %d the platform is told to come again after %q", status, answer.Header.Get("Retry-After"))
	}
	return said.MessageID
}

// shows requests a page that needs no sign-in.
func (p *process) shows(t *testing.T, path string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := do(t, http.DefaultClient, r); status != http.StatusOK {
		t.Errorf("%s answers %d", path, status)
	}
}

// ready waits until the process says so of itself.
func (p *process) ready(t *testing.T, want int) {
	t.Helper()
	limit, look := time.After(30*time.Second), time.NewTicker(50*time.Millisecond)
	defer look.Stop()
	for {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		status, text := do(t, http.DefaultClient, r)
		if strings.Contains(text, "SQLite") || strings.Contains(text, ".db") {
			t.Errorf("/readyz tells of what is inside: %s", text)
		}
		if status == want {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("/readyz answers %d %s, want %d\n%s", status, text, want, p.log)
		}
	}
}

const numbered = `{"id":"%d"}`

// failing is a process whose destination takes nothing, and what a test needs to look at it.
func failing(t *testing.T, dlqURL string, environ ...string) (*process, program) {
	t.Helper()
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	cfg := settings(t, d)
	cfg.Queue.DLQURL = dlqURL
	return serve(t, write(t, cfg), environ...), program{cfg: cfg, destination: d}
}

func TestFullDiskUnderStoreAndEmbeddedQueue(t *testing.T) {
	t.Parallel()
	p, desk := failing(t, "")
	var promised []string
	for n := range 20 {
		promised = append(promised, p.post(t, fmt.Sprintf(numbered, n), http.StatusOK))
	}
	// what a process has in its hands when its disk is full comes again only when its visibility ends
	desk.holds(t, promised)
	p.ready(t, http.StatusOK)
	p.fill(t)
	p.ready(t, http.StatusServiceUnavailable)
	p.post(t, `{"id":"refused"}`, http.StatusInternalServerError)
	desk.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	p.post(t, `{"id":"delivered"}`, http.StatusOK)
	p.shows(t, "/healthz")
	p.shows(t, "/signin")
	desk.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	p.post(t, `{"id":"refused"}`, http.StatusInternalServerError)
	p.clear(t)
	p.ready(t, http.StatusOK)
	promised = append(promised, p.post(t, `{"id":"after"}`, http.StatusOK))
	desk.holds(t, promised)
	p.stop(t)
	checkFiles(t, desk.cfg.DataDir)
}

func TestFullDiskUnderStoreAndSpool(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", map[string]string{"VisibilityTimeout": "3"})
	line := newFlakyProxy(t, endpoint)
	p, desk := failing(t, queueURL, desktest.SQSEnvironment(line.URL)...)
	promised := []string{p.post(t, fmt.Sprintf(numbered, 0), http.StatusOK)}
	desk.holds(t, promised)
	p.fill(t)
	for n := range 20 {
		// on SQS, where the messages wait
		promised = append(promised, p.post(t, fmt.Sprintf(numbered, n+1), http.StatusOK))
	}
	p.ready(t, http.StatusOK)
	line.Cut()
	p.ready(t, http.StatusServiceUnavailable) // before a webhook has to find it out
	p.post(t, `{"id":"refused"}`, http.StatusInternalServerError)
	p.clear(t)
	p.ready(t, http.StatusOK) // the spool takes it
	for n := range 20 {
		promised = append(promised, p.post(t, fmt.Sprintf(numbered, n+21), http.StatusOK)) // in the spool
	}
	line.Mend(t)
	desk.holds(t, promised)
	p.stop(t)
	checkFiles(t, desk.cfg.DataDir)
}

// lockedFile names, in the environment, a file that a child process of this test holds.
const lockedFile = "DLQDESK_TEST_LOCKED_FILE"

// holdFile is the child: another program that holds a database until its standard input ends.
func holdFile(path string) int {
	file, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err == nil {
		file.SetMaxOpenConns(1)
		_, err = file.ExecContext(context.Background(), "BEGIN EXCLUSIVE")
	}
	fmt.Println("locked", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// lock has another process hold a file, until it is released.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test itself
	child.Env = append(os.Environ(), lockedFile+"="+path)
	in, out := startPiped(t, child)
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "locked <nil>\n" {
		t.Fatalf("the other process says %q, %v", said, err)
	}
	return func() {
		_ = in.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	}
}

func TestDatabaseLockedByAnotherProgramLosesNothing(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	client := p.signIn(t)
	l := p.load(t, 2)
	l.await(t, 10)
	status, told := p.post(t, `{"id":"replayed"}`, nil)
	id := kept(t, status, told)
	p.await(t, client, "/messages", id)

	release := lock(t, filepath.Join(p.cfg.DataDir, "desk.db"))
	over := time.After(10 * time.Second)
	if status, _ := p.get(t, client, "/messages"); status != http.StatusOK {
		t.Errorf("the list answers %d", status)
	}
	form := url.Values{"version": {"0"}, "revision": {"0"}}
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, p.ConsoleURL()+"/messages/"+id+"/replay",
		strings.NewReader(form.Encode()),
	)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if status, text := do(t, client, req); status != http.StatusServiceUnavailable ||
		!strings.Contains(text, "locked by another program") {
		t.Errorf("a replay answers %d %s", status, text)
	}
	<-over
	l.await(t, 10) // the receiver goes on
	release()
	p.submit(t, client, "/messages/"+id+"/replay", form)
	p.await(t, client, "/messages/"+id+"/panel", "Error response: 422")

	release = lock(t, filepath.Join(p.cfg.DataDir, "queue.db"))
	time.AfterFunc(2*time.Second, release)
	l.await(t, 10)
	p.holds(t, append(l.end(t), id))
}

func TestSecondProcessReportsWhatToDo(t *testing.T) {
	t.Parallel()
	cfg := settings(t, desktest.NewDestination(t))
	file := write(t, cfg)
	first := serve(t, file)
	second := launch(t, "serve", file)
	<-second.done
	want := "another dlqdesk runs on the data folder " + cfg.DataDir + ": stop it, or set data_dir to a folder " +
		"of its own"
	if second.url != "" || second.ProcessState.ExitCode() != 1 || !strings.Contains(second.log.String(), want) {
		t.Errorf("the second process ends with %s and says\n%s", second.ProcessState, second.log)
	}
	first.shows(t, "/healthz")
	first.kill()
	serve(t, file) // nothing of the dead one stands in the way
}

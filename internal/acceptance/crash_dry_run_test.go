package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// TestKilledProcessEndsItsDryRun kills the program again and again during a dry run, and during the job that follows.
// Each message gets one result, however often the process ends, and the dry run delivers none. The job sends only what
// the dry run changed, and nothing twice.
func TestKilledProcessEndsItsDryRun(t *testing.T) {
	t.Parallel()
	const messages = 5000
	destination := desktest.NewDestination(t)
	destination.Set(desktest.Answer(http.StatusOK, `{}`))
	d := triedJob{program: program{cfg: settings(t, destination), destination: destination}}
	file, client := write(t, d.cfg), browser(t)
	p := serve(t, file)
	addOperator(t, d.cfg)
	p.submit(t, client, "/signin", url.Values{"name": {"olga"}, "password": {password}})
	p.kill()
	s := d.beside(t)
	d.begin(t, s, messages)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	moment := moments(t)
	tried := 0
	for range *crashRounds {
		p := serve(t, file)
		<-time.After(moment(2 * time.Second)) // results are written after a second
		p.kill()
		tried = d.checkTried(t, tried)
	}
	p = serve(t, file)
	s = d.beside(t)
	eventually(t, func() bool { return d.read(t, s).State == deadletter.DryRunDone })
	want := deadletter.DryRunCounts{
		Changed: messages * 8 / 10, Unchanged: messages / 10, Failed: messages / 10, Uncompared: messages * 8 / 10,
	}
	if run := d.read(t, s); run.DryRunCounts != want {
		t.Errorf("it came to %+v, want %+v", run.DryRunCounts, want)
	}
	if n := len(destination.Received()); n > 0 {
		t.Fatalf("the dry run sent %d messages", n)
	}

	p.submit(t, client, fmt.Sprintf("/jobs/%d/start", d.job), url.Values{
		"kind": {string(d.recipe.Kind)}, "patch": {d.recipe.Text}, "reason": {"fix"},
		"count": {strconv.Itoa(want.Changed)}, "rate": {"5000"},
	})
	for range *crashRounds {
		<-time.After(moment(400 * time.Millisecond))
		p.kill()
		d.checkSent(t, want.Changed)
		p = serve(t, file)
	}
	eventually(t, func() bool {
		j, err := s.Job(t.Context(), d.job)
		if err != nil {
			t.Fatal(err)
		}
		if j.State == deadletter.JobPaused { // it halted, because of what was on its way
			p.submit(t, client, fmt.Sprintf("/jobs/%d/resume", d.job), url.Values{"to": {"/jobs"}})
		}
		return j.State == deadletter.JobDone
	})
	p.stop(t)
	j, err := s.Job(t.Context(), d.job)
	if err != nil || j.Items.Done+j.Items.Failed != want.Changed || j.Items.Skipped != messages-want.Changed ||
		j.Spared != j.Items.Skipped {
		t.Errorf("in the end it came to %+v, %d of them for the dry run, %v", j.Items, j.Spared, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	d.checkSent(t, want.Changed)
	checkFiles(t, d.cfg.DataDir)
}

// triedJob is a dlqdesk with the draft of one job and its dry run.
type triedJob struct {
	program
	job    deadletter.JobID
	recipe deadletter.Recipe
}

// begin stores messages and orders the dry run, as a person does, while no process runs.
func (d *triedJob) begin(t *testing.T, s *store.Store, messages int) {
	t.Helper()
	var list []deadletter.Capture
	for n := range messages {
		c := desktest.Failure(fmt.Sprintf("n-%05d", n), http.StatusUnprocessableEntity, time.Now())
		c.Body = fmt.Appendf(nil, `{"n":%d}`, n)
		list = append(list, c)
	}
	desktest.ReceiveAll(t, s, list)
	olga := deadletter.User("olga", deadletter.Operator, "")
	orders := desk.New(desk.Deps{
		Store: s, Masks: desktest.NoMasks, Kick: func() {}, Now: time.Now,
		Sources: desktest.Always([]desk.Source{{Name: "genesys"}}),
	})
	j, err := orders.FreezeMatching(t.Context(), olga, deadletter.ActEdit, store.Filter{}, "status=failed")
	if err != nil {
		t.Fatal(err)
	}
	d.job = j.ID
	d.recipe = deadletter.Recipe{
		Kind: deadletter.JQ,
		Text: `(reduce range(2000) as $i (0; $i)) as $slow |
			if .n % 10 == 0 then error("gone") elif .n % 10 == 1 then . else .fixed = true end`,
	}
	if err := orders.StartDryRun(t.Context(), olga, j.ID, deadletter.RecipeUse{}, d.recipe); err != nil {
		t.Fatal(err)
	}
}

func (d *triedJob) read(t *testing.T, s *store.Store) deadletter.DryRun {
	t.Helper()
	run, err := s.DryRun(t.Context(), d.job)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// checkTried looks at what the killed process has written, and returns how many messages have their result.
func (d *triedJob) checkTried(t *testing.T, before int) int {
	t.Helper()
	s := d.beside(t)
	run := d.read(t, s)
	// Of 10 messages one after the other 8 change.
	if n := run.Tried(); n < before || n > run.Messages || run.Changed < n*8/10-8 || run.Changed > n*8/10+8 {
		t.Errorf("after %d messages it has %+v", before, run.DryRunCounts)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return run.Tried()
}

// checkSent looks at what the killed process has sent.
func (d *triedJob) checkSent(t *testing.T, most int) {
	t.Helper()
	sent := map[int]bool{}
	for _, one := range d.destination.Received() {
		var body struct {
			N     int  `json:"n"`
			Fixed bool `json:"fixed"`
		}
		if err := json.Unmarshal(one.Body, &body); err != nil || !body.Fixed || sent[body.N] {
			t.Errorf("%s was sent, the second time: %t, %v", one.Body, sent[body.N], err)
		}
		sent[body.N] = true
	}
	if len(sent) > most {
		t.Errorf("%d messages were sent", len(sent))
	}
}

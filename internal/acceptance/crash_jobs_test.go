package acceptance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// TestKilledProcessSendsEachMessageOfAJobOnce kills the program before a scheduled job begins and at each of its steps,
// again and again on one data folder. The job begins once, no step sends more messages than it has, and no message is
// sent twice: one that was on its way at a kill has failed, because its handler may have processed it.
func TestKilledProcessSendsEachMessageOfAJobOnce(t *testing.T) {
	t.Parallel()
	const messages = 300
	destination := desktest.NewDestination(t)
	destination.Set(desktest.Answer(http.StatusOK, `{}`))
	d := steppingJob{program: program{cfg: settings(t, destination), destination: destination}}
	file, client := write(t, d.cfg), browser(t)
	p := serve(t, file)
	addOperator(t, d.cfg)
	p.submit(t, client, "/signin", url.Values{"name": {"olga"}, "password": {password}})
	p.kill()
	s := d.beside(t)
	fail(t, s, messages, "order %d is locked")
	d.job = order(t, s, store.Filter{}, deadletter.JobInput{
		Steps: deadletter.JobSteps{Sizes: []int{1, 10, 100}}, JobPace: deadletter.JobPace{Rate: 200},
		Begins: time.Now().Add(time.Second),
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	moment := moments(t)
	for range *crashRounds {
		p := serve(t, file)
		<-time.After(moment(800 * time.Millisecond))
		p.kill()
		d.check(t)
	}
	p = serve(t, file)
	s = d.beside(t)
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
	if j, err := s.Job(t.Context(), d.job); err != nil || j.Items.Done+j.Items.Failed != messages {
		t.Errorf("in the end it came to %+v, %v", j.Items, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	d.check(t)
	checkFiles(t, d.cfg.DataDir)
}

// TestKilledProcessBeginsAScheduledJobOnce kills the program within half a second of the moment at which a scheduled job
// begins, for a job a round, all on one data folder. Each job begins once, by itself, and each of its messages is sent
// once: one that was on its way at a kill has failed, because its handler may have processed it.
func TestKilledProcessBeginsAScheduledJobOnce(t *testing.T) {
	t.Parallel()
	const messages, around = 40, 500 * time.Millisecond
	destination := desktest.NewDestination(t)
	destination.Set(desktest.Answer(http.StatusOK, `{}`))
	d := program{cfg: settings(t, destination), destination: destination}
	file := write(t, d.cfg)
	serve(t, file).kill() // it makes the data folder
	addOperator(t, d.cfg)
	moment := moments(t)
	var jobs []deadletter.JobID
	for round := range *crashRounds {
		s := d.beside(t)
		cause := fail(t, s, messages, "order %d is locked by clerk "+strings.Repeat("x", round+1))
		begins := time.Now().Add(3 * around)
		jobs = append(jobs, order(t, s, store.Filter{Cause: cause}, deadletter.JobInput{
			JobPace: deadletter.JobPace{Rate: 100}, Begins: begins,
		}))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		p := serve(t, file)
		<-time.After(time.Until(begins) - around + moment(2*around))
		p.kill()
	}
	p, s := serve(t, file), d.beside(t)
	eventually(t, func() bool {
		for _, id := range jobs {
			if j, err := s.Job(t.Context(), id); err != nil || !j.State.Ended() {
				return false
			}
		}
		return true
	})
	p.stop(t)
	sent := map[string]int{}
	for _, one := range destination.Received() {
		if id := one.Header.Get("Webhook-Id"); sent[id] > 0 {
			t.Errorf("message %s was sent twice", id)
		} else {
			sent[id] = 1
		}
	}
	delivered := 0
	for _, id := range jobs {
		j, err := s.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		delivered += j.Items.Done
		if n := begun(t, s, id); n != 1 || j.Items.Done+j.Items.Failed != messages {
			t.Errorf("job %d began %d times and came to %+v", id, n, j.Items)
		}
		checkReport(t, s, j)
		faults, err := s.JobFaults(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			if !strings.Contains(f.Text, "may have processed it") {
				t.Errorf("%d messages of job %d failed for %q", f.Messages, id, f.Text)
			}
		}
	}
	if len(sent) < delivered || len(sent) > messages*len(jobs) {
		t.Errorf("%d messages were sent, %d were delivered", len(sent), delivered)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	checkFiles(t, d.cfg.DataDir)
}

// begun returns how often a job began by itself.
func begun(t *testing.T, s *store.Store, id deadletter.JobID) int {
	t.Helper()
	page, err := s.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{JobAlone: id, Action: "job.begin"}, Limit: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}

// checkReport checks that the results of a job by time are as many as it has, and that the trail has the end of each
// delivery as the job's.
func checkReport(t *testing.T, s *store.Store, j deadletter.Job) {
	t.Helper()
	results, err := s.JobResults(t.Context(), j.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var sum deadletter.JobItems
	for _, r := range results {
		sum.Done, sum.Failed, sum.Skipped = sum.Done+r.Done, sum.Failed+r.Failed, sum.Skipped+r.Skipped
	}
	if want := (deadletter.JobItems{Done: j.Items.Done, Failed: j.Items.Failed, Skipped: j.Items.Skipped}); sum != want {
		t.Errorf("the results of job %d are %+v, by time %+v", j.ID, want, sum)
	}
	page, err := s.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Job: j.ID, Action: "attempt.delivered"}, Limit: 1000,
	})
	if err != nil || len(page.Items) != j.Items.Done {
		t.Errorf(
			"the trail has %d messages that job %d delivered, want %d, %v",
			len(page.Items),
			j.ID,
			j.Items.Done,
			err,
		)
	}
}

// addOperator adds olga, who orders jobs.
func addOperator(t *testing.T, cfg config.Config) {
	t.Helper()
	err := app.New(cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), func(users *auth.Auth) error {
		return users.AddUser(t.Context(), deadletter.CLI("root"), "olga", "operator", password)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// order orders a job over the failed messages of a filter as olga does, while no process runs.
func order(t *testing.T, s *store.Store, f store.Filter, in deadletter.JobInput) deadletter.JobID {
	t.Helper()
	olga := deadletter.User("olga", deadletter.Operator, "")
	orders := desk.New(desk.Deps{
		Store: s, Masks: desktest.NoMasks, Kick: func() {}, Now: time.Now,
		Sources: desktest.Always([]desk.Source{{Name: "genesys"}}),
	})
	j, err := orders.FreezeMatching(t.Context(), olga, deadletter.ActReplay, f, "status=failed")
	if err == nil {
		err = orders.StartJob(t.Context(), olga, j.ID, in)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// steppingJob is a dlqdesk with one job that grows.
type steppingJob struct {
	program
	job deadletter.JobID
}

// check looks at what the killed process has sent and written.
func (d *steppingJob) check(t *testing.T) {
	t.Helper()
	s := d.beside(t)
	j, err := s.Job(t.Context(), d.job)
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]int{}
	for _, one := range d.destination.Received() {
		if id := one.Header.Get("Webhook-Id"); sent[id] > 0 {
			t.Errorf("message %s was sent twice", id)
		} else {
			sent[id] = 1
		}
	}
	if most := []int{0, 1, 11, 111, 300}[j.Step]; j.State == deadletter.JobScheduled && len(sent) > 0 ||
		len(sent) > most {
		t.Errorf("at step %d %d messages were sent: it is %s", j.Step, len(sent), j.State)
	}
	checkReport(t, s, j)
	if n := begun(t, s, d.job); n > 1 || n == 0 && j.State != deadletter.JobScheduled {
		t.Errorf("it is %s, and began %d times", j.State, n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

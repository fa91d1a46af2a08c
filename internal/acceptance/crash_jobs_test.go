package acceptance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
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
	err := app.New(d.cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), func(users *auth.Auth) error {
		return users.AddUser(t.Context(), deadletter.CLI("root"), "olga", "operator", password)
	})
	if err != nil {
		t.Fatal(err)
	}
	p.submit(t, client, "/signin", url.Values{"name": {"olga"}, "password": {password}})
	p.kill()
	s := d.beside(t)
	fail(t, s, messages, "order %d is locked")
	d.schedule(t, s)
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

// steppingJob is a dlqdesk with one job that grows.
type steppingJob struct {
	program
	job deadletter.JobID
}

// schedule orders the job as a person does, while no process runs.
func (d *steppingJob) schedule(t *testing.T, s *store.Store) {
	t.Helper()
	olga := deadletter.User("olga", deadletter.Operator, "")
	orders := desk.New(desk.Deps{
		Store: s, Masks: desktest.NoMasks, Kick: func() {}, Now: time.Now,
		Sources: desktest.Always([]desk.Source{{Name: "genesys"}}),
	})
	j, err := orders.FreezeMatching(t.Context(), olga, deadletter.ActReplay, store.Filter{}, "status=failed")
	if err != nil {
		t.Fatal(err)
	}
	d.job = j.ID
	err = orders.StartJob(t.Context(), olga, j.ID, deadletter.JobInput{
		Steps: deadletter.JobSteps{Sizes: []int{1, 10, 100}}, JobPace: deadletter.JobPace{Rate: 200},
		Begins: time.Now().Add(time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
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
	begun, err := s.Events(
		t.Context(),
		store.EventQuery{EventFilter: store.EventFilter{Action: "job.begin"}, Limit: 10},
	)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(begun.Items); n > 1 || n == 0 && j.State != deadletter.JobScheduled {
		t.Errorf("it is %s, and began %d times", j.State, n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

package console_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/worker"
)

// The trail has a job as one row with what it came to, and the events of its messages one click away. Filters that
// single out messages have them at once, and an export has them always.
func TestAuditFoldsTheMessagesOfAJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	vera := b.member(t, "vera", deadletter.Viewer)
	b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "a-1", "b-2", "c-3")
	olga := deadletter.User("olga", deadletter.Operator, "")
	if err := b.desk.StartJob(t.Context(), olga, id, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(time.Hour)
	policy := delivery.BreakerPolicy{FailureRate: 1, MinDeliveries: 100, RampStart: 1}
	to := worker.Source{Name: "genesys", Slots: 1, Breaker: delivery.NewBreaker(policy, func() {}, b.clock.Now)}
	b.workBy(t, id, picky{[]deadletter.ID{"a-1"}}, to)

	a := vera.get("/audit")
	row := a.doc().Find("tr[data-action='job.start']")
	text := strings.Join(strings.Fields(row.Text()), " ")
	if !strings.Contains(text, "olga started job 1 Replayed 3 messages 2 delivered 1 failed Events of its messages") {
		t.Errorf("the row of the job says %q", text)
	}
	const ofMessages = "tr[data-action^='attempt.'], tr[data-action='message.replay']"
	if n := a.count(ofMessages); n != 0 || a.count("tr[data-action='job.done']") != 1 ||
		a.count("tr[data-action='message.received']") != 3 {
		t.Errorf("%d events of its messages are listed: %s", n, a.says(".audit-table"))
	}
	for name, test := range map[string]struct {
		path   string
		events int
	}{
		"link of the row":    {row.Find(".audit-job a").AttrOr("href", ""), 9},
		"link to each":       {a.doc().Find("#audit-each").AttrOr("href", ""), 9},
		"replays":            {"/audit?action=message.replay", 3},
		"attempts of people": {"/audit?action=attempt.&by=people", 3},
		"message":            {"/audit?message=a-1", 3},
		"source":             {"/audit?source=genesys", 9},
		"olga":               {"/audit?actor=olga", 0},
		"olga, each":         {"/audit?actor=olga&jobs=each", 6},
		"people":             {"/audit?by=people", 0},
		"time":               {"/audit?from=2026-03-02T11:00", 0},
		"time of the job":    {"/audit?from=2026-03-02T11:00&job=1", 9},
		"another job":        {"/audit?job=2", 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := vera.get(test.path)
			if n := a.count(ofMessages); n != test.events || a.count("#audit-each") != 0 && n > 0 {
				t.Errorf("%s has %d events of its messages, want %d", test.path, n, test.events)
			}
		})
	}
	each := vera.get("/audit?jobs=each")
	if !strings.Contains(each.says(".preset-row"), "Messages of jobs each event") ||
		each.doc().Find("form.query [name='jobs']").AttrOr("value", "") != "each" {
		t.Errorf("the filter says %q", each.says(".preset-row"))
	}
	later := vera.get("/audit?from=2026-03-02T11:00")
	if got := later.says(".audit-jobs"); !strings.Contains(got, "job 1") || !strings.Contains(got, "2 delivered") {
		t.Errorf("of the job that began before it says %q", got)
	}
	link := later.doc().Find(".audit-jobs .audit-job a").AttrOr("href", "")
	if got := vera.get(link).count(ofMessages); got != 9 || !strings.Contains(link, "from=") {
		t.Errorf("%s has %d events of its messages", link, got)
	}
	for _, of := range []string{"", "from=2026-03-02T11:00", "actor=olga", "jobs=each"} {
		if text := vera.export(of, "jsonl").text; strings.Count(text, `"action":"attempt.delivered"`) != 2 ||
			strings.Count(text, `"action":"message.replay"`) != 3 && of != "from=2026-03-02T11:00" {
			t.Errorf("the export of %q is %s", of, text)
		}
	}
	if a := vera.get("/audit?jobs=none"); a.status != 422 {
		t.Errorf("a wrong list is answered %d", a.status)
	}
}

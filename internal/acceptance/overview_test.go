package acceptance_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
)

// The overview shows real deliveries, of the receiver's and of the worker's alike, and what the queue holds.
func TestOverviewShowsDestinationHealth(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	client := p.signIn(t)
	status, told := p.post(t, `{"id":"1"}`, nil)
	id := kept(t, status, told)
	p.await(t, client, "/messages/"+id, "503")
	p.await(t, client, "/overview", `data-health="failing"`)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	p.submit(t, client, "/messages/"+id+"/replay", map[string][]string{"version": {"0"}, "revision": {"0"}})
	p.await(t, client, "/overview", `data-health="error-responses"`)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	if status, _ := p.post(t, `{"id":"2"}`, nil); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	p.await(t, client, "/overview", `data-health="up"`)
	p.await(t, client, "/overview", "Failed messages")
}

// During an outage of SQS, the count of spooled messages links to a list of them.
func TestOverviewListsSpooledMessages(t *testing.T) {
	p, line := behindLine(t, nil, nil)
	client := p.signIn(t)
	line.Cut()
	status, told := p.post(t, `{"id":"1"}`, nil)
	small := kept(t, status, told)
	status, told = p.post(t, `{"id":"2","note":"`+strings.Repeat("\\u0000", 150<<10)+`"}`, nil)
	packed := kept(t, status, told)
	list := p.await(t, client, "/overview/queues/dlq", small)
	for _, want := range []string{packed, "genesys", "field id is missing"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list of what waits has no %q", want)
		}
	}
	p.await(t, client, "/overview", `href="/overview/queues/dlq"`)
	line.Mend(t)
	p.holds(t, []string{small, packed})
	p.await(t, client, "/overview/queues/dlq", "Queue is empty")
}

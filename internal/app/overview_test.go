package app_test

import (
	"net/http"
	"testing"

	"dlqdesk/internal/desktest"
)

// The overview tells of real deliveries, of the receiver's and of the worker's alike, and what the queue holds.
func TestOverviewTellsHowTheDestinationDoes(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	client := p.signIn(t)
	status, told := p.post(t, `{"id":"1"}`, nil)
	id := kept(t, status, told)
	p.await(t, client, "/letters/"+id, "503")
	p.await(t, client, "/overview", `data-health="failing"`)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	p.submit(t, client, "/letters/"+id+"/replay", map[string][]string{"version": {"0"}, "revision": {"0"}})
	p.await(t, client, "/overview", `data-health="refusing"`)
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	if status, _ := p.post(t, `{"id":"2"}`, nil); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	p.await(t, client, "/overview", `data-health="up"`)
	p.await(t, client, "/overview", "Dead letters")
}

package acceptance_test

import (
	"fmt"
	"net/http"
	"testing"

	"dlqdesk/internal/desktest"
)

// The limits of a page for a browser with an empty cache, without the editor of payloads.
const (
	pageLimit   = 200 << 10
	scriptLimit = 60 << 10
)

func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(
		desktest.Answer(
			http.StatusUnprocessableEntity, `{"error":"field id is missing in conversation.participants[1]"}`,
		),
	)
	id := ""
	for i := range 60 {
		status, told := p.post(t, fmt.Sprintf(`{"eventType":"conversation:updated","n":%d}`, i), nil)
		id = kept(t, status, told)
	}
	anna := sitDown(t, p)
	anna.opens("/messages", id)
	message := "/messages/" + id
	for name, path := range map[string]string{
		"list": "/messages", "message": message, "edit": message + "/edit",
		"overview": "/overview", "audit": "/audit",
	} {
		w := desktest.MeasurePage(t, anna.tab, p.ConsoleURL()+path)
		if w.Bytes > pageLimit || w.Script > scriptLimit || w.Bytes < 10_000 || w.Script < 1000 {
			t.Errorf("the %s page costs %d bytes, %d of them script, in %d requests", name, w.Bytes, w.Script,
				w.Requests)
		}
	}
}

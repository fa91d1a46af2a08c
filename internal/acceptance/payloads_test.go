package acceptance_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
)

// A webhook may be anything: it is delivered and kept as it came, found, and shown on a page of a size that a browser
// takes.
func TestHostileWebhooksAreCarriedAndShown(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) {
		c.Sources[0].Mask.JSON = []payload.Path{{"ssn"}, {"*", "ssn"}}
	})
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	client := p.signIn(t)
	const large = 128 << 10
	for name, c := range map[string]struct {
		body    string
		headers http.Header
	}{
		"gzip bomb": {
			bomb(t), http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"application/json"}},
		},
		"nested":              {strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), nil},
		"nested beyond JSON":  {strings.Repeat("[", large/2) + strings.Repeat("]", large/2), nil},
		"nested, never ends":  {strings.Repeat(`{"a":`, large/5), nil},
		"nested, full of ssn": {strings.Repeat(`{"ssn":`, large/7), nil},
		"wide":                {"[" + strings.Repeat("[],", large/3-1) + "1]", nil},
		"one line":            {`"` + strings.Repeat("x", large-2) + `"`, nil},
		"quotes":              {strings.Repeat(`"`, large), nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(p.destination.Received())
			status, told := p.post(t, c.body, c.headers)
			id := kept(t, status, told)
			if got := p.destination.Received(); len(got) != before+1 || string(got[before].Body) != c.body {
				t.Errorf("%d deliveries, the last of another body", len(got)-before)
			}
			p.await(t, client, "/messages", id)
			page := p.await(t, client, "/messages/"+id, "field id is missing")
			if len(page) > 4<<20 {
				t.Errorf("the page has %d bytes", len(page))
			}
			for _, form := range []string{"", "&form=pretty", "&form=edit"} {
				if status, _ := p.get(t, client, "/messages/"+id+"/body?revision=0"+form); status != http.StatusOK {
					t.Errorf("the body with %q answers %d", form, status)
				}
			}
			r, err := p.beside(t).Revision(t.Context(), deadletter.ID(id), 0)
			if err != nil || string(r.Body) != c.body {
				t.Errorf("kept is another body: %v", err)
			}
		})
	}
}

// bomb is a webhook that is a thousand times larger when it is unpacked.
func bomb(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Repeat(packed.String(), 128<<10/packed.Len()) // one after the other is one as well
}

package acceptance_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/url"
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
				status, _ := p.get(t, client, "/messages/"+id+"/body?revision=0"+form)
				// A body that expands past the limit cannot be searched for secrets.
				if refused := name == "gzip bomb" && form == ""; status != http.StatusOK &&
					(!refused || status != http.StatusRequestEntityTooLarge) {
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

// A destination by hand, because an HTTP server could hide what came: the bytes of a header are those that the platform
// sent, at the first delivery and at a replay out of the store.
func TestHeaderValuesKeepTheirBytesUntilTheReplay(t *testing.T) {
	t.Parallel()
	for _, mode := range []config.Mode{config.Direct, config.Buffered} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			address, heads := rawDestination(t)
			p := setup(t, func(c *config.Config) {
				c.Sources[0].Destination, c.Sources[0].Mode = "http://"+address, mode
			})
			client := p.signIn(t)
			_, told := p.post(t, `{}`, http.Header{"X-Name": {"caf\xe9", "café"}, "X-Mail": {"\xff\xfe@\x80"}})
			first := <-heads
			page := p.await(t, client, "/messages", `href="/messages/`)
			_, rest, _ := strings.Cut(page, `href="/messages/`)
			id := rest[:strings.IndexAny(rest, `"?`)]
			if mode == config.Direct && !strings.Contains(told, id) {
				t.Fatalf("the list shows message %s, the platform was told %s", id, told)
			}
			if page := p.await(t, client, "/messages/"+id, "X-Name"); !strings.Contains(page, "café") {
				t.Error("the page does not show the header's text")
			}
			p.submit(t, client, "/messages/"+id+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
			for _, head := range []string{first, <-heads} {
				for _, want := range []string{"X-Name: caf\xe9\r\n", "X-Name: café\r\n", "X-Mail: \xff\xfe@\x80\r\n"} {
					if !strings.Contains(head, "\r\n"+want) {
						t.Errorf("%q was not sent in %q", want, head)
					}
				}
			}
		})
	}
}

// rawDestination responds 422 to each request, and gives their first lines and headers as they came.
func rawDestination(t *testing.T) (address string, heads <-chan string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	got := make(chan string, 16)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			var head strings.Builder
			from := bufio.NewReader(conn)
			for line, err := from.ReadString('\n'); err == nil && line != "\r\n"; line, err = from.ReadString('\n') {
				head.WriteString(line)
			}
			got <- head.String() + "\r\n"
			_, _ = io.WriteString(conn, "HTTP/1.1 422 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = conn.Close()
		}
	}()
	return l.Addr().String(), got
}

// A form is found by each of its values, and an error in Latin-1 is shown with its umlauts.
func TestFormsAreFoundAndErrorsReadByTheirCharset(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	p.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=ISO-8859-1")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "Falscher Schl\xfcssel: gr\xf6\xdfer")
	})
	client := p.signIn(t)
	const form = "From=%2B15557654321&Email=anna%40example.com&Name=J%C3%BCrgen+Gro%C3%9F&Body=Where+is+order+A-1001%3F"
	status, told := p.post(t, form, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	id := kept(t, status, told)
	for _, words := range []string{"+15557654321", "anna@example.com", "Jürgen Groß", "order A-1001"} {
		p.await(t, client, "/messages?status=all&q="+url.QueryEscape(words), "/messages/"+id)
	}
	page := p.await(t, client, "/messages/"+id, "Falscher Schlüssel: größer")
	for _, text := range []string{"form, 4 fields", "Jürgen Groß", "anna@example.com"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not show %q", text)
		}
	}
}

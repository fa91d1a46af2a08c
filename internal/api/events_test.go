package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// stream reads server-sent events as they come.
type stream struct {
	answer
	lines *bufio.Scanner
	end   func()
}

// follow opens a stream. header are names and values in turn.
func (b bundle) follow(t *testing.T, secret, query string, header ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.URL+api.Path+"/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	s := &stream{answer: answer{status: response.StatusCode, header: response.Header}, end: cancel}
	if s.status != http.StatusOK {
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		s.text = string(text)
		return s
	}
	if kind := s.header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("the stream is %q", kind)
	}
	s.lines = bufio.NewScanner(response.Body)
	if s.next(); s.lines.Text() != "" { // after the advice to connect again
		t.Fatalf("the stream begins with %q", s.lines.Text())
	}
	return s
}

// next reads up to the end of the next event. It reports whether there is one with data before the stream ends.
func (s *stream) next() (e api.ChangeEvent, ok bool) {
	id := int64(0)
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			id, _ = strconv.ParseInt(value, 10, 64)
		case "data":
			ok = json.Unmarshal([]byte(value), &e) == nil && e.Sequence == id
		case "":
			return e, ok
		}
	}
	return e, false
}

// await reads the stream up to the event of a message, and returns all events on the way as action and target.
func (s *stream) await(t *testing.T, id string) (list []string, last api.ChangeEvent) {
	t.Helper()
	for {
		e, ok := s.next()
		if !ok {
			t.Fatalf("the stream ended after %d events", len(list))
		}
		list = append(list, strconv.FormatInt(e.Sequence, 10)+" "+e.Action+" "+e.Target)
		if e.Target == id {
			return list, e
		}
	}
}

// fill stores messages that failed, id-0 and so on, in one transaction.
func (b bundle) fill(t *testing.T, id string, n int) {
	t.Helper()
	list := make([]deadletter.Capture, n)
	for i := range list {
		list[i] = desktest.Failure(fmt.Sprintf("%s-%d", id, i), 422, b.clock.Now())
		list[i].Source = "genesys"
	}
	desktest.ReceiveAll(t, b.store, list)
}

func lastID(e api.ChangeEvent) string { return strconv.FormatInt(e.Sequence, 10) }

// A client that was away gets what happened meanwhile, once and in order, also if the process was killed.
func TestStreamResumesAfterKill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var seen []string
	first := b.follow(t, b.tokens["vera"], "")
	b.receive(t, "a-1", "genesys")
	list, last := first.await(t, "a-1")
	seen = append(seen, list...)
	first.end()
	b.fill(t, "away", 1200) // more than are read at once

	killed := t.TempDir() // what a killed process leaves
	if err := os.CopyFS(killed, os.DirFS(filepath.Dir(b.path))); err != nil {
		t.Fatal(err)
	}
	b.stop()
	again := start(t, filepath.Join(killed, filepath.Base(b.path)))
	again.tokens = b.tokens
	second := again.follow(t, b.tokens["vera"], "", "Last-Event-ID", lastID(last))
	list, last = second.await(t, "away-700")
	seen = append(seen, list...)
	second.end()
	third := again.follow(t, b.tokens["vera"], "", "Last-Event-ID", lastID(last))
	again.receive(t, "a-2", "genesys")
	list, _ = third.await(t, "a-2")
	seen = append(seen, list...)

	begin, err := strconv.ParseInt(strings.Fields(seen[0])[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	trail, err := again.store.ChangesAfter(t.Context(), begin-1, 5000)
	if err != nil || len(trail) != len(seen) || len(seen) < 1202 {
		t.Fatalf("%d events were sent, the trail has %d, %v", len(seen), len(trail), err)
	}
	for i, e := range trail {
		if want := strconv.FormatInt(e.Sequence, 10) + " " + e.Action + " " + e.Target; seen[i] != want {
			t.Fatalf("event %d is %s, want %s", i, seen[i], want)
		}
	}
}

// An event says what it is about, with the cause of a message, and is masked.
func TestEventSaysWhatItIsAbout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.follow(t, b.tokens["vera"], "?kind=message,cause")
	b.token(t, "olga", deadletter.TokenInput{Name: "other", Role: deadletter.Viewer}) // of another kind
	m := b.receive(t, "a-1", "genesys")
	e, _ := s.next()
	if e.Action != "message.received" || e.TargetKind != "message" || e.Target != "a-1" || e.Source != "genesys" ||
		e.Cause != m.Fingerprint || e.By != "system" || len(e.After) == 0 {
		t.Errorf("the event of a message is %+v", e)
	}
	b.ask(t, b.tokens["olga"], "POST", "/causes/"+m.Fingerprint+"/claim", `{"hours":4}`)
	e, _ = s.next()
	if e.Action != "cause.claim" || e.Target != m.Fingerprint || e.Cause != m.Fingerprint || e.Source != "genesys" {
		t.Errorf("the event of a cause is %+v", e)
	}
	b.ask(t, b.tokens["olga"], "POST", "/messages/a-1/archive", `{"reason":"see Authorization: Bearer abcdefgh12345"}`)
	if e, _ = s.next(); e.Action != "message.archive" || e.By != "ci of olga" ||
		strings.Contains(e.Reason, "abcdefgh12345") {
		t.Errorf("the event of an order is %+v", e)
	}
}

// A token that is limited to some sources is told of these alone.
func TestStreamHasOnlyWhatTheTokenReaches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	limited, all := b.follow(t, b.tokens["limited"], ""), b.follow(t, b.tokens["vera"], "")
	m := b.receive(t, "a-1", "genesys")
	own := b.receive(t, "b-1", "cxone")
	olga := b.tokens["olga"]
	b.ask(t, olga, "POST", "/causes/"+m.Fingerprint+"/claim", `{"hours":4}`)
	b.ask(t, olga, "POST", "/causes/"+own.Fingerprint+"/claim", `{"hours":4}`)
	for _, messages := range []string{`["a-1"]`, `["b-1"]`, `["a-1","b-1"]`} {
		draft := b.ask(t, olga, "POST", "/jobs", `{"action":"replay","messages":`+messages+`}`)
		b.ask(t, olga, "POST", strings.TrimPrefix(draft.header.Get("Location"), api.Path)+"/start", `{"count":1}`)
	}
	b.receive(t, "b-2", "cxone")
	everything, _ := all.await(t, "b-2")
	got, last := limited.await(t, "b-2")
	for i := range got {
		got[i] = strings.SplitN(got[i], " ", 2)[1]
	}
	want := []string{
		"message.received b-1", "cause.claim " + own.Fingerprint, "job.start 2", "message.received b-2",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the limited token was told %q, want %q, of %q", got, want, everything)
	}
	b.ask(t, olga, "POST", "/messages/b-2/archive", `{"reason":"test"}`)
	if e, _ := limited.next(); e.Sequence <= last.Sequence || e.By != "ci of olga" || e.Address != "" {
		t.Errorf("it is told the address of another: %+v", e)
	}
}

// A stream ends with its token, and nothing is sent after that.
func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, b bundle){
		"revoked": func(t *testing.T, b bundle) {
			t.Helper()
			list, err := b.store.Tokens(t.Context(), "olga")
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range list {
				if _, err := b.auth.RevokeToken(t.Context(), deadletter.System(), token.ID); err != nil {
					t.Fatal(err)
				}
			}
		},
		"expired": func(_ *testing.T, b bundle) { b.clock.Add(25 * time.Hour) },
		"its user is disabled": func(t *testing.T, b bundle) {
			t.Helper()
			if err := b.auth.Disable(t.Context(), deadletter.System(), "olga"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			secret := b.token(t, "olga", deadletter.TokenInput{Name: "watch", Role: deadletter.Viewer, Days: 1})
			s, other := b.follow(t, secret, "?kind=message"), b.follow(t, b.tokens["vera"], "?kind=message")
			end(t, b)
			b.receive(t, "a-1", "genesys")
			other.await(t, "a-1")
			if e, ok := s.next(); ok {
				t.Errorf("it is sent %+v", e)
			}
			if again := b.follow(t, secret, ""); again.status != http.StatusUnauthorized {
				t.Errorf("connecting again is answered %d", again.status)
			}
		})
	}
}

// A user has so many streams with all tokens together, those that ended not counted, and an id from the future is a conflict.
func TestStreamsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vera := b.tokens["vera"]
	var open []*stream
	for len(open) < 10 {
		open = append(open, b.follow(t, vera, ""))
	}
	refused := b.follow(t, vera, "")
	if p := read[api.Problem](t, refused.answer, http.StatusTooManyRequests); p.Type !=
		"urn:dlqdesk:problem:rate-limited" {
		t.Errorf("one stream too many is answered %+v", p)
	}
	more := b.token(t, "vera", deadletter.TokenInput{Name: "another", Role: deadletter.Viewer})
	if s := b.follow(t, more, ""); s.status != http.StatusTooManyRequests {
		t.Errorf("another token of the user is answered %d", s.status)
	}
	if s := b.follow(t, b.tokens["olga"], ""); s.status != http.StatusOK {
		t.Errorf("the token of another user is answered %d", s.status)
	}
	open[0].end()
	for refused.status != http.StatusOK { // the server notices that the client is gone
		refused = b.follow(t, vera, "")
		b.clock.Add(time.Second)
	}
	future := b.follow(t, b.tokens["olga"], "", "Last-Event-ID", "999999")
	if p := read[api.Problem](t, future.answer, http.StatusConflict); !strings.Contains(p.Detail, "backup") {
		t.Errorf("an id from the future is answered %+v", p)
	}
	every := b.follow(t, b.tokens["adam"], "?kind="+strings.Join(deadletter.EventTargets(), ","))
	if every.status != http.StatusOK {
		t.Errorf("with every kind it is answered %d", every.status)
	}
	every.end()
	for _, c := range []struct{ query, id string }{{"?kind=nonsense", "1"}, {"", "-1"}, {"", "x"}} {
		if s := b.follow(t, b.tokens["olga"], c.query, "Last-Event-ID", c.id); s.status != 422 {
			t.Errorf("%v is answered %d", c, s.status)
		}
	}
}

// A client that takes nothing holds up neither the desk nor other streams, and the desk can stop.
func TestSlowStreamHoldsUpNoOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slow := desktest.Dial(t, b.server.Listener.Addr().String())
	slow.Send(t, "GET %s/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\nAuthorization: Bearer %s\r\n\r\n", api.Path,
		b.tokens["vera"])
	s := b.follow(t, b.tokens["vera"], "")
	b.fill(t, "a", 1000)
	if list, _ := s.await(t, "a-999"); len(list) != 1000 {
		t.Errorf("the other stream has %d events", len(list))
	}
	b.api.CloseStreams()
	if e, ok := s.next(); ok {
		t.Errorf("after the end it is sent %+v", e)
	}
	if late := b.follow(t, b.tokens["vera"], ""); late.status != http.StatusServiceUnavailable {
		t.Errorf("a stream is opened while the desk stops: %d", late.status)
	}
}

// A stream may last, other requests may not.
func TestOnlyStreamsHaveNoTimeLimit(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/api/v1/events": false, "/api/v1/messages": true} {
		limited := false
		h := api.LimitTime(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, limited = r.Context().Deadline()
		}))
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if h.ServeHTTP(nil, r); limited != want {
			t.Errorf("%s is limited: %v", path, limited)
		}
	}
}

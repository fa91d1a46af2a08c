package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/receiver"
)

const limit = 1 << 10

type bundle struct {
	url             string
	destination     *desktest.Destination
	dlq, processing *queue.Embedded
	receiver        *receiver.Receiver
	processor       *receiver.Processor
	observed        chan string // of which the receiver told
}

// full is a queue that takes nothing.
type full struct{ *queue.Embedded }

func (full) Send(_ context.Context, list []queue.Outgoing) []error {
	errs := make([]error, len(list))
	for i := range errs {
		errs[i] = errors.New("no space left")
	}
	return errs
}

func setup(t *testing.T, dlqIsFull bool) bundle {
	t.Helper()
	return setupWith(t, dlqIsFull, &notes{})
}

func setupWith(t *testing.T, dlqIsFull bool, counts receiver.Ledger) bundle {
	t.Helper()
	open := queues(t)
	b := bundle{
		destination: desktest.NewDestination(t), dlq: open("dlq"), processing: open("processing"),
		observed: make(chan string, 1000),
	}
	to := delivery.Destination{
		Source:        "genesys",
		URL:           b.destination.URL + "?key=1",
		Timeout:       5 * time.Second,
		MaxConcurrent: 8,
	}
	ack, err := payload.NewAck(http.StatusAccepted, "text/plain", `{$.id} is {message_id}`)
	if err != nil {
		t.Fatal(err)
	}
	sources := []receiver.Source{
		{Name: "genesys", Destination: to, MaxBody: limit},
		{Name: "later", Destination: to, MaxBody: limit, Buffered: true},
		{Name: "polite", Destination: to, MaxBody: limit, Buffered: true, Ack: ack},
	}
	var dlq receiver.Queue = b.dlq
	if dlqIsFull {
		dlq = full{b.dlq}
	}
	r := receiver.New(receiver.Deps{
		Sources:    desktest.Always(sources),
		Sender:     newClient(t),
		DLQ:        dlq,
		Processing: b.processing,
		Ledger:     counts,
		Observers: []receiver.Observer{func(c deadletter.Capture, delivered bool) {
			select {
			case b.observed <- fmt.Sprint(c.Source, " ", string(c.Body), " ", delivered):
			default:
			}
		}},
		Now: time.Now,
		Log: desktest.Log(t),
	})
	b.receiver, b.processor = r, receiver.NewProcessor(r, b.processing)
	server := httptest.NewServer(r.Handler())
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b bundle) send(t *testing.T, method, path string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Platform", "kept")
	req.Header.Set("Connection", "X-Hop")
	req.Header.Set("X-Hop", "left out")
	return ask(t, req)
}

func TestResponses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		body         string
		handler      int
		full         bool
		status       int
		want         string
		onDLQ        int
	}{
		"delivered": {"POST", "/webhooks/genesys", "{}", 204, false, 200, `{"status":"accepted"}`, 0},
		"kept": {
			"POST", "/webhooks/genesys", "{}", 503, false, 200, `{"status":"queued_for_retry","messageId":"`, 1,
		},
		"redirect is kept": {
			"POST", "/webhooks/genesys", "{}", 302, false, 200, `{"status":"queued_for_retry","messageId":"`, 1,
		},
		"kept nowhere": {
			"POST", "/webhooks/genesys", "{}", 503, true, 500, `{"error":"Internal Server Error"}`, 0,
		},
		"unknown source": {"POST", "/webhooks/nobody", "{}", 200, false, 404, `{"error":"`, 0},
		"another path":   {"POST", "/webhooks/genesys/more", "{}", 200, false, 404, `{"error":"`, 0},
		"wrong method":   {"GET", "/webhooks/genesys", "", 200, false, 405, `{"error":"`, 0},
		"too large": {
			"POST", "/webhooks/genesys", strings.Repeat("x", limit+1), 200, false, 413, `{"error":"`, 0,
		},
		"as large as can be": {
			"POST", "/webhooks/genesys", strings.Repeat("x", limit), 200, false, 200, `{"status":"accepted"}`, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, c.full)
			b.destination.Set(desktest.Answer(c.handler, ""))
			got := b.send(t, c.method, c.path, strings.NewReader(c.body))
			if got.status != c.status || !strings.HasPrefix(got.body, c.want) ||
				got.header.Get("Content-Type") != "application/json" {
				t.Errorf("answered %d %s %v", got.status, got.body, got.header)
			}
			if (got.status == 500) != (got.header.Get("Retry-After") != "") ||
				(got.status == 405) != (got.header.Get("Allow") == "POST") {
				t.Errorf("headers %v", got.header)
			}
			if n := len(kept(t, b.dlq)); n != c.onDLQ {
				t.Errorf("%d messages on the queue, want %d", n, c.onDLQ)
			}
		})
	}
}

func TestChunkedBodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	got := b.send(
		t, "POST", "/webhooks/genesys",
		io.MultiReader(strings.NewReader(strings.Repeat("x", limit)), strings.NewReader("y")),
	)
	if got.status != http.StatusRequestEntityTooLarge || len(b.destination.Received()) != 0 {
		t.Errorf("answered %d, %d deliveries", got.status, len(b.destination.Received()))
	}
}

func TestIncompleteBodyIsNotDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprint(
		conn, "POST /webhooks/genesys HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{}",
	); err != nil {
		t.Fatal(err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatal("no TCP")
	}
	if err := tcp.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || len(b.destination.Received()) != 0 ||
		len(kept(t, b.dlq)) != 0 {
		t.Errorf("answered %q, %v, %d deliveries", text, err, len(b.destination.Received()))
	}
}

func TestWebhookIsDeliveredUnchangedAndStoredWithItsFirstAttempt(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{ "a":1 ,"a":2}`, "{", "<x/>", "\xff\x00", ""} {
		t.Run(fmt.Sprintf("%.20q", body), func(t *testing.T) {
			b := setup(t, false)
			b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
			b.send(t, "POST", "/webhooks/genesys?a=%20b", strings.NewReader(body))
			sent, messages := b.destination.Received(), kept(t, b.dlq)
			if len(sent) != 1 || len(messages) != 1 {
				t.Fatalf("%d deliveries, %d messages", len(sent), len(messages))
			}
			d, l := sent[0], messages[0]
			if string(d.Body) != body || d.Query != "key=1&a=%20b" || d.Header.Get("X-Platform") != "kept" ||
				d.Header.Get("X-Hop") != "" ||
				d.Header.Get("X-Dlqdesk-Attempt") != "1" ||
				d.Header.Get("Webhook-Id") != l.WebhookID ||
				d.Header.Get("Traceparent") != l.FirstAttempt.TraceParent {
				t.Errorf("delivered %+v", d)
			}
			if string(l.Body) != body || l.Source != "genesys" || l.Query != "a=%20b" ||
				l.Headers.Get("X-Platform") != "kept" ||
				l.Headers.Get("X-Hop") != "" {
				t.Errorf("kept %+v", l)
			}
			if l.FirstAttempt.StatusCode != 422 || l.FirstAttempt.Outcome != deadletter.ErrorResponse ||
				string(l.FirstAttempt.ResponseBody) != `{"error":"field id is missing"}` ||
				l.Reason != "field id is missing" {
				t.Errorf("first attempt %+v", l.FirstAttempt)
			}
		})
	}
}

func TestPlatformThatHangsUpDoesNotStopADelivery(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	release := make(chan struct{})
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(http.StatusBadGateway)
	})
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(
		ctx, http.MethodPost, b.url+"/webhooks/genesys", strings.NewReader(`{"id":1}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	hungUp := make(chan struct{})
	go func() {
		defer close(hungUp)
		if answer, err := http.DefaultClient.Do(req); err == nil {
			_ = answer.Body.Close()
			t.Error("the platform got an answer")
		}
	}()
	b.destination.Await(t)
	hangUp()
	<-hungUp
	close(release)
	messages, err := b.dlq.Receive(t.Context(), 10, 10*time.Second)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages on the queue, %v", len(messages), err)
	}
}

func TestBufferedWebhookIsDeliveredFromItsQueue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler, messages int
	}{"delivered": {200, 0}, "failed": {422, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, false)
			b.destination.Set(desktest.Answer(c.handler, ""))
			if got := b.send(
				t, "POST", "/webhooks/later", strings.NewReader(`{ "id":1}`),
			); got.status != 200 || got.body != `{"status":"accepted"}` {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			if n := len(b.destination.Received()); n != 0 {
				t.Fatalf("%d deliveries before the answer", n)
			}
			if err := b.processor.Once(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			sent := b.destination.Received()
			if len(sent) != 1 || string(sent[0].Body) != `{ "id":1}` {
				t.Errorf("delivered %+v", sent)
			}
			if n := len(kept(t, b.dlq)); n != c.messages {
				t.Errorf("%d messages, want %d", n, c.messages)
			}
			if d, err := b.processing.Depth(t.Context()); err != nil || d.Visible+d.InFlight != 0 {
				t.Errorf("the processing queue holds %+v, %v", d, err)
			}
		})
	}
}

// The acknowledgement that a source configures contains the id of the message.
func TestBufferedWebhookGetsTheConfiguredAck(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, ""))
	got := b.send(t, "POST", "/webhooks/polite", strings.NewReader(`{"id":"evt-7"}`))
	id, ok := strings.CutPrefix(got.body, "evt-7 is ")
	if !ok || len(id) != 36 || got.status != http.StatusAccepted || got.header.Get("Content-Type") != "text/plain" {
		t.Fatalf("answered %d %q as %s", got.status, got.body, got.header.Get("Content-Type"))
	}
	if err := b.processor.Once(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if messages := kept(t, b.dlq); len(messages) != 1 || string(messages[0].ID) != id {
		t.Errorf("the platform was told %s, and kept is %+v", id, messages)
	}
}

func TestBufferedWebhookRemainsIfTheDLQRefusesIt(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	b.send(t, "POST", "/webhooks/later", strings.NewReader(`{}`))
	if err := b.processor.Once(t.Context(), 0); err == nil {
		t.Error("a webhook that could be kept nowhere is no error")
	}
	if d, err := b.processing.Depth(t.Context()); err != nil || d.Visible != 1 {
		t.Errorf("the processing queue holds %+v, %v", d, err)
	}
}

// The query of a destination may be its key, so no envelope has it.
func TestEnvelopeLacksTheQueryOfTheDestination(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	for path, q := range map[string]*queue.Embedded{"/webhooks/genesys": b.dlq, "/webhooks/later": b.processing} {
		t.Run(path, func(t *testing.T) {
			b.send(t, http.MethodPost, path, strings.NewReader(`{}`))
			messages, err := q.Receive(t.Context(), 10, 0)
			if err != nil || len(messages) != 1 {
				t.Fatalf("%d are on the queue, %v", len(messages), err)
			}
			if body := string(messages[0].Body); strings.Contains(body, "key=1") ||
				!strings.Contains(body, `"destination":"`+b.destination.URL+`"`) {
				t.Errorf("the envelope is %s", body)
			}
		})
	}
	for _, d := range b.destination.Received() {
		if d.Query != "key=1" {
			t.Errorf("the destination was sent the query %q", d.Query)
		}
	}
}

// Observers are told what became of every webhook, in both modes.
func TestFirstDeliveriesAreObserved(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	b.destination.Set(desktest.Answer(http.StatusOK, "{}"))
	b.send(t, http.MethodPost, "/webhooks/genesys", strings.NewReader(`{"n":1}`))
	b.send(t, http.MethodPost, "/webhooks/later", strings.NewReader(`{"n":2}`))
	if err := b.processor.Once(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, "{}"))
	b.send(t, http.MethodPost, "/webhooks/genesys", strings.NewReader(`{"n":3}`))
	close(b.observed)
	var told []string
	for text := range b.observed {
		told = append(told, text)
	}
	if got := strings.Join(told, ", "); got != `genesys {"n":1} true, later {"n":2} true, genesys {"n":3} false` {
		t.Errorf("told of %s", got)
	}
}

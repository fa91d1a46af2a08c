package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/notify"
	"dlqdesk/internal/redact"
)

var raisedAt = time.Date(2026, 11, 30, 8, 15, 0, 0, time.UTC)

// newCause is a notice of a new cause.
func newCause() notify.Notice {
	return notify.Notice{
		ID: "alert-7-raised-chat", Event: deadletter.AlertRaised, At: raisedAt, Desk: "https://desk.example.com",
		Alert: deadletter.Alert{
			ID: 7, Kind: deadletter.AlertNewCause, Key: "cause:1f0c", Severity: deadletter.SeverityWarning,
			Sources: []string{"genesys"}, Cause: "1f0c", Title: "New cause: customer is required",
			Text:     "422 from handler.example.com: customer is required",
			Facts:    []deadletter.AlertFact{{Label: "Failed", Value: "1,204 messages"}},
			RaisedAt: raisedAt,
		},
		Links: []notify.Link{
			{Label: "Cause", URL: "https://desk.example.com/causes/1f0c"},
			{Label: "Claim", URL: "https://desk.example.com/causes/1f0c?open=claim"},
			{Label: "Mute", URL: "https://desk.example.com/causes/1f0c?open=mute&from=alert"},
			{Label: "Test batch", URL: "https://desk.example.com/causes/1f0c?open=test"},
		},
	}
}

// resolved is the end of an alert.
func resolved(n notify.Notice) notify.Notice {
	n.ID, n.Event, n.At = n.ID+"-resolved", deadletter.AlertResolved, raisedAt.Add(95*time.Second)
	n.Alert.ResolvedAt, n.Alert.Resolution = n.At, "all messages of the cause are resolved"
	return n
}

// hostileTexts are texts that a payload could bring into the title of a cause.
var hostileTexts = map[string]string{
	"mentions":         "<!channel> <!here|here> <@U012AB3CD> <#C024BE7LR> @channel @here @everyone &lt;!channel&gt;",
	"links":            "<https://evil.example|Claim> [Claim](https://evil.example) https://evil.example",
	"markdown":         "*bold* _it_ ~no~ `code` ```\nfence``` # head\n- item\n> quote ![x](https://evil.example/x.png)",
	"html":             `<script>alert(1)</script><img src=x onerror=alert(1)>"'></title></body>`,
	"headers":          "x\r\nBcc: evil@example.com\r\n\r\n<b>body</b>\n.\nQUIT\r\n.\r\n",
	"control":          "a\x00b\x1b[31mc\u202egnp.exe\u2066\u200fd\u2028e\x7f",
	"templates":        `{{.Desk}} ${x} @{body()} {{DATE(2026-11-30T08:00:00Z,SHORT)}} <at>everyone</at> #{x} %s %d`,
	"not UTF-8":        "caf\xe9 \xff\xfe",
	"empty":            "",
	"only blanks":      " \t\r\n ",
	"long":             strings.Repeat("&<>\"\\", 20_000),
	"long astral":      strings.Repeat("😀", 30_000),
	"long ideographic": strings.Repeat("漢", 60_000),
	"one long word":    strings.Repeat("x", 100_000),
	"surrogates":       string(utf16.Decode([]uint16{0xd83d})) + "x",
}

// hostile puts a text in every place of a notice that comes from messages.
func hostile(text string) notify.Notice {
	n := newCause()
	n.Alert.Title, n.Alert.Text, n.Alert.Resolution = "New cause: "+text, text, text
	n.Alert.Sources, n.Alert.Facts = nil, nil
	for range 60 {
		n.Alert.Facts = append(n.Alert.Facts, deadletter.AlertFact{Label: "Error " + text, Value: text})
	}
	for range deadletter.MaxAlertCauses {
		n.Alert.Sources = append(n.Alert.Sources, text)
		n.Alert.Causes = append(n.Alert.Causes, deadletter.AlertCause{Fingerprint: "1f0c", Title: text})
	}
	n.Alert.CauseCount = 40
	return n
}

// eachHostile sends notices with hostile texts: of an alert, and of its end.
func eachHostile(t *testing.T, sink notify.Sink) {
	t.Helper()
	for name, text := range hostileTexts {
		for _, n := range []notify.Notice{hostile(text), resolved(hostile(text))} {
			if err := sink.Send(t.Context(), n); err != nil {
				t.Errorf("%s, %s: %v", name, n.Event, err)
			}
		}
	}
}

func newClient(t *testing.T) *delivery.Client {
	t.Helper()
	client := delivery.NewClient(context.WithoutCancel(t.Context()), time.Now)
	t.Cleanup(client.Close)
	return client
}

func secret(value string) redact.Secret { return redact.NewSecret("env:SINK", value) }

// platform is a server that stands for one of a platform: it checks every request by the platform's documentation.
type platform struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	answer   http.HandlerFunc // in place of the platform's own; nil: that
}

type request struct {
	path   string
	header http.Header
	body   []byte
}

// newPlatform starts a server. check answers what a request gets; it reports faults of its form to t.
func newPlatform(t *testing.T, check func(w http.ResponseWriter, r request)) *platform {
	t.Helper()
	p := &platform{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s: %v", r.Method, err)
		}
		got := request{r.URL.RequestURI(), r.Header, body}
		p.mu.Lock()
		p.requests = append(p.requests, got)
		answer := p.answer
		p.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		if kind := r.Header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("content type %q", kind)
		}
		check(w, got)
	}))
	t.Cleanup(p.Close)
	return p
}

// answers sets what the platform answers instead of what it would.
func (p *platform) answers(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = h
}

func (p *platform) received() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// strictly decodes JSON into a type that has all that a platform documents.
func strictly(body []byte, into any) error {
	from := json.NewDecoder(bytes.NewReader(body))
	from.DisallowUnknownFields()
	return from.Decode(into)
}

// size counts as JavaScript does.
func size(text string) int { return len(utf16.Encode([]rune(text))) }

func status(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// sendError returns the error of a send, which must be one that says what to do.
func sendError(t *testing.T, err error) *notify.SendError {
	t.Helper()
	failed, ok := errors.AsType[*notify.SendError](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	return failed
}

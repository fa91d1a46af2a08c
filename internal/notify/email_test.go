package notify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/notify"
	"dlqdesk/internal/redact"
)

// mailServer is a real mail server, a process of its own, and what it accepted.
type mailServer struct {
	*platform
	address   string
	authority desktest.Authority
}

const mailPassword = "correct horse battery"

// newMailServer starts a mail server. options are variables of testdata/smtp-server.cjs.
func newMailServer(t *testing.T, options ...string) mailServer {
	t.Helper()
	m := mailServer{authority: desktest.NewAuthority(t)}
	m.platform = newPlatform(t, accepts)
	m.answers(func(http.ResponseWriter, *http.Request) {})
	_, cert, key := m.authority.Files(t, m.authority.Issue(t, time.Hour))
	environment := append([]string{
		"TLS_CERT=" + cert, "TLS_KEY=" + key, "RECEIVED=" + m.URL, "PASSWORD=" + mailPassword,
	}, options...)
	address, _ := desktest.StartNode(t, "testdata/smtp-server.cjs", environment...)
	m.address = strings.TrimPrefix(address, "http://")
	return m
}

func (m mailServer) settings() config.SMTP {
	return config.SMTP{
		Address: m.address, From: "dlqdesk <desk@example.com>", User: "desk",
		Password: redact.NewSecret("env:SMTP", mailPassword),
	}
}

func (m mailServer) sink(t *testing.T, s config.SMTP, to ...string) notify.Email {
	t.Helper()
	sink, err := notify.NewEmail(s, to, m.authority.Pool())
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// email is an e-mail as a reader takes it apart.
type email struct {
	mail.Header
	envelope   http.Header
	text, html string
}

func readEmail(t *testing.T, r request) email {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(r.body))
	if err != nil {
		t.Fatalf("%v: %.2000s", err, r.body)
	}
	e := email{Header: m.Header, envelope: r.header}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s: %v", kind, err)
	}
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return e
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = part
		switch part.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			body = quotedprintable.NewReader(part)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			e.text += string(content)
		case "text/html":
			e.html += string(content)
		default:
			t.Errorf("a part of type %s", kind)
		}
	}
}

func (e email) subject(t *testing.T) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(e.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEmailGoesThroughSTARTTLS(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	sink := server.sink(t, server.settings(), "oncall@example.com", "Team <team@example.com>")
	for _, n := range []notify.Notice{newCause(), newCause(), resolved(newCause())} {
		if err := sink.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	sent := server.received()
	if len(sent) != 3 {
		t.Fatalf("%d e-mails", len(sent))
	}
	first, again, end := readEmail(t, sent[0]), readEmail(t, sent[1]), readEmail(t, sent[2])
	for name, want := range map[string]string{
		"X-Secure": "true", "X-User": "desk", "X-From": "desk@example.com", "X-To": "oncall@example.com,team@example.com",
	} {
		if got := first.envelope.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if first.subject(t) != "[Warning] New cause: customer is required" {
		t.Errorf("%v", first.Header)
	}
	if got := first.Get("Auto-Submitted"); got != "auto-generated" {
		t.Errorf("Auto-Submitted: %q", got)
	}
	if end.subject(t) != "[Warning] Resolved: New cause: customer is required" {
		t.Errorf("%v", end.Header)
	}
	id := first.Get("Message-Id")
	if again.Get("Message-Id") != id || end.Get("Message-Id") == id || !strings.HasSuffix(id, "@example.com>") {
		t.Errorf("ids %q %q %q", id, again.Get("Message-Id"), end.Get("Message-Id"))
	}
	if thread := first.Get("References"); thread == "" || end.Get("References") != thread || thread == id {
		t.Errorf("threads %q %q", thread, end.Get("References"))
	}
	for _, want := range []string{
		"New cause: customer is required", "Failed: 1,204 messages", "Since: 30 November 08:15:00 UTC",
		"Test batch: https://desk.example.com/causes/1f0c?open=test",
	} {
		if !strings.Contains(first.text, want) {
			t.Errorf("without %q:\n%s", want, first.text)
		}
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(first.html))
	if err != nil {
		t.Fatal(err)
	}
	if link := page.Find("a").Eq(2).AttrOr("href", ""); link != newCause().Links[2].URL {
		t.Errorf("link %q", link)
	}
	if style := page.Find("h1").AttrOr("style", ""); !strings.Contains(style, "#b45309") {
		t.Errorf("style %q", style)
	}
}

func TestEmailGoesThroughTLSOnThePortOfSubmissions(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, "IMPLICIT_TLS=yes")
	sink := server.sink(t, server.settings(), "oncall@example.com").WithImplicitTLS()
	if err := sink.Send(t.Context(), newCause()); err != nil {
		t.Fatal(err)
	}
	got := readEmail(t, server.received()[0]).envelope
	if got.Get("X-Secure") != "true" || got.Get("X-User") != "desk" {
		t.Errorf("%v", got)
	}
}

func TestEmailIsNotSentWithoutEncryption(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, "PLAIN=yes", "PASSWORD=")
	settings := server.settings()
	settings.User = ""
	failed := sendError(t, server.sink(t, settings, "oncall@example.com").Send(t.Context(), newCause()))
	if !strings.Contains(failed.Error(), "no STARTTLS") || len(server.received()) != 0 {
		t.Error(failed)
	}
	settings.AllowPlain = true
	if err := server.sink(t, settings, "oncall@example.com").Send(t.Context(), newCause()); err != nil {
		t.Fatal(err)
	}
	if len(server.received()) != 1 {
		t.Error("nothing was sent")
	}
}

// A password is not sent over a connection that others can read, even where such a connection is permitted.
func TestPasswordIsNotSentWithoutEncryption(t *testing.T) {
	t.Parallel()
	server := newMailServer(t, "PLAIN=yes")
	settings := server.settings()
	settings.AllowPlain = true
	if err := server.sink(t, settings, "oncall@example.com").Send(t.Context(), newCause()); err == nil {
		t.Error("it was sent")
	}
}

func TestNoPayloadChangesAnEmail(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	eachHostile(t, server.sink(t, server.settings(), "oncall@example.com"))
	sent := server.received()
	if len(sent) != 2*len(hostileTexts) {
		t.Errorf("%d e-mails", len(sent))
	}
	plain := readEmail(t, server.plainOne(t))
	for _, r := range sent {
		e := readEmail(t, r)
		if e.envelope.Get("X-To") != "oncall@example.com" {
			t.Errorf("to %q", e.envelope.Get("X-To"))
		}
		for name, values := range e.Header {
			if _, ours := plain.Header[name]; !ours || len(values) != 1 {
				t.Errorf("header %s: %q", name, values)
			}
		}
		if strings.ContainsAny(e.subject(t), "\r\n\x00\u202e") {
			t.Errorf("subject %q", e.subject(t))
		}
		if size := len(r.body); size > 4<<20 {
			t.Errorf("%d bytes", size)
		}
		expectHarmless(t, e.html)
	}
}

// plainOne is an e-mail without anything from payloads, whose headers all e-mails have.
func (m mailServer) plainOne(t *testing.T) request {
	t.Helper()
	if err := m.sink(t, m.settings(), "oncall@example.com").Send(t.Context(), newCause()); err != nil {
		t.Fatal(err)
	}
	sent := m.received()
	return sent[len(sent)-1]
}

// expectHarmless looks for elements, attributes and links in a page that are not ours.
func expectHarmless(t *testing.T, html string) {
	t.Helper()
	page, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{
		"html", "head", "meta", "title", "body", "h1", "p", "table", "tbody", "tr", "th", "td", "ul", "li", "a",
	}
	page.Find("*").Each(func(_ int, s *goquery.Selection) {
		if name := goquery.NodeName(s); !slices.Contains(ours, name) {
			t.Errorf("<%s> in %.1000s", name, html)
		}
		for _, a := range s.Nodes[0].Attr {
			if !slices.Contains([]string{"lang", "charset", "name", "content", "style", "href"}, a.Key) {
				t.Errorf("attribute %s=%q", a.Key, a.Val)
			}
			if a.Key == "href" && !strings.HasPrefix(a.Val, "https://desk.example.com/") {
				t.Errorf("link to %q", a.Val)
			}
		}
	})
}

func TestErrorsOfMailServersSayWhatToDo(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	wrong := server.settings()
	wrong.Password = redact.NewSecret("env:SMTP", "staple wrong battery")
	closed := server.settings()
	closed.Address = "127.0.0.1:1"
	for name, c := range map[string]struct {
		settings  config.SMTP
		to        string
		permanent bool
		text      string
	}{
		"no such mailbox": {server.settings(), "unknown@example.com", true, "Correct the addresses below alerts.sinks"},
		"busy mailbox":    {server.settings(), "busy@example.com", false, "451"},
		"wrong password":  {wrong, "oncall@example.com", true, "Check the user and the password"},
		"away":            {closed, "oncall@example.com", false, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := sendError(t, server.sink(t, c.settings, c.to).Send(t.Context(), newCause()))
			text := failed.Error()
			if failed.Permanent != c.permanent || !strings.Contains(text, c.text) {
				t.Errorf("%+v %s", failed, text)
			}
			if strings.Contains(text, "staple") || strings.Contains(text, "battery") {
				t.Errorf("the password is repeated: %s", text)
			}
		})
	}
}

// One address that the server refuses keeps the e-mail from no other one.
func TestEmailGoesToTheAddressesThatAreAccepted(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	for name, c := range map[string]struct {
		to        []string
		got       string // the recipients; "": none
		permanent bool
		text      string
	}{
		"one is unknown": {
			[]string{"unknown@example.com", "oncall@example.com"},
			"oncall@example.com", true,
			"Correct the addresses below alerts.sinks: the mail server refuses unknown@example.com " +
				"(550 there is no mailbox unknown@example.com)",
		},
		"one is busy": {
			[]string{"team@example.com", "busy@example.com"},
			"team@example.com", false,
			"The mail server refuses busy@example.com (451 the mailbox is locked)",
		},
		"all are unknown": {
			[]string{"unknown@example.com", "unknown@example.org"},
			"", true,
			"Correct the addresses below alerts.sinks: the mail server refuses unknown@example.com " +
				"(550 there is no mailbox unknown@example.com), " +
				"unknown@example.org (550 there is no mailbox unknown@example.org)",
		},
		"none is accepted now": {
			[]string{"unknown@example.com", "busy@example.com"},
			"", false,
			"The mail server refuses unknown@example.com (550 there is no mailbox unknown@example.com), " +
				"busy@example.com (451 the mailbox is locked)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newCause()
			n.Alert.Title = name
			failed := sendError(t, server.sink(t, server.settings(), c.to...).Send(t.Context(), n))
			if failed.Partly != (c.got != "") || failed.Permanent != c.permanent || failed.Error() != c.text {
				t.Errorf("partly %t, permanent %t: %s", failed.Partly, failed.Permanent, failed)
			}
			got := ""
			for _, r := range server.received() {
				if e := readEmail(t, r); strings.Contains(e.text, name) {
					got += e.envelope.Get("X-To")
				}
			}
			if got != c.got {
				t.Errorf("it went to %q", got)
			}
		})
	}
}

func TestCertificateOfAMailServerIsChecked(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	sink, err := notify.NewEmail(server.settings(), []string{"oncall@example.com"}, desktest.NewAuthority(t).Pool())
	if err != nil {
		t.Fatal(err)
	}
	if failed := sendError(t, sink.Send(t.Context(), newCause())); !strings.Contains(failed.Error(), "certificate") {
		t.Error(failed)
	}
}

// A server that takes the e-mail and never says so holds up nothing.
func TestMailServerThatIsSilentIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	failed := sendError(t, server.sink(t, server.settings(), "silent@example.com").Send(ctx, newCause()))
	if failed.Permanent || !strings.Contains(failed.Error(), "may have arrived") {
		t.Error(failed)
	}
}

func TestEndlessAnswerOfAMailServerIsNotReadWhole(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ended := make(chan int)
	go func() {
		conn, err := listener.Accept()
		written := 0
		for err == nil {
			var n int
			n, err = io.WriteString(conn, "220-"+strings.Repeat("x", 1000)+"\r\n")
			written += n
		}
		ended <- written
	}()
	sink, err := notify.NewEmail(
		config.SMTP{Address: listener.Addr().String(), From: "desk@example.com"}, []string{"oncall@example.com"}, nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	if failed := sendError(t, sink.Send(t.Context(), newCause())); len(failed.Error()) > 1000 {
		t.Errorf("%.2000s", failed)
	}
	if written := <-ended; written > 16<<20 {
		t.Errorf("%d bytes were read", written)
	}
}

func TestUnusableAddressesOfEmailAreRefused(t *testing.T) {
	t.Parallel()
	good := config.SMTP{Address: "mail.example.com:587", From: "desk@example.com"}
	for name, change := range map[string]func(*config.SMTP, *[]string){
		"no port":             func(s *config.SMTP, _ *[]string) { s.Address = "mail.example.com" },
		"a port that is none": func(s *config.SMTP, _ *[]string) { s.Address = "mail.example.com:smtp" },
		"no sender":           func(s *config.SMTP, _ *[]string) { s.From = "desk" },
		"a header":            func(s *config.SMTP, _ *[]string) { s.From = "a@example.com\r\nBcc: b@example.com" },
		"a recipient":         func(_ *config.SMTP, to *[]string) { *to = []string{"oncall"} },
	} {
		s, to := good, []string{"oncall@example.com"}
		change(&s, &to)
		if _, err := notify.NewEmail(s, to, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

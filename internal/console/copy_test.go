package console_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/redact"
)

// copied is a command as a page shows it, and the request that it must send.
type copied struct {
	command, body string
	header        string // X-Note
}

// TestCopiedCommandsSendExactlyTheRequest runs the command of a message, of the preview of an edit, and of the edited
// revision, in every shell.
func TestCopiedCommandsSendExactlyTheRequest(t *testing.T) {
	t.Parallel()
	text, binary := desktest.HostileBodies()
	for name, body := range map[string]string{"text": text, "binary": binary, "empty": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := desktest.NewRawServer(t)
			b := setup(t, func(d *console.Deps) {
				configure(
					d,
					func(s *console.Settings) { s.Sources[0].URL = "http://" + to.Address + "/hooks?own=${HOME}" },
				)
			})
			value := desktest.HostileHeader(body)
			query := "ids[]=5&filter[name]=x&" + strings.ReplaceAll(desktest.HostileQuery(body), "=", "-")
			b.receive(t, "a-1", func(c *deadletter.Capture) {
				c.Destination, c.Method = "http://127.0.0.1:1/evil", "DELETE"
				c.Body, c.Query, c.WebhookID = []byte(body), query, "msg_1"
				c.Headers = deadletter.Headers{
					"Webhook-Id": {"msg_1"}, "X-Empty": {""}, "X-Note": {value}, "Expect": {"100-continue"},
					"Host": {"evil"}, "Content-Length": {"1"}, "Transfer-Encoding": {"chunked"}, "@file": {"x"},
				}
			})
			for place, c := range copiedCommands(t, b.member(t, "olga", deadletter.Operator), body, value) {
				want := []string{"Webhook-Id: msg_1", "X-Empty:", "X-Note: " + strings.TrimSpace(c.header)}
				if strings.TrimSpace(c.header) == "" {
					want[2] = "X-Note:"
				}
				line := "POST /hooks?own=" + redact.Mask + "&" + query + " HTTP/1.1"
				for _, in := range desktest.Shells() {
					got := to.Run(t, in, c.command, nil)
					if got.Line != line {
						t.Errorf("%s, %s: requested %q, want %q", place, in.Name, got.Line, line)
					}
					if !slices.Equal(got.Headers, want) {
						t.Errorf("%s, %s: headers\n%q, want\n%q", place, in.Name, got.Headers, want)
					}
					if string(got.Body) != c.body {
						t.Errorf("%s, %s: body\n%q, want\n%q", place, in.Name, got.Body, c.body)
					}
				}
			}
		})
	}
}

// copiedCommands returns the commands of the message a-1 and of an edit of it, by the place where each is shown.
func copiedCommands(t *testing.T, p person, body, value string) map[string]copied {
	t.Helper()
	command := func(page answer, id string) string { return page.doc().Find(id).Text() }
	all := map[string]copied{
		"message": {command: command(p.get("/messages/a-1"), "#copy-curl"), body: body, header: value},
	}
	if body != strings.ToValidUTF8(body, "") || body == "" {
		return all // no form can carry it
	}
	edited := copied{body: body + "edited", header: "new " + value}
	form := order(
		0, "revision", "0", "body", edited.body, "reason", "test",
		"header-name", "X-Note", "header-value", edited.header, "header-name", "X-Empty", "header-value", "",
	)
	edited.command = command(p.post("/messages/a-1/edit/curl", form, htmx()...), "#edit-preview-text")
	all["preview"] = edited
	if saved := p.post("/messages/a-1/edit", form); saved.status != http.StatusSeeOther {
		t.Fatalf("the edit is refused: %d %s", saved.status, saved.says("main"))
	}
	edited.command = command(p.get("/messages/a-1?revision=1"), "#copy-curl")
	all["edited revision"] = edited
	return all
}

func TestLargeBodyIsSentFromAFile(t *testing.T) {
	t.Parallel()
	to := desktest.NewRawServer(t)
	b := setup(t, func(d *console.Deps) {
		configure(d, func(s *console.Settings) { s.Sources[0].URL = "http://" + to.Address + "/hooks" })
	})
	large := strings.Repeat("it's large! ", 4<<10)
	b.receive(t, "a-1", func(c *deadletter.Capture) { c.Body = []byte(large) })
	p := b.member(t, "olga", deadletter.Operator)
	page := p.get("/messages/a-1")
	link := page.doc().Find("#copy-as a[download]")
	download := p.get(link.AttrOr("href", "no link"))
	if download.status != http.StatusOK || download.text != large {
		t.Errorf("the link %q leads to %d, %d bytes", link.AttrOr("href", ""), download.status, len(download.text))
	}
	_, name, _ := strings.Cut(link.Text(), " ")
	for _, in := range desktest.Shells() {
		command := page.doc().Find("#copy-curl").Text()
		got := to.Run(t, in, command, map[string][]byte{name: []byte(download.text)})
		if string(got.Body) != large {
			t.Errorf("%s: %d bytes are sent", in.Name, len(got.Body))
		}
	}
}

func TestCopiedCommandHidesSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	form := order(
		0,
		"revision",
		"0",
		"body",
		`{"id":7,"customer":{"ssn":"078-05-1120"}}`,
		"header-name",
		"X-New",
		"header-value",
		"1",
	)
	for place, shown := range map[string]*goquery.Selection{
		"message": p.get("/messages/a-1").doc().Find("#copy-as"),
		"preview": p.post("/messages/a-1/edit/curl", form, htmx()...).doc().Find("#edit-preview"),
	} {
		text := shown.Text()
		for _, want := range []string{
			"Before you run it, fill in the header Authorization, the header X-Hub-Signature-256, " +
				"the header X-Tenant, values in the URL, values in the body.",
			"-H 'Authorization: •••'", `"ssn":"•••"`, "http://handler.internal:9090/genesys?code=•••&token=•••&page=2",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it lacks %q:\n%s", place, want, text)
			}
		}
		for _, secret := range secrets() {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %q", place, secret)
			}
		}
	}
	form.Set("header-name", "X Bad")
	if got := p.post("/messages/a-1/edit/curl", form, htmx()...); got.status != http.StatusOK ||
		got.count("#edit-preview .notice") != 1 {
		t.Errorf("a header that cannot be set: %d %s", got.status, got.says("#edit-preview"))
	}
	if m, err := b.store.Message(t.Context(), "a-1"); err != nil || m.Revision != 0 {
		t.Errorf("the preview made revision %d, %v", m.Revision, err)
	}
}

// The user of the address takes the place of the webhook's own credentials, as in a delivery.
func TestCopiedCommandHidesTheUserOfTheAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *console.Deps) {
		configure(d, func(s *console.Settings) { s.Sources[0].URL = "https://svc:p4ssword@handler.internal/hooks" })
	})
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for place, command := range map[string]string{
		"message": p.get("/messages/a-1").says("#copy-curl"),
		"preview": p.post("/messages/a-1/edit/curl", order(0, "revision", "0", "body", "{}"), htmx()...).
			says("#edit-preview-text"),
	} {
		if !strings.Contains(command, "--url 'https://•••@handler.internal/hooks?") ||
			strings.Contains(command, "Authorization") || strings.Contains(command, "p4ssword") {
			t.Errorf("%s: %s", place, command)
		}
	}
	for _, path := range []string{"/messages/a-1", "/messages/a-1/edit", "/overview", "/sources", "/sources/genesys"} {
		if shown := p.get(path).text; strings.Contains(shown, "p4ssword") || strings.Contains(shown, "svc:") {
			t.Errorf("%s shows the password", path)
		}
	}
}

func TestMessageOfAnUnknownSourceHasNoCommand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) { c.Source, c.Destination = "gone", "http://evil.example/" })
	page := b.member(t, "olga", deadletter.Operator).get("/messages/a-1")
	if page.count("#copy-curl") != 0 || page.count("#copy-ticket") != 1 {
		t.Errorf("it shows %s", page.says("#copy-as"))
	}
}

// TestTicketHasNoMarkdownOfOthers puts Markdown and HTML into everything that comes from outside, and renders the
// ticket.
func TestTicketHasNoMarkdownOfOthers(t *testing.T) {
	t.Parallel()
	hostile := "# x | y\n\n```\n![i](http://evil.example/i.png) [l](javascript:alert(1)) <script>alert(1)</script> " +
		"`` ` @ops #1 www.evil.example http://evil.example a@evil.example ~~~~ **b** \u202e &lt; \\"
	b := setup(t)
	b.receive(t, "a)<b>`", func(c *deadletter.Capture) {
		c.Reason, c.WebhookID, c.EventType = hostile, hostile, hostile
		c.FirstAttempt.Error, c.FirstAttempt.ResponseBody = hostile, []byte(hostile)
		c.Body = []byte(hostile)
		c.Queue.SourceARN, c.Queue.TargetARN, c.Queue.GroupID, c.Queue.RequestID = hostile, hostile, hostile, hostile
	})
	ticket := b.member(t, "vera", deadletter.Viewer).get("/messages/a%29%3Cb%3E%60").doc().Find("#copy-ticket").Text()
	var html bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(ticket), &html); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&html)
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int{
		"h2": 1, "h1, h3, h4": 0, "img, script, table, strong, em, del, b": 0, "a": 1, "pre": 2, "h2 code": 1,
	} {
		if n := doc.Find(selector).Length(); n != want {
			t.Errorf("it has %d of %s, want %d:\n%s", n, selector, want, ticket)
		}
	}
	if text := doc.Find("a").Text(); !strings.HasSuffix(text, "/messages/a%29%3Cb%3E%60") {
		t.Errorf("the link is %q", text)
	}
	inLine := strings.Join(strings.Fields(strings.ReplaceAll(hostile, "\u202e", "\ufffd")), " ")
	doc.Find("code").Each(func(_ int, code *goquery.Selection) {
		if text := strings.TrimSpace(code.Text()); code.Closest("pre").Length() == 0 && text != inLine &&
			text != "genesys" {
			t.Errorf("a code span says\n%q, want\n%q", text, inLine)
		}
	})
	doc.Find("pre").Each(func(_ int, code *goquery.Selection) {
		if text := strings.TrimSuffix(code.Text(), "\n"); text != strings.ReplaceAll(hostile, "\u202e", "\ufffd") {
			t.Errorf("a block says\n%q, want\n%q", text, hostile)
		}
	})
	if outside := doc.Find("code").Remove().End().Text(); strings.Contains(outside, "evil") {
		t.Errorf("text from outside is no code: %s", outside)
	}
}

func TestTicketHasTheLatestResponseAndHidesSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	ticket := b.member(t, "vera", deadletter.Viewer).get("/messages/a-1").doc().Find("#copy-ticket").Text()
	for _, want := range []string{
		"## Webhook not delivered: `", "/messages/a-1>\n", "- Source: `genesys`\n",
		"- 1 (receive), 2026-03-02 10:15:05 UTC: error response 422 in 84 ms, " +
			"`The handler answered: field id is missing`\n",
		"Response of attempt 1 (422):\n\n```\n" +
			`{"error":"field id is missing","echo":1,"customer":{"ssn":"•••"}}` + "\n```\n",
		"Payload (original, ",
	} {
		if !strings.Contains(ticket, want) {
			t.Errorf("the ticket lacks %q:\n%s", want, ticket)
		}
	}
	for _, secret := range secrets() {
		if strings.Contains(ticket, secret) {
			t.Errorf("%q leaves the desk", secret)
		}
	}
}

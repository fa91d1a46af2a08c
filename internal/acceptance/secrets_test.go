package acceptance_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// carrier is a way in which a secret comes with a webhook. Its secret has characters that every encoding writes in
// another way, around a core that all of them leave as it is.
type carrier struct {
	name    string
	query   string
	headers http.Header
	body    string
}

func coreOf(name string) string { return "zq7" + strings.ReplaceAll(name, " ", "") + "k4" }

func secretOf(name string) string { return coreOf(name) + `/ü+"<&x9` }

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func carriers(t *testing.T) []carrier {
	t.Helper()
	object := func(name string) map[string]any { return map[string]any{"ssn": secretOf(name), "n": 1} }
	form := url.Values{"From": {"+15557654321"}, "ssn": {secretOf("form")}}.Encode()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(asJSON(t, object("gzip")))); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	latin, err := charmap.ISO8859_1.NewEncoder().
		String(`{"größe":1,"ssn":"` + strings.ReplaceAll(secretOf("latin"), `"`, `\"`) + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	basic := base64.StdEncoding.EncodeToString([]byte("anna:" + secretOf("basic")))
	part := "--b\r\nContent-Disposition: form-data; name=\"ssn\"\r\n\r\n" + secretOf("multipart") + "\r\n--b--\r\n"
	typed := func(contentType string) http.Header { return http.Header{"Content-Type": {contentType}} }
	return []carrier{
		{name: "member", body: asJSON(t, object("member"))},
		{name: "nested", body: asJSON(t, map[string]any{"a": []any{1, map[string]any{"SSN": secretOf("nested")}}})},
		{
			name: "within",
			body: asJSON(t, map[string]any{"Message": asJSON(t, map[string]any{"M": asJSON(t, object("within"))})}),
		},
		{
			name: "base64",
			body: asJSON(
				t,
				map[string]any{"data": base64.StdEncoding.EncodeToString([]byte(asJSON(t, object("base64"))))},
			),
		},
		{name: "pair", body: asJSON(t, map[string]any{"name": "ssn", "value": secretOf("pair")})},
		{
			name: "address",
			body: asJSON(
				t,
				map[string]any{"url": "https://h.example/x?ssn=" + url.QueryEscape(secretOf("address")) + "&n=1"},
			),
		},
		{name: "form", body: form, headers: typed("application/x-www-form-urlencoded")},
		{name: "multipart", body: part, headers: typed("multipart/form-data; boundary=b")},
		{
			name:    "xml",
			body:    "<r><ssn>" + html.EscapeString(secretOf("xml")) + "</ssn></r>",
			headers: typed("application/xml"),
		},
		{name: "yaml", body: "ssn: " + secretOf("yaml") + "\nn: 1\n", headers: typed("application/yaml")},
		{
			name:    "broken",
			body:    strings.TrimSuffix(asJSON(t, object("broken")), "}"),
			headers: typed("application/json"),
		},
		{name: "query", query: "?ssn=" + url.QueryEscape(secretOf("query")), body: "{}"},
		{name: "token", query: "?token=" + url.QueryEscape(secretOf("token")), body: "{}"},
		{name: "header", headers: http.Header{"Ssn": {secretOf("header")}}, body: "{}"},
		{name: "bearer", headers: http.Header{"Authorization": {"Bearer " + secretOf("bearer")}}, body: "{}"},
		{name: "basic", headers: http.Header{"Authorization": {"Basic " + basic}}, body: "{}"},
		{name: "gzip", headers: http.Header{"Content-Encoding": {"gzip"}}, body: packed.String()},
		{name: "latin", headers: typed("application/json; charset=ISO-8859-1"), body: latin},
	}
}

// spellings are the forms in which programs repeat a value.
func spellings(t *testing.T, value string) []string {
	t.Helper()
	var decimal, hexadecimal strings.Builder
	for _, r := range value {
		fmt.Fprintf(&decimal, "&#%d;", r)
		fmt.Fprintf(&hexadecimal, "&#x%X;", r)
	}
	escaped := url.QueryEscape(value)
	return []string{
		value, escaped, strings.ToLower(escaped), url.PathEscape(value), strings.ReplaceAll(escaped, "%", "%25"),
		asJSON(t, value), html.EscapeString(value), decimal.String(), hexadecimal.String(),
		base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte("x:" + value)),
		fmt.Sprintf("%x", value),
	}
}

// leak returns where a text has the core of a secret, in any form; "" if nowhere.
func leak(text, name string) string {
	core := coreOf(name)
	var decimal, hexadecimal strings.Builder
	for _, r := range core[3:8] {
		fmt.Fprintf(&decimal, "&#%d;", r)
		fmt.Fprintf(&hexadecimal, "&#x%X;", r)
	}
	forms := []string{core, decimal.String(), hexadecimal.String(), fmt.Sprintf("%x", core)}
	for shift := range 3 { // base64 of the core behind any number of bytes
		encoded := base64.StdEncoding.EncodeToString([]byte("xxx"[:shift] + core))
		forms = append(forms, encoded[4:len(encoded)-4])
	}
	for _, plain := range []string{text, html.UnescapeString(text)} {
		for _, form := range forms {
			if i := strings.Index(plain, form); i >= 0 {
				return plain[max(0, i-80):min(len(plain), i+80)]
			}
		}
	}
	return ""
}

// buffer collects a log.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The table has each place of a secret (webhook, note, address of the destination, configuration) and each page,
// file, log and export in which it must not appear.
func TestEveryCarrierOfASecretIsMaskedInEverySink(t *testing.T) {
	t.Parallel()
	var log buffer
	p := setupLogged(t, &log, func(c *config.Config) {
		c.MetricsListen = "127.0.0.1:0"
		c.Sources[0].Mask.Names = []string{"ssn"}
		to := url.UserPassword("svc"+coreOf("user"), secretOf("password"))
		c.Sources[0].Destination = strings.Replace(c.Sources[0].Destination, "//", "//"+to.String()+"@", 1) +
			"/in?code=" + url.QueryEscape(secretOf("destination"))
		c.Sources = append(c.Sources, c.Sources[0])
		c.Sources[1].Name = "signed"
		c.Sources[1].Verify = verify.Settings{
			Scheme:  verify.Token,
			Header:  "X-Key",
			Secrets: []redact.Secret{redact.NewSecret("", coreOf("verification"))},
		}
	})
	names := map[string]string{} // of the carrier, by the message
	p.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get("X-Carrier")
		if got := r.URL.Query().Get("code"); got != secretOf("destination") {
			t.Errorf("the destination was sent the key %q", got)
		}
		if user, password, _ := r.BasicAuth(); user != "svc"+coreOf("user") || password != secretOf("password") {
			t.Errorf("the destination was sent the password %q of %q", password, user)
		}
		w.Header().Set("X-Echo", url.QueryEscape(secretOf(name)))
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, "Cannot POST %s for %s\n", r.URL, secretOf(name))
		for _, spelled := range spellings(t, secretOf(name)) {
			fmt.Fprintf(w, "echo %s end\n", spelled)
		}
		fmt.Fprintf(w, "%s %s", url.QueryEscape(secretOf("destination")), coreOf("verification"))
		fmt.Fprintf(w, " %s %s", r.Header.Get("Authorization"), html.EscapeString(secretOf("password")))
	})
	client := p.signIn(t)
	sent := carriers(t)
	for _, c := range sent {
		headers := c.headers.Clone()
		if headers == nil {
			headers = http.Header{}
		}
		headers.Set("X-Carrier", c.name)
		headers.Set("X-Key", coreOf("verification"))
		if headers.Get("Content-Type") == "" {
			headers.Set("Content-Type", "application/json")
		}
		id := kept2(t, p, "/webhooks/signed"+c.query, c.body, headers)
		names[id] = c.name
		p.await(t, client, "/messages/"+id, "Cannot POST")
	}
	ofDestination := []string{"destination", "user", "password"}
	secrets := append(ofDestination, "verification", "patched", "edited")
	for _, c := range sent {
		secrets = append(secrets, c.name)
	}
	check := func(t *testing.T, sink, text string) {
		t.Helper()
		for _, name := range secrets {
			if found := leak(text, name); found != "" {
				t.Errorf("%s shows the secret of %s: …%s…", sink, name, found)
			}
		}
	}
	p.editAndPatch(t, client, names)
	for id, name := range names {
		t.Run(name, func(t *testing.T) {
			base := "/messages/" + id
			for _, path := range []string{
				base, base + "?revision=0", base + "/panel", base + "/edit", base + "/compare",
				base + "/body?revision=0",
				base + "/body?revision=0&form=pretty", base + "/body?revision=0&form=edit",
				"/audit?message=" + id,
			} {
				status, text := p.get(t, client, path)
				if status != http.StatusOK {
					t.Errorf("%s answers %d", path, status)
				}
				check(t, path, text)
			}
			_, preview := p.postForm(t, client, base+"/edit/curl", url.Values{
				"version": {"0"}, "revision": {"0"}, "body": {`{"ssn":"` + coreOf(name) + `"}`},
			})
			check(t, "edit preview", preview)
			m, err := p.beside(t).Message(t.Context(), deadletter.ID(id))
			if err != nil || strings.Contains(m.Destination, "?") {
				t.Errorf("stored as destination is %q, %v", m.Destination, err)
			}
			_, found := p.get(t, client, "/messages?status=all&q="+url.QueryEscape(coreOf(name)))
			if strings.Contains(found, id) {
				t.Error("a search finds the secret")
			}
		})
	}
	for _, path := range []string{
		"/messages", "/messages?status=all", "/overview", "/jobs", "/jobs/1", "/audit", "/sources", "/sources/signed",
		"/reconciliation", "/account", "/messages/missing", "/users",
	} {
		t.Run(path, func(t *testing.T) {
			_, text := p.get(t, client, path)
			check(t, path, text)
		})
	}
	for _, format := range []string{"csv", "jsonl"} {
		t.Run("audit export "+format, func(t *testing.T) {
			_, text := p.postForm(t, client, "/audit/export", url.Values{"format": {format}})
			if !strings.Contains(text, "message.received") {
				t.Fatalf("the export is %.300s", text)
			}
			check(t, "export", text)
		})
	}
	t.Run("live updates", func(t *testing.T) { check(t, "the stream", p.liveUpdate(t, client, names)) })
	t.Run("metrics", func(t *testing.T) { check(t, "metrics", p.scrape(t)) })
	t.Run("log", func(t *testing.T) { check(t, "log", log.String()) })
	t.Run("data folder", func(t *testing.T) {
		for _, name := range ofDestination {
			if found := filesWith(t, p.cfg.DataDir, coreOf(name)); len(found) > 0 {
				t.Errorf("the secret of %s is in %s", name, found)
			}
		}
	})
}

// filesWith returns the files of a folder that have a text, those of queues and databases included.
func filesWith(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // a journal that was removed
			return nil
		}
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// editAndPatch edits a message, replays others with a patch, and archives one, each with secrets in what is written.
func (p program) editAndPatch(t *testing.T, client *http.Client, names map[string]string) {
	t.Helper()
	by := map[string]string{}
	for id, name := range names {
		by[name] = id
	}
	if page := p.submit(t, client, "/messages/"+by["member"]+"/edit", url.Values{
		"version": {"0"}, "revision": {"0"}, "body": {`{"ssn":"` + coreOf("edited") + `"}`},
		"reason": {"the ssn is " + coreOf("edited") + ", ssn=" + coreOf("edited")},
	}); !strings.Contains(page, "Saved. Replay requested.") {
		t.Fatalf("the edit answers %s", page)
	}
	p.awaitAttempts(t, by["member"], 2)
	draft := p.submit(t, client, "/messages/bulk", url.Values{
		"action": {"edit"}, "item": {by["nested"] + "@0", by["pair"] + "@0"},
	})
	if !strings.Contains(draft, "/jobs/1/start") {
		t.Fatalf("there is no draft: %.2000s", draft)
	}
	p.submit(t, client, "/jobs/1/start", url.Values{
		"patch": {`{"customer":{"ssn":"` + coreOf("patched") + `"}}`}, "reason": {"set to " + coreOf("patched")},
	})
	p.await(t, client, "/jobs/1", "2 failed")
	p.submit(t, client, "/views", url.Values{"name": {"ssn=" + coreOf("edited")}, "query": {"q=x"}})
	p.submit(t, client, "/messages/"+by["xml"]+"/archive", url.Values{
		"version": {"0"}, "reason": {"known: " + secretOf("xml")},
	})
}

// setupLogged is setup with a log at debug level.
func setupLogged(t *testing.T, log *buffer, change func(*config.Config)) program {
	t.Helper()
	p := program{destination: desktest.NewDestination(t)}
	p.cfg = settings(t, p.destination)
	change(&p.cfg)
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})
	p.App = app.New(p.cfg, app.Options{Log: slog.New(telemetry.Log(handler))})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, p.App) })
	return p
}

// kept2 sends a webhook to a source and returns the id of its message.
func kept2(t *testing.T, p program, path, body string, headers http.Header) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = headers
	status, told := do(t, http.DefaultClient, req)
	return kept(t, status, told)
}

// A mask that is added to the configuration hides what was stored before it, at the next start.
func TestMaskAddedLaterHidesWhatWasStored(t *testing.T) {
	t.Parallel()
	const value = "nr-4711-0815"
	p := setup(t, nil)
	p.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"error":"there is no customer ` + value + `","seen":"` + value + `"}`))
	})
	client := p.signIn(t)
	status, told := p.post(t, `{"customer":{"nr":"`+value+`"}}`, nil)
	id := kept(t, status, told)
	p.await(t, client, "/messages?q="+value, id)
	p.await(t, client, "/overview", value)
	end(t, p.App)
	p.cfg.Sources[0].Mask.Names = []string{"nr"}
	again := program{begin(t, p.cfg), p.cfg, p.destination}
	client = again.signInAgain(t)
	for _, path := range []string{
		"/messages", "/messages/" + id, "/messages/" + id + "/panel", "/overview", "/audit", "/sources",
		"/sources/genesys",
		"/messages/" + id + "/body",
	} {
		t.Run(path, func(t *testing.T) {
			if status, text := again.get(t, client, path); status != http.StatusOK || strings.Contains(text, value) {
				i := strings.Index(text, value)
				t.Errorf("%s answers %d and shows it: …%s…", path, status, text[max(0, i-100):][:min(200, len(text))])
			}
		})
	}
	again.await(t, client, "/messages?q=customer", id)
	if _, text := again.get(t, client, "/messages?q="+value); strings.Contains(text, id) {
		t.Error("a search finds it " + strconv.Quote(value))
	}
}

// awaitAttempts waits until a message has as many finished attempts.
func (p program) awaitAttempts(t *testing.T, id string, n int) {
	t.Helper()
	s := p.beside(t)
	look, limit := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
	defer look.Stop()
	for {
		list, err := s.Attempts(t.Context(), deadletter.ID(id))
		if err == nil && len(list) == n && list[0].Done {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("message %s has %d attempts, %v", id, len(list), err)
		}
	}
}

// liveUpdate replays a message while the list is followed, and returns what the stream sends.
func (p program) liveUpdate(t *testing.T, client *http.Client, names map[string]string) string {
	t.Helper()
	_, list := p.get(t, client, "/messages?status=all")
	query := ""
	for part := range strings.SplitSeq(list, "/live?") {
		if address, _, _ := strings.Cut(
			part,
			`"`,
		); strings.Contains(address, "status=all") && strings.Contains(address, "after=") {
			query = address
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(
		ctx,
		http.MethodGet,
		p.ConsoleURL()+"/live?"+html.UnescapeString(query)+"&rows="+strings.Join(slices.Collect(maps.Keys(names)), ","),
		nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	for id, name := range names {
		if name == "query" {
			p.submit(t, client, "/messages/"+id+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
		}
	}
	var sent strings.Builder
	from := bufio.NewScanner(stream.Body)
	from.Buffer(nil, 1<<20)
	for from.Scan() {
		sent.WriteString(from.Text() + "\n")
		if strings.Contains(from.Text(), "Cannot POST") {
			return sent.String()
		}
	}
	t.Fatalf("the stream ends with %.500s, %v", sent.String(), from.Err())
	return ""
}

package config

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	yaml "go.yaml.in/yaml/v3"

	"dlqdesk/internal/verify"
)

// documented is a row of web/docs/configuration.md.
type documented struct {
	path         string // sources.NAME.timeout
	defaultValue string // "": none
	required     bool
	example      string // YAML
}

func (d documented) section() string { return d.path[:max(strings.LastIndexByte(d.path, '.'), 0)] }

// settings is a configuration as a file would have it.
type settings map[string]any

// section returns the group of keys that a path is in, and its last key.
func (s settings) section(path string) (settings, string) {
	keys := strings.Split(strings.ReplaceAll(path, ".NAME", "."+name), ".")
	for _, key := range keys[:len(keys)-1] {
		below, ok := s[key].(settings)
		if !ok {
			below = settings{}
			s[key] = below
		}
		s = below
	}
	return s, keys[len(keys)-1]
}

func (s settings) set(t *testing.T, path, value string) {
	t.Helper()
	var parsed any
	if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
		t.Fatalf("%s: %q is no YAML: %v", path, value, err)
	}
	if group, ok := parsed.(map[string]any); ok {
		parsed = settings(group)
	}
	at, key := s.section(path)
	at[key] = parsed
}

func (s settings) remove(path string) {
	at, key := s.section(path)
	delete(at, key)
}

func (s settings) load(t *testing.T) (Config, *reader, error) {
	t.Helper()
	text, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	r := newReader("manual.yaml", []string{
		"ORDERS_SECRET=YSBzZWNyZXQgdGhhdCBpcyBsb25nIGVub3VnaA==", "ALERTS_URL=https://hooks.example.com/alerts",
		"ALERTS_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	})
	if err := r.parse(text); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	c := r.config()
	r.checkConfig(c)
	r.checkSomething(c)
	r.reportUnknown()
	if faults := r.sortedFaults(); len(faults) > 0 {
		return c, r, faults
	}
	return c, r, nil
}

// TestManualHasEveryKey holds web/docs/configuration.md: it has every key that the reader knows, no other, and their
// defaults, and its examples are valid and change something.
func TestManualHasEveryKey(t *testing.T) {
	rows, needsRestart := readManual(t), readNeedsRestart(t)
	makeFiles(t)
	plain, r, err := base(t).load(t)
	if err != nil {
		t.Fatal(err)
	}
	var documents []string
	for _, row := range rows {
		documents = append(documents, row.path)
	}
	slices.Sort(documents)
	known := keysOf(r)
	for _, key := range known {
		if !slices.Contains(documents, key) {
			t.Errorf("configuration.md lacks the key %s", key)
		}
	}
	for i, key := range documents {
		if !slices.Contains(known, key) {
			t.Errorf("configuration.md has %s, which is no key", key)
		}
		if i > 0 && documents[i-1] == key {
			t.Errorf("configuration.md has %s twice", key)
		}
	}
	for _, row := range rows {
		t.Run(row.path, func(t *testing.T) {
			checkDefault(t, row, plain)
			checkExample(t, row, rows)
			if said := needsRestart(row.path); said != NeedsRestart(row.path) {
				t.Errorf("the manual says that it needs a restart: %t", said)
			}
		})
	}
}

// name stands for NAME in the manual.
const name = "orders"

func base(t *testing.T) settings {
	t.Helper()
	s := settings{}
	s.set(t, "sources.genesys.destination", "http://127.0.0.1:9090/genesys")
	s.set(t, "sources.NAME.destination", "https://127.0.0.1:9090/orders")
	s.set(t, "sources.NAME.destinations.NAME.url", "https://127.0.0.1:9191/orders")
	s.set(t, "queues.NAME.url", "https://sqs.eu-west-1.amazonaws.com/123456789012/failed")
	s.set(t, "platforms.NAME.preset", "genesys-open-messaging")
	s.set(t, "users.NAME", "viewer")
	s.set(t, "alerts.sinks.NAME", `{kind: webhook, url: "https://127.0.0.1:9494/alerts"}`)
	s.set(t, "alerts.routes.NAME.to", "[orders]")
	return s
}

// keysOf returns the keys that the reader asked for, without the sections that they are in.
func keysOf(r *reader) []string {
	sections := map[string]bool{}
	for _, s := range r.sections {
		sections[s.path] = true
	}
	keys := map[string]bool{}
	for _, s := range r.sections {
		for _, key := range s.keys {
			path := join(s.path, key)
			if !sections[path] && !strings.HasPrefix(path, "sources.genesys.") {
				keys[strings.ReplaceAll(path, "."+name, ".NAME")] = true
			}
		}
	}
	maps.DeleteFunc(keys, func(key string, _ bool) bool { return freely(key) })
	return slices.Sorted(maps.Keys(keys))
}

// freely reports whether a preset, and not the reader, says which keys there are.
func freely(key string) bool {
	return strings.HasPrefix(key, "platforms.NAME.calls.") || strings.HasPrefix(key, "platforms.NAME.parameters.")
}

func checkDefault(t *testing.T, row documented, plain Config) {
	t.Helper()
	s := base(t)
	switch {
	case row.required:
		s.remove(row.path)
		if _, _, err := s.load(t); err == nil {
			t.Error("it is not required")
		}
		return
	case row.section() == "sources.NAME.verify" && row.defaultValue != "" && row.path != "sources.NAME.verify.scheme":
		checkVerifyDefault(t, row)
		return
	case row.path == "platforms.NAME.preset", row.path == "sources.NAME.ack.body",
		row.section() == "platforms.NAME" && strings.HasSuffix(row.path, "_path"):
		return // only a platform with the name of a preset can do without it; "" is a body, and a path
	case row.section() == "sources.NAME.ack":
		s.set(t, "sources.NAME.ack.body", "text") // without a body there is no answer to have a default
		plain, _, _ = s.load(t)
	}
	s.set(t, row.path, cmp.Or(row.defaultValue, `""`))
	c, _, err := s.load(t)
	if err != nil && row.defaultValue == "" {
		return // it cannot be set to nothing
	}
	if err != nil || !reflect.DeepEqual(plain, c) {
		t.Errorf("the default is not %q: %v", row.defaultValue, err)
	}
}

// checkVerifyDefault compares signatures, because defaults of a scheme are filled in where it signs.
func checkVerifyDefault(t *testing.T, row documented) {
	t.Helper()
	sign := func(set bool) (http.Header, time.Duration) {
		s := base(t)
		if strings.HasSuffix(row.path, ".signed") {
			s.set(t, "sources.NAME.verify", `{scheme: hmac, header: X-Signature, secrets: ["env:ORDERS_SECRET"]}`)
		} else {
			s.set(t, "sources.NAME.verify", `{scheme: hmac, header: X-Signature, secrets: ["env:ORDERS_SECRET"],
				timestamp_header: X-At, signed: "{ts}.{body}"}`)
		}
		if set {
			s.set(t, row.path, row.defaultValue)
		}
		c, _, err := s.load(t)
		if err != nil {
			t.Fatal(err)
		}
		source, _ := c.Source(name)
		v, err := verify.New(source.Verify)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/orders", http.NoBody)
		if err := v.Sign(req, []byte("body"), "id", time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
		return req.Header, source.Verify.Window()
	}
	withIt, window := sign(true)
	without, otherwise := sign(false)
	if !reflect.DeepEqual(withIt, without) || window != otherwise {
		t.Errorf("the default is not %q", row.defaultValue)
	}
}

// beside has the settings that an example cannot do without, where they are not the other examples of its section.
func beside(path string) map[string]string {
	switch path {
	case "sources.NAME.verify.user":
		return map[string]string{"sources.NAME.verify": `{scheme: basic, secrets: ["env:ORDERS_SECRET"]}`}
	case "sources.NAME.verify.client_id":
		return map[string]string{"sources.NAME.verify": `{scheme: cxone-byoc, secrets: ["env:ORDERS_SECRET"]}`}
	case "sources.NAME.verify.url":
		return map[string]string{"sources.NAME.verify": `{scheme: twilio, secrets: ["env:ORDERS_SECRET"]}`}
	case "sources.NAME.verify.subjects", "sources.NAME.verify.sans":
		return map[string]string{
			"sources.NAME.verify": `{scheme: mtls}`,
			"tls":                 `{cert_file: dlqdesk.pem, key_file: dlqdesk.key, client_ca_file: platforms.pem}`,
		}
	case "queue.processing_url":
		return map[string]string{"sources.NAME.mode": "buffered"}
	}
	return nil
}

// checkExample sets the examples of the key's whole section, and then all but this one. A running program takes the
// change over if and only if the manual does not list the key among those that need a restart.
func checkExample(t *testing.T, row documented, rows []documented) {
	t.Helper()
	s := base(t)
	alone := beside(row.path)
	for path, value := range alone {
		s.set(t, path, value)
	}
	for _, other := range rows {
		if alone == nil && other.section() == row.section() && beside(other.path) == nil {
			s.set(t, other.path, other.example)
		}
	}
	s.remove(row.path)
	before, _, _ := s.load(t)
	s.set(t, row.path, row.example)
	after, _, err := s.load(t)
	if err != nil {
		t.Errorf("the example %s is not valid: %v", row.example, err)
	}
	if reflect.DeepEqual(before, after) {
		t.Errorf("the example %s changes nothing", row.example)
	}
	kept := reflect.DeepEqual(before.Reloaded(after), before)
	if tls := row.section() == "tls"; kept != NeedsRestart(row.path) && !tls {
		t.Errorf("a reload takes it over: %t, and NeedsRestart is %t", !kept, NeedsRestart(row.path))
	}
}

// readNeedsRestart returns a function that reports whether the section "Reload" of the manual lists a key, or the
// section that it is in, among those that need a restart.
func readNeedsRestart(t *testing.T) func(path string) bool {
	t.Helper()
	text, err := os.ReadFile("../../web/docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Reload\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, section, ok := strings.Cut(section, "These keys need a restart: ")
	if !ok {
		t.Fatal("the manual does not say which keys need a restart")
	}
	section, _, _ = strings.Cut(section, "\n\n")
	listed, except, _ := strings.Cut(section, " except ")
	names := func(text, path string) bool {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if path == m[1] || strings.HasPrefix(path, m[1]+".") {
				return true
			}
		}
		return false
	}
	return func(path string) bool { return names(listed, path) && !names(except, path) }
}

var quoted = regexp.MustCompile("`([a-zA-Z_.]+)`")

var (
	heading = regexp.MustCompile(`^## (.+)$`)
	literal = regexp.MustCompile("^`([^`]+)`")
)

func readManual(t *testing.T) []documented {
	t.Helper()
	text, err := os.ReadFile("../../web/docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []documented
	section := ""
	for line := range strings.Lines(string(text)) {
		if m := heading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			section = strings.TrimPrefix(m[1], "Top level")
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 5 || !strings.Contains(cells[0], "`") || section == "Environment variables" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		row := documented{path: join(section, strings.Trim(cells[0], "`")), required: cells[2] == "required"}
		if m := literal.FindStringSubmatch(cells[2]); m != nil {
			row.defaultValue = m[1]
		} else if !row.required && cells[2] != "none" {
			t.Errorf("%s: the default %q is neither `a value`, none nor required", row.path, cells[2])
		}
		if m := literal.FindStringSubmatch(cells[3]); m != nil {
			row.example = m[1]
		} else {
			t.Errorf("%s has no example", row.path)
		}
		if cells[1] == "" || cells[4] == "" {
			t.Errorf("%s has no type or no meaning", row.path)
		}
		rows = append(rows, row)
	}
	return rows
}

// makeFiles makes the files that the examples name.
func makeFiles(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for file, block := range map[string]*pem.Block{
		"dlqdesk.pem":   {Type: "CERTIFICATE", Bytes: certificate},
		"platforms.pem": {Type: "CERTIFICATE", Bytes: certificate},
		"ca.pem":        {Type: "CERTIFICATE", Bytes: certificate},
		"dlqdesk.key":   {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExamplesOfTheManualAreValid loads every piece of configuration that the README and the manual show.
func TestExamplesOfTheManualAreValid(t *testing.T) {
	pages, err := filepath.Glob("../../web/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	makeFiles(t)
	examples := 0
	for _, text := range texts {
		for _, m := range fenced.FindAllStringSubmatch(text, -1) {
			block := strings.ReplaceAll(m[2], "\n"+m[1], "\n") // within a list it is indented
			block = placeOfURL.ReplaceAllString(block, "url: env:ALERTS_URL")
			block = placeOfSecret.ReplaceAllStringFunc(block, func(place string) string {
				if place == "env:ALERTS_URL" {
					return place
				}
				return "env:ORDERS_SECRET"
			})
			block = tlsFile.ReplaceAllString(block, "dlqdesk.$1")
			var s settings
			if err := yaml.Unmarshal([]byte(block), &s); err != nil {
				t.Errorf("%v in\n%s", err, block)
				continue
			}
			if !s.isConfiguration() {
				continue
			}
			examples++
			if s["sources"] == nil && s["queues"] == nil {
				s.set(t, "sources.NAME.destination", "http://127.0.0.1:9090/orders")
			}
			if _, _, err := s.load(t); err != nil {
				t.Errorf("%v in\n%s", err, block)
			}
		}
	}
	if examples < 8 {
		t.Errorf("%d examples were found", examples)
	}
}

var (
	fenced        = regexp.MustCompile("(?ms)^( *)```yaml(\n.*?)```")
	placeOfURL    = regexp.MustCompile(`url: "env:[A-Z_]+"`)
	placeOfSecret = regexp.MustCompile(`(env|file):[A-Za-z0-9_/.-]+`)
	tlsFile       = regexp.MustCompile(`/etc/ssl/desk\.(pem|key)`)
)

// isConfiguration reports whether all keys are ours: other programs' YAML is in the manual as well.
func (s settings) isConfiguration() bool {
	top := newReader("", nil)
	top.config()
	for key := range s {
		if !slices.Contains(top.sections[0].keys, key) {
			return false
		}
	}
	return true
}

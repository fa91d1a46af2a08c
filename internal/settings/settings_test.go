package settings_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/settings"
)

// edit is a change of a configuration: lines of a source, or of the whole file.
type edit struct{ before, after string }

const hmac = `verify: { scheme: hmac, header: X-A, secrets: ["env:OLD_SECRET"]`

// edits has a change of every key of a source that a reload applies, by the key's name below sources.NAME.
func edits() map[string]edit {
	return map[string]edit{
		"destination":     {"", "destination: http://127.0.0.1:9/other"},
		"timeout":         {"", "timeout: 5s"},
		"connect_timeout": {"", "connect_timeout: 2s"},
		"read_timeout":    {"", "read_timeout: 2s"},
		"mode":            {"", "mode: buffered"},
		"platform":        {"", "platform: genesys-open-messaging"},
		"max_body":        {"", "max_body: 2MiB"},
		"max_concurrent":  {"", "max_concurrent: 3"},
		"max_per_second":  {"", "max_per_second: 7"},
		"event_type":      {"", "event_type: [$.kind]"},
		"shapes":          {"", "shapes: false"},
		"causes.ignore":   {"", "causes: { ignore: ['shard [a-z]+'] }"},
		"causes.join":     {"", "causes: { join: ['shard (x) => Shard $1'] }"},
		"keep_delivered":  {"", "keep_delivered: 5"},
		"handshake":       {"", "handshake: head"},
		"handshake_secrets": {
			`handshake: meta, handshake_secrets: ["env:OLD_SECRET"]`,
			`handshake: meta, handshake_secrets: ["env:NEW_SECRET"]`,
		},
		"tls.ca_file":             {"", "tls: { ca_file: ca.pem }"},
		"tls.cert_file":           {"", "tls: { cert_file: desk.pem, key_file: desk.key }"},
		"tls.key_file":            {"", "tls: { cert_file: desk.pem, key_file: desk.key }"},
		"tls.min_version":         {"", "tls: { min_version: 1.3 }"},
		"verify.scheme":           {"", hmac + "}"},
		"verify.secrets":          {hmac + "}", strings.Replace(hmac, "OLD", "NEW", 1) + "}"},
		"verify.header":           {hmac + "}", strings.Replace(hmac, "X-A", "X-B", 1) + "}"},
		"verify.prefix":           {hmac + "}", hmac + `, prefix: "v1=" }`},
		"verify.encoding":         {hmac + "}", hmac + `, encoding: base64 }`},
		"verify.algorithm":        {hmac + "}", hmac + `, algorithm: sha512 }`},
		"verify.signed":           {hmac + "}", hmac + `, signed: "x{body}" }`},
		"verify.timestamp_header": {hmac + "}", hmac + `, signed: "{ts}{body}", timestamp_header: X-At }`},
		"verify.id_header":        {hmac + "}", hmac + `, signed: "{id}{body}", id_header: X-Id }`},
		"verify.tolerance": {
			hmac + `, signed: "{ts}{body}", timestamp_header: X-At }`,
			hmac + `, signed: "{ts}{body}", timestamp_header: X-At, tolerance: 1m }`,
		},
		"verify.secret_encoding": {hmac + "}", hmac + `, secret_encoding: base64 }`},
		"verify.resign":          {hmac + "}", hmac + `, resign: true }`},
		"verify.user": {
			`verify: { scheme: basic, user: a, secrets: ["env:OLD_SECRET"] }`,
			`verify: { scheme: basic, user: b, secrets: ["env:OLD_SECRET"] }`,
		},
		"verify.client_id": {
			`verify: { scheme: cxone-byoc, client_id: a, secrets: ["env:OLD_SECRET"] }`,
			`verify: { scheme: cxone-byoc, client_id: b, secrets: ["env:OLD_SECRET"] }`,
		},
		"verify.url": {
			`verify: { scheme: twilio, url: "https://a.example/", secrets: ["env:OLD_SECRET"] }`,
			`verify: { scheme: twilio, url: "https://b.example/", secrets: ["env:OLD_SECRET"] }`,
		},
		"verify.subjects":        {"verify: { scheme: mtls }", `verify: { scheme: mtls, subjects: ["CN=a"] }`},
		"verify.sans":            {"verify: { scheme: mtls }", "verify: { scheme: mtls, sans: [a.example] }"},
		"dedup.key":              {"", "dedup: { key: $.id }"},
		"dedup.window":           {"dedup: { key: $.id }", "dedup: { key: $.id, window: 1h }"},
		"ack.status":             {"ack: { body: a }", "ack: { body: a, status: 202 }"},
		"ack.content_type":       {"ack: { body: a }", "ack: { body: a, content_type: text/plain }"},
		"ack.body":               {"ack: { body: a }", "ack: { body: b }"},
		"retry.max_attempts":     {"", "retry: { max_attempts: 2 }"},
		"retry.base":             {"", "retry: { base: 3s }"},
		"retry.factor":           {"", "retry: { factor: 3 }"},
		"retry.cap":              {"", "retry: { cap: 14m }"},
		"breaker.failure_rate":   {"", "breaker: { failure_rate: 0.7 }"},
		"breaker.window":         {"", "breaker: { window: 2m }"},
		"breaker.min_deliveries": {"", "breaker: { min_deliveries: 3 }"},
		"breaker.consecutive":    {"", "breaker: { consecutive: 3 }"},
		"breaker.probe":          {"", "breaker: { probe: 3s }"},
		"breaker.ramp_start":     {"", "breaker: { ramp_start: 3 }"},
		"mask.headers":           {"", "mask: { headers: [X-Key] }"},
		"mask.names":             {"", "mask: { names: [shoe_size] }"},
		"mask.json":              {"", "mask: { json: [$.a] }"},
		"mask.except":            {"", "mask: { except: [token] }"},
		"order_key":              {"order_key: [$.a]", "order_key: [$.b]"},
	}
}

// Every key of a source either needs a restart or changes a value that a part of the program reads.
func TestEveryKeyOfASourceIsReloaded(t *testing.T) {
	t.Parallel()
	files, known := newFiles(t), edits()
	for _, v := range files.load(t, "").Values {
		key, ok := strings.CutPrefix(v.Key, "sources.orders.")
		if !ok {
			continue
		}
		change, listed := known[key]
		if !listed {
			t.Errorf("no change of the key %s is tested: add it to edits", v.Key)
			continue
		}
		t.Run(key, func(t *testing.T) {
			before, after := files.load(t, change.before), files.load(t, change.after)
			changes := before.Changes(after)
			found := false
			for _, c := range changes {
				found = found || c.Key == v.Key
				if c.Restart {
					t.Errorf("%s needs a restart", c.Key)
				}
			}
			if !found {
				t.Errorf("the change is not listed: %+v", changes)
			}
			was := describe(t, before)
			if is := describe(t, before.Reloaded(after)); is == was {
				t.Errorf("no part sees the change:\n%s", is)
			}
		})
	}
}

// A destination keeps its pace and its certificates if their settings did not change.
func TestUnchangedDestinationKeepsItsPace(t *testing.T) {
	t.Parallel()
	files := newFiles(t)
	before := newSettings(t, files.load(t, "max_per_second: 7"), nil)
	same := newSettings(t, files.load(t, "max_per_second: 7, timeout: 3s"), before)
	other := newSettings(t, files.load(t, "max_per_second: 8"), before)
	was := before.Worker[0].Destination
	if is := same.Worker[0].Destination; is.RateLimit != was.RateLimit || is.TLS != was.TLS ||
		is.Timeout != 3*time.Second {
		t.Errorf("another timeout begins a new pace: %+v", is)
	}
	if is := other.Worker[0].Destination; is.RateLimit == was.RateLimit || is.TLS != was.TLS {
		t.Errorf("the pace stays: %v", is.RateLimit)
	}
}

// A destination keeps its signer, by which the worker sees that nothing changed, until what verifies its webhooks
// changes.
func TestUnchangedDestinationKeepsItsSigner(t *testing.T) {
	t.Parallel()
	files := newFiles(t)
	before := newSettings(t, files.load(t, hmac+`, resign: true }`), nil)
	same := newSettings(t, files.load(t, hmac+`, resign: true }`), before)
	other := newSettings(t, files.load(t, hmac+`, resign: true, tolerance: 4m }`), before)
	was := before.Worker[0].Destination.Signer
	if is := same.Worker[0].Destination.Signer; is != was {
		t.Error("the same settings make another signer")
	}
	if is := other.Worker[0].Destination.Signer; is == was {
		t.Error("the signer of other settings stays")
	}
}

// files are those that the configurations of the tests name.
type files struct{ ca, cert, key string }

func newFiles(t *testing.T) (f files) {
	t.Helper()
	authority := desktest.NewAuthority(t)
	f.ca, f.cert, f.key = authority.Files(t, authority.Issue(t, time.Hour))
	return f
}

// load reads a configuration with one source, of these lines.
func (f files) load(t *testing.T, source string) config.Config {
	t.Helper()
	if !strings.Contains(source, "destination:") {
		source = strings.TrimSuffix("destination: https://127.0.0.1:9/orders, "+source, ", ")
	}
	text := strings.NewReplacer("ca.pem", f.ca, "desk.pem", f.cert, "desk.key", f.key).Replace(
		"tls: { cert_file: desk.pem, key_file: desk.key, client_ca_file: ca.pem }\n" +
			"sources: { orders: { " + source + " } }\n")
	file := filepath.Join(t.TempDir(), "desk.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, []string{
		"OLD_SECRET=YSBzZWNyZXQgdGhhdCBpcyBsb25nIGVub3VnaA==", "NEW_SECRET=YW5vdGhlciBzZWNyZXQgdGhhdCBpcyBsb25n",
	})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return c
}

func newSettings(t *testing.T, c config.Config, before *settings.Settings) *settings.Settings {
	t.Helper()
	s, err := settings.New(c, before, settings.Deps{
		Tracker:    delivery.NewTracker(delivery.TrackerDeps{Now: time.Now}),
		MasksSince: func([]byte) (time.Time, error) { return time.Time{}, nil },
		Now:        time.Now,
		Log:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// describe writes what the parts see, without the addresses of parts with a state of their own.
func describe(t *testing.T, c config.Config) string {
	t.Helper()
	s := newSettings(t, c, nil)
	var b strings.Builder
	for _, r := range s.Receiver {
		to, ack := r.Destination, ""
		pace, masks := "", s.Masks.Digest()
		if to.RateLimit != nil {
			pace = to.RateLimit.String()
		}
		if r.Ack != nil {
			ack = fmt.Sprint(r.Ack.Status, r.Ack.ContentType, r.Ack.Template())
		}
		source, _ := c.Source(r.Name)
		v := r.Verify.Settings()
		var secrets []string
		for _, secret := range append(v.Secrets, v.HandshakeSecrets...) {
			secrets = append(secrets, secret.Reveal())
		}
		to.RateLimit, to.TLS = nil, nil
		r.Destination, r.Verify, r.Ack = to, nil, nil
		fmt.Fprintf(&b, "%+v %s %q %x\n%+v %q\n%+v\n", r, pace, ack, masks, v, secrets, source.TLS)
	}
	for _, w := range s.Worker {
		fmt.Fprintf(&b, "%+v %d\n", w.Retry, w.Slots)
	}
	for name, d := range s.Sampler {
		fmt.Fprintf(&b, "%s %t %d\n", name, d.Shapes, d.Keep)
	}
	for _, d := range s.Console.Sources {
		setup := d.Setup
		setup.Platform.Paste = nil
		fmt.Fprintf(&b, "%s %d %+v\n", d.Name, d.MaxAttempts, setup)
	}
	fmt.Fprintf(&b, "%+v %+v\n%+v\n", s.Ingest.EventType, s.Ingest.Dedup, settings.Breakers(c))
	return b.String()
}

// TestResignReachesEveryDelivery holds that receiver, worker and desk agree on what becomes of signatures.
func TestResignReachesEveryDelivery(t *testing.T) {
	t.Parallel()
	timed := hmac + `, signed: "{ts}{body}", timestamp_header: X-At`
	for name, want := range map[string]struct {
		source  string
		resigns bool
		policy  deadletter.SignaturePolicy
	}{
		"timed and anew": {timed + `, resign: true }`, true, deadletter.SignaturePolicy{
			Signed: true, Age: 4 * time.Minute, Resign: true,
		}},
		"timed":      {timed + ` }`, false, deadletter.SignaturePolicy{Signed: true, Age: 4 * time.Minute}},
		"untimed":    {hmac + ` }`, false, deadletter.SignaturePolicy{Signed: true}},
		"credential": {source: `verify: { scheme: bearer, secrets: ["env:OLD_SECRET"] }`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSettings(t, newFiles(t).load(t, want.source), nil)
			if got := s.Receiver[0].Destination.Signer != nil; got != want.resigns {
				t.Errorf("a first delivery can be signed anew: %v", got)
			}
			for i, w := range s.Worker {
				if got := w.Destination.Signer != nil; got != want.resigns {
					t.Errorf("a later delivery of %q can be signed anew: %v", w.Name, got)
				}
				if s.Desk[i].Signature != want.policy {
					t.Errorf("the desk tells of %q: %+v", w.Name, s.Desk[i].Signature)
				}
			}
		})
	}
}

package config_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/verify"
)

// Each case is a file in testdata, with its environment (.env) if it needs one and the result of Load (.golden).
// After an intended change, UPDATE=1 go test ./internal/config writes the golden files anew.
func TestLoad(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"good", "bad"} {
		cases, err := filepath.Glob(filepath.Join("testdata", kind, "*.yaml"))
		if err != nil || len(cases) == 0 {
			t.Fatalf("no cases in testdata/%s: %v", kind, err)
		}
		for _, path := range cases {
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				c, err := config.Load(filepath.ToSlash(path), environ(t, path))
				if (err == nil) != (kind == "good") {
					t.Errorf("Load: %v", err)
				}
				got := describe(c)
				if err != nil {
					got = err.Error() + "\n"
				}
				compare(t, strings.TrimSuffix(path, ".yaml")+".golden", got)
			})
		}
	}
}

func environ(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(strings.TrimSuffix(path, ".yaml") + ".env")
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", golden, got, want)
	}
}

func describe(c config.Config) string {
	var b strings.Builder
	fmt.Fprintf(
		&b, "listen %q, console %q, metrics %q, public %q, data %q, grace %s\n", c.Listen, c.ConsoleListen,
		c.MetricsListen, c.PublicURL, c.DataDir, c.Grace,
	)
	if len(c.TrustedProxies) > 0 {
		fmt.Fprintf(&b, "trusted proxies %v\n", c.TrustedProxies)
	}
	fmt.Fprintf(&b, "dlq %q, processing %q, region %q, default source %q, spool %d\n",
		c.Queue.DLQURL, c.Queue.ProcessingURL, c.Queue.Region, c.Queue.DefaultSource, c.Queue.SpoolLimit)
	for _, q := range c.Queues {
		fmt.Fprintf(
			&b, "queue %s: %q in %q, source %q, redriven to %q\n", q.Name, q.URL, q.Region, q.Source,
			q.SourceQueueURL,
		)
	}
	for _, s := range c.Sources {
		fmt.Fprintf(&b, "source %s: %s %s, timeout %s, max body %d, max concurrent %d, verify %s\n",
			s.Name, s.Mode, s.Destination, s.Timeout, s.MaxBody, s.MaxConcurrent, s.Verify.Scheme)
		fmt.Fprintf(
			&b, "\tretry %d times from %s by %v to %s, mask %q and %q\n", s.Retry.MaxAttempts, s.Retry.Base,
			s.Retry.Factor, s.Retry.Cap, s.Mask.Headers, s.Mask.JSON,
		)
		fmt.Fprintf(&b, "\tconnect %s, read %s, per second %v, TLS %+v\n", s.Connect, s.Read, s.MaxPerSecond, s.TLS)
		fmt.Fprintf(&b, "\tevent type %q\n", s.EventType)
		for _, to := range s.Copies {
			fmt.Fprintf(&b, "\tcopies to %s: %s, masked %t\n", to.Name, to.URL, to.Masked)
		}
		if !s.Shapes || s.KeepDelivered > 0 {
			fmt.Fprintf(&b, "\tshapes %t, %d delivered kept\n", s.Shapes, s.KeepDelivered)
		}
		if key := c.OrderKey(s); len(key) > 0 {
			fmt.Fprintf(&b, "\torder key of a %s: %q\n", key.Name(), key.Places())
		}
		fmt.Fprintf(
			&b,
			"\tbreaker %v of %d in %s or %d in a row, probe %s, retries per second %d\n",
			s.Breaker.FailureRate,
			s.Breaker.MinDeliveries,
			s.Breaker.Window,
			s.Breaker.Consecutive,
			s.Breaker.Probe,
			s.Breaker.RampStart,
		)
	}
	for _, s := range c.Sources {
		describeVerification(&b, s)
	}
	for _, p := range c.Platforms {
		fmt.Fprintf(&b, "platform %s of %s: id %q, secret in %q\n", p.Name, p.PresetName, p.ClientID, p.ClientSecret)
		usual, _ := platform.Find(p.PresetName)
		usual.Region = "" // as where none is set
		for _, changed := range changes(usual, p.Preset) {
			fmt.Fprintf(&b, "\t%s\n", changed)
		}
	}
	for _, s := range c.Sources {
		if s.Platform != "" {
			fmt.Fprintf(&b, "source %s comes from %s to %s\n", s.Name, s.Platform, c.WebhookURLOf(s.Name))
		}
	}
	describeAlerts(&b, c.Alerts)
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

func describeAlerts(b *strings.Builder, a config.Alerts) {
	if len(a.Sinks) == 0 {
		return
	}
	for _, s := range a.Sinks {
		fmt.Fprintf(b, "alerts to the %s %s: %d bytes, key %d, secret %d, %q\n", s.Kind, s.Name, len(s.URL.Reveal()),
			len(s.RoutingKey.Reveal()), len(s.Secret.Reveal()), s.To)
	}
	fmt.Fprintf(b, "SMTP %s from %s as %s, plain %t\n", a.SMTP.Address, a.SMTP.From, a.SMTP.User, a.SMTP.AllowPlain)
	for _, r := range a.Routes {
		fmt.Fprintf(b, "route %s to %q: sources %q, kinds %q, from %s; quiet from %s to %s in %v but for %q\n", r.Name,
			r.To, r.Sources, r.Kinds, r.Severity, r.Quiet.From, r.Quiet.To, r.Quiet.Zone, r.Quiet.Except)
	}
	fmt.Fprintf(b, "kept for %s, thresholds %+v\n", a.Keep, a.AlertThresholds)
}

// fields adds the values of a preset that have no others below them, by their path.
func fields(v reflect.Value, path string, into map[string]string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fields(v.Field(i), path+"."+v.Type().Field(i).Name, into)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			fields(v.MapIndex(key), path+"["+key.String()+"]", into)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), into)
		}
	default:
		into[path] = fmt.Sprint(v.Interface())
	}
}

// changes returns the fields of a preset that differ, in order.
func changes(from, to platform.Preset) []string {
	before, after := map[string]string{}, map[string]string{}
	fields(reflect.ValueOf(from), "", before)
	fields(reflect.ValueOf(to), "", after)
	var list []string
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if before[path] != after[path] {
			list = append(list, path+" = "+after[path])
		}
	}
	return list
}

// describeVerification writes how a source is verified, and of its secrets only where they come from.
func describeVerification(b *strings.Builder, s config.Source) {
	if s.Verify.Open() && s.Dedup.Header == "" && s.Dedup.Path == nil && s.Dedup.Window == payload.DefaultDedupWindow &&
		s.Ack == nil {
		return
	}
	fmt.Fprintf(b, "verification of %s: %+v\n", s.Name, s.Verify)
	for _, secret := range s.Verify.Secrets {
		fmt.Fprintf(b, "\tsecret of %d bytes from %s\n", len(secret.Reveal()), secret.From)
	}
	fmt.Fprintf(b, "\tdedup by %q %q within %s\n", s.Dedup.Header, s.Dedup.Path, s.Dedup.Window)
	if s.Ack != nil {
		fmt.Fprintf(
			b, "\tanswers %d %s %s\n", s.Ack.Status, s.Ack.ContentType,
			s.Ack.Body(deadletter.Capture{ID: "ID", WebhookID: "W", Body: []byte(`{"a":"\""}`)}),
		)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", []string{"DLQDESK_SOURCES__GENESYS__DESTINATION=http://127.0.0.1:9090/genesys"})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := c.Source("genesys")
	if !ok {
		t.Fatalf("no source genesys in %+v", c)
	}
	want := config.Source{
		Name:          "genesys",
		Destination:   "http://127.0.0.1:9090/genesys",
		Mode:          config.Direct,
		Timeout:       10 * time.Second,
		MaxBody:       1 << 20,
		Connect:       10 * time.Second,
		Read:          10 * time.Second,
		TLS:           config.TLS{MinVersion: tls.VersionTLS12},
		MaxConcurrent: 64,
		Verify: verify.Settings{
			Source: "genesys",
			Scheme: verify.None,
		},
		Dedup: payload.Dedup{Window: payload.DefaultDedupWindow},
		Retry: deadletter.RetryPolicy{MaxAttempts: 6, Base: 5 * time.Second, Factor: 4, Cap: 15 * time.Minute},
		Breaker: config.Breaker{
			FailureRate:   0.5,
			Window:        time.Minute,
			MinDeliveries: 10,
			Consecutive:   5,
			Probe:         15 * time.Second,
			RampStart:     20,
		},
		EventType: payload.AnyEventType(),
		Shapes:    true,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, ok := c.Source("cxone"); ok {
		t.Error("a source that nobody set is there")
	}
}

// A handler that restarts, or is deployed anew, is up again before the automatic retries are over, however the jitter
// falls.
func TestDefaultRetriesCoverFifteenMinutes(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", []string{"DLQDESK_SOURCES__GENESYS__DESTINATION=http://127.0.0.1:9090/genesys"})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := c.Source("genesys")
	shortest := time.Duration(0)
	for n := 1; n < s.Retry.MaxAttempts; n++ {
		shortest += s.Retry.Delay(n, 0)
	}
	if shortest < 15*time.Minute {
		t.Errorf("the shortest schedule of the defaults is over after %s", shortest)
	}
}

func TestLoadWithoutSources(t *testing.T) {
	t.Parallel()
	_, err := config.Load("", nil)
	if err == nil || !strings.HasPrefix(err.Error(), "sources: there is none: add one") {
		t.Errorf("got %v", err)
	}
}

func TestLoadUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, []byte(strings.Repeat("#", 1<<20+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "cannot be read: no such file or directory",
		dir:                             "cannot be read: is a directory",
		big:                             "is over 1MiB: this cannot be a configuration",
	} {
		t.Run(want, func(t *testing.T) {
			if _, err := config.Load(path, nil); err == nil || err.Error() != path+": "+want {
				t.Errorf("got %v, want %s: %s", err, path, want)
			}
		})
	}
}

// A password in a URL must not reach a terminal or a log.
func TestFaultsHidePasswords(t *testing.T) {
	t.Parallel()
	for _, destination := range []string{
		"http://user:hunter2@example.com/#top", "http://user:hunter2#x@example.com/",
		"http://user:hunter2@example.com:99999/", "http://user:hunter2%zz@example.com/", "http://user:hunter2@/",
		"http://us er:hunter2@example.com/", "user:hunter2@example.com",
		"ftp://user:hunter2@example.com/", "http://user:hunter2?@example.com/", "//user:hunter2@", "example.com/" +
			"?token=hunter2",
	} {
		t.Run(destination, func(t *testing.T) {
			for _, key := range []string{"SOURCES__A__DESTINATION", "WEBHOOK_URL", "PUBLIC_URL", "QUEUE__DLQ_URL"} {
				_, err := config.Load("", []string{"DLQDESK_" + key + "=" + destination})
				if err == nil || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: got %v", key, err)
				}
			}
		})
	}
}

// FuzzLoad: Load never panics, each fault is one line that names its place, and what Load
// accepts is valid.
func FuzzLoad(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		cases, err := filepath.Glob(filepath.Join("testdata", kind, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range cases {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, "SOURCES__GENESYS__TIMEOUT", "2m")
		}
	}
	f.Add([]byte("sources: &a {x: *a}"), "SOURCES____X", "")
	f.Add([]byte("sources: {a: &b {retry: *b}}"), "SOURCES__A-B__MASK__JSON", "$.a,$")
	f.Fuzz(func(t *testing.T, text []byte, key, value string) {
		path := filepath.Join(t.TempDir(), "desk.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, []string{"DLQDESK_" + key + "=" + value, "PORT=" + value})
		if err != nil {
			checkFaults(t, err)
			return
		}
		checkSound(t, c)
	})
}

func checkFaults(t *testing.T, err error) {
	t.Helper()
	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, f := range faults {
		if f.Where == "" || f.Text == "" || strings.Contains(f.Key+f.Text, "\n") {
			t.Errorf("%#v", f)
		}
	}
}

func checkSound(t *testing.T, c config.Config) {
	t.Helper()
	if len(c.Sources) == 0 || c.Listen == "" || c.DataDir == "" {
		t.Errorf("accepted %+v", c)
	}
	for _, s := range c.Sources {
		if !strings.HasPrefix(s.Destination, "http") || s.Timeout <= 0 || s.MaxBody <= 0 || s.MaxConcurrent <= 0 ||
			s.Retry.Base > s.Retry.Cap {
			t.Errorf("accepted %+v", s)
		}
	}
}

// LoadData needs neither the secrets of sources nor keys of other parts: their faults do not stop a command that uses
// only the data folder.
func TestLoadDataOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "desk.yaml")
	text := `
data_dir: /var/lib/dlqdesk
tls: { cert_file: /nowhere/cert.pem, key_file: /nowhere/key.pem }
queues: { orders: { url: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq", source: one } }
platforms: { home: { preset: no-such-preset } }
sources:
  one:
    destination: https://handler.internal/hooks
    tls: { ca_file: /nowhere/ca.pem }
    verify: { scheme: standard-webhooks, secrets: [ "env:ABSENT", "file:/nowhere/secret" ] }
  two: { destination: nowhere, unknown: 1 }
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"DLQDESK_SOURCES__THREE__TIMEOUT=1h", "DLQDESK_TLS__NOTHING=1"}
	if _, err := config.Load(file, environ); err == nil {
		t.Fatal("a server would start with it")
	}
	c, err := config.LoadDataOnly(file, environ)
	if err != nil || c.DataDir != "/var/lib/dlqdesk" || len(c.Queues) != 1 {
		t.Fatalf("%v: %+v", err, c)
	}
	for _, s := range c.Sources {
		for _, secret := range s.Verify.Secrets {
			if secret.Reveal() != "" {
				t.Errorf("the secret %v was read", secret)
			}
		}
	}
	_, err = config.LoadDataOnly(file, append(environ, "DLQDESK_LISTEN=here", "DLQDESK_QUEUE__DLQ_URL=there"))
	faults, ok := errors.AsType[config.Faults](err)
	if !ok || len(faults) != 2 {
		t.Errorf("faults of its own keys: %v", err)
	}
}

package acceptance_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

// examine checks a source and returns a line for each check.
func examine(t *testing.T, cfg config.Config, r doctor.Request) string {
	t.Helper()
	r.Source = "genesys"
	checks, err := doctor.Examine(t.Context(), cfg, r)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range checks {
		lines = append(lines, fmt.Sprintf("%s %s: %s -> %s", c.State, c.Name, c.Text, c.Fix))
	}
	return strings.Join(lines, "\n")
}

func says(t *testing.T, report string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains(report, line) {
			t.Errorf("no %q in\n%s", line, report)
		}
	}
}

func signed(secret string) func(*config.Config) {
	return func(c *config.Config) {
		c.Sources[0].Platform = "home"
		c.Sources[0].Verify = verify.Settings{
			Source:  "genesys",
			Scheme:  verify.GenesysOpenMessaging,
			Secrets: []redact.Secret{redact.NewSecret("env:SECRET", secret)},
		}
	}
}

func TestDoctorTracesAWebhookToTheDestination(t *testing.T) {
	t.Parallel()
	g := desktest.NewGenesys(t)
	p := setup(t, signed("0123456789abcdef0123"))
	cfg := p.cfg
	cfg.Sources = slices.Clone(cfg.Sources) // the running program reads its own
	home, err := platform.Find("genesys-open-messaging")
	if err != nil {
		t.Fatal(err)
	}
	home.TokenURL, home.API = g.URL+"/oauth/token", g.URL
	cfg.Platforms = []config.Platform{{Name: "home", PresetName: home.Name, Preset: home}}
	e := doctor.Request{
		URL:     p.URL() + "/webhooks/genesys",
		Environ: []string{"CLIENT_ID=" + g.ClientID, "CLIENT_SECRET=" + g.ClientSecret},
		Send:    true,
	}
	says(
		t, examine(t, cfg, e), "ok verification: by genesys-open-messaging", "fail registrable: ",
		"ok token: granted by "+g.URL, "fail registration: nothing is registered for "+e.URL,
		"ok destination: ", "ok receiver: dlqdesk responds at "+e.URL, "ok data folder: ",
		"ok DLQ: embedded in ", "warn test event: the delivery failed, and the event is now a message",
	)
	if n := len(p.destination.Received()); n != 1 {
		t.Errorf("the destination got %d", n)
	}
	p.destination.Set(desktest.Answer(http.StatusOK, "{}"))
	says(t, examine(t, cfg, e), "ok test event: delivered to the destination")
	// The receiver's response does not always say what happened to an event.
	cfg.Sources[0].Ack, _ = payload.NewAck(200, "application/json", "{}")
	says(
		t, examine(t, cfg, e),
		"ok test event: accepted with 200, as ack says; if the delivery failed, it is among the messages",
	)
	cfg.Sources[0].Ack, cfg.Sources[0].Mode = nil, config.Buffered
	says(t, examine(t, cfg, e), "ok test event: the processing queue accepted it; its destination is next")
	cfg.Sources[0].Mode = config.Direct

	signed("another secret than the server's")(&cfg)
	says(
		t, examine(t, cfg, e),
		"fail test event: the receiver refused it (401) -> the running dlqdesk has other secrets",
	)

	cfg.Sources[0].Verify = verify.Settings{}
	e.Send = false
	says(
		t,
		examine(t, cfg, e),
		"warn verification: genesys-open-messaging signs webhooks by genesys-open-messaging, and the source "+
			"does not verify them",
	)
	cfg.Sources[0].Platform = ""
	says(
		t, examine(t, cfg, e),
		"warn platform: not checked: the source names no platform -> set sources.genesys.platform",
	)
}

func TestDoctorReportsFaults(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	cfg.Sources[0].Destination = "http://127.0.0.1:1/genesys"
	cfg.DataDir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(cfg.DataDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Warnings = []string{
		"desk.yaml:1: sources.other.verify: not ours", "desk.yaml:2: sources.genesys.verify.scheme: ours",
	}
	report := examine(t, cfg, doctor.Request{URL: d.URL + "/webhooks/genesys"})
	says(
		t,
		report,
		"warn configuration: desk.yaml:2",
		"fail destination: Connection refused by 127.0.0.1:1 -> start the handler, or correct "+
			"sources.genesys.destination",
		"fail receiver: the server at "+d.URL+"/webhooks/genesys is no receiver of dlqdesk (503)",
		"fail data folder: ",
	)
	if strings.Contains(report, "not ours") {
		t.Errorf("another source's warning is reported:\n%s", report)
	}
	_, err := doctor.Examine(t.Context(), cfg, doctor.Request{Source: "unknown"})
	if deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("an unknown source: %v", err)
	}
}

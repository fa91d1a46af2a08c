// Package doctor checks everything that a webhook of a source passes: configuration, platform, token, registration,
// destination, receiver, data folder, queues and their permissions. It also writes the curl command that sends a signed
// test webhook. It must not change anything, except that it sends a test event on request.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/platform"
)

// Request names the source to check, and how to check it.
type Request struct {
	Source   string
	Platform string // overrides that of the configuration
	URL      string // overrides that of the configuration
	Role     Role   // of the process whose permissions on the queues are checked
	Send     bool   // post a signed test event, which is delivered to the destination
	Environ  []string
}

// Role is the command of a process.
type Role string

// Roles of processes that use queues.
const (
	Serve   Role = "serve"
	Receive Role = "receive"
)

// checkLimit bounds one check.
const checkLimit = 15 * time.Second

// examination is one run of all checks of a source.
type examination struct {
	cfg     config.Config
	source  config.Source
	webhook platform.Webhook
	Request
}

// Examine runs all checks of a source. It returns Invalid if the source is not configured.
func Examine(ctx context.Context, cfg config.Config, r Request) ([]platform.Check, error) {
	s, ok := cfg.Source(r.Source)
	if !ok {
		return nil, deadletter.Errorf(deadletter.Invalid, "there is no source %q in the configuration", r.Source)
	}
	w, err := Webhook(cfg, r.Source, r.URL, "")
	if err != nil {
		return nil, err
	}
	e := &examination{cfg, s, w, r}
	checks := e.checkConfiguration()
	checks = append(checks, e.checkPlatform(ctx)...)
	checks = append(checks, e.checkDestinations(ctx)...)
	checks = append(checks, e.checkReceiver(ctx), e.checkDataDir())
	checks = append(checks, e.checkQueues(ctx)...)
	if r.Send {
		checks = append(checks, e.checkDelivery(ctx))
	}
	return checks, nil
}

func (e *examination) checkConfiguration() []platform.Check {
	valid := cmp.Or(e.cfg.File, "the configuration (no file)") + " is valid"
	checks := []platform.Check{{Name: "configuration", State: platform.OK, Text: valid}}
	for _, warning := range e.cfg.Warnings {
		ofOther := strings.Contains(warning, ": sources.") && !strings.Contains(warning, ": sources."+e.source.Name+".")
		if !ofOther {
			checks = append(checks, platform.Check{Name: "configuration", State: platform.Warn, Text: warning})
		}
	}
	return checks
}

func (e *examination) checkPlatform(ctx context.Context) []platform.Check {
	if e.source.Platform == "" && e.Platform == "" {
		return []platform.Check{{
			Name: "platform", State: platform.Warn, Text: "not checked: the source names no platform",
			Fix: "set sources." + e.source.Name + ".platform, or use --platform",
		}}
	}
	p, err := PlatformOf(e.cfg, e.source.Name, e.Platform, e.Environ)
	if err != nil {
		return []platform.Check{{Name: "platform", State: platform.Fail, Text: err.Error()}}
	}
	return append([]platform.Check{checkScheme(e.source, p.Preset())}, p.Examine(ctx, e.webhook)...)
}

// checkScheme compares how a source verifies webhooks with how its platform signs them.
func checkScheme(s config.Source, p platform.Preset) platform.Check {
	check := platform.Check{Name: "verification", State: platform.OK, Text: "by " + s.Verify.Scheme}
	switch {
	case p.Verify == "" && s.Verify.Open():
		check.State, check.Text = platform.Warn, "nothing verifies who sent a webhook"
		check.Fix = "set verify: every client that knows the URL can post to it"
	case p.Verify != "" && p.Verify != s.Verify.Scheme:
		check.State = platform.Fail
		check.Text = fmt.Sprintf("%s signs webhooks by %s, and the source verifies %s", p.Name, p.Verify,
			s.Verify.Scheme)
		check.Fix = fmt.Sprintf("set sources.%s.verify to { scheme: %s, … }", s.Name, p.Verify)
		if s.Verify.Open() {
			check.State = platform.Warn
			check.Text = fmt.Sprintf("%s signs webhooks by %s, and the source does not verify them", p.Name, p.Verify)
		}
	}
	return check
}

// checkDataDir writes into the data folder, which stores everything that SQS does not.
func (e *examination) checkDataDir() platform.Check {
	dir := e.cfg.DataDir
	check := platform.Check{Name: "data folder", State: platform.OK, Text: dir + " is writable"}
	f, err := os.CreateTemp(dir, "doctor.*")
	if err == nil {
		_, err = f.WriteString("dlqdesk")
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		check.State, check.Text = platform.Fail, err.Error()
		check.Fix = "make " + filepath.Clean(dir) + " writable for the user that dlqdesk runs as, or set data_dir"
	}
	return check
}

package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/verify"
)

// Examination says what to look at.
type Examination struct {
	Source   string
	Platform string // instead of that of the configuration
	URL      string // instead of that of the configuration
	Role     string // of the process whose queues are looked at: Serve, or Receive
	Send     bool   // post a signed test event, which reaches the handler
	Environ  []string
}

// checkLimit bounds one check.
const checkLimit = 15 * time.Second

// Doctor looks at everything that a webhook of a source passes, from its registration to the queue.
func (a *App) Doctor(ctx context.Context, e Examination) ([]platform.Check, error) {
	s, ok := a.cfg.Source(e.Source)
	if !ok {
		return nil, deadletter.Errorf(deadletter.Invalid, "there is no source %q in the configuration", e.Source)
	}
	w, err := a.Webhook(e.Source, e.URL, "")
	if err != nil {
		return nil, err
	}
	checks := a.examineConfiguration(s)
	checks = append(checks, a.examinePlatform(ctx, s, w, e)...)
	checks = append(checks, a.examineDestination(ctx, s), a.examineReceiver(ctx, w))
	checks = append(checks, a.examineDataDir())
	checks = append(checks, a.examineQueues(ctx, s, e)...)
	if e.Send {
		checks = append(checks, a.examineDelivery(ctx, s, w))
	}
	return checks, nil
}

func (a *App) examineConfiguration(s config.Source) []platform.Check {
	checks := []platform.Check{
		{
			Name:  "configuration",
			State: platform.OK,
			Text:  cmp.Or(a.cfg.File, "the configuration (no file)") + " is valid",
		},
	}
	for _, warning := range a.cfg.Warnings {
		if others := strings.Contains(warning, ": sources.") &&
			!strings.Contains(warning, ": sources."+s.Name+"."); !others {
			checks = append(checks, platform.Check{Name: "configuration", State: platform.Warn, Text: warning})
		}
	}
	return checks
}

func (a *App) examinePlatform(
	ctx context.Context,
	s config.Source,
	w platform.Webhook,
	e Examination,
) []platform.Check {
	if s.Platform == "" && e.Platform == "" {
		return []platform.Check{{
			Name: "platform", State: platform.Warn, Text: "not looked at: it is not known where the webhooks come from",
			Fix: "set sources." + s.Name + ".platform, or use --platform",
		}}
	}
	p, err := a.PlatformOf(s.Name, e.Platform, e.Environ)
	if err != nil {
		return []platform.Check{{Name: "platform", State: platform.Fail, Text: err.Error()}}
	}
	checks := []platform.Check{examineScheme(s, p.Preset())}
	return append(checks, p.Examine(ctx, w)...)
}

// examineScheme compares how a source takes webhooks for genuine with how its platform signs them.
func examineScheme(s config.Source, p platform.Preset) platform.Check {
	check := platform.Check{Name: "verification", State: platform.OK, Text: "by " + s.Verify.Scheme}
	switch {
	case p.Verify == "" && s.Verify.Open():
		check.State, check.Text, check.Fix = platform.Warn, "nothing proves who sent a webhook", "set verify: whoever knows the URL can post to it"
	case p.Verify != "" && p.Verify != s.Verify.Scheme:
		check.State = platform.Fail
		check.Text = fmt.Sprintf(
			"webhooks of %s prove themselves by %s, and the source asks for %s",
			p.Name,
			p.Verify,
			s.Verify.Scheme,
		)
		check.Fix = fmt.Sprintf("set sources.%s.verify to { scheme: %s, … }", s.Name, p.Verify)
		if s.Verify.Open() {
			check.State, check.Text = platform.Warn, fmt.Sprintf(
				"webhooks of %s prove themselves by %s, and the source does not ask for it",
				p.Name,
				p.Verify,
			)
		}
	}
	return check
}

func (a *App) examineDestination(ctx context.Context, s config.Source) platform.Check {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	check := platform.Check{
		Name:  "destination",
		State: platform.OK,
		Text:  hostOf(s.Destination) + " takes connections (no request was sent)",
	}
	to, err := a.destination(s)
	if err == nil {
		err = to.Reach(ctx)
	}
	if err != nil {
		check.State, check.Text, check.Fix = platform.Fail, err.Error(), "start the handler, or correct sources."+s.Name+".destination"
	}
	return check
}

// examineReceiver asks the webhook's URL with a method that it refuses, which tells that a receiver with this source
// answers there.
func (a *App) examineReceiver(ctx context.Context, w platform.Webhook) platform.Check {
	at := a.postedTo(w)
	check := platform.Check{Name: "receiver", State: platform.OK, Text: "dlqdesk answers at " + at}
	status, answer, err := ask(ctx, http.MethodGet, at, nil, nil)
	switch {
	case err != nil:
		check.State, check.Text = platform.Fail, "nothing answers at "+at+": "+err.Error()
		check.Fix = "start dlqdesk serve, and look at webhook_url and what stands in front of it"
	case status != http.StatusMethodNotAllowed || !strings.Contains(answer, "method not allowed: use POST"):
		check.State, check.Text = platform.Fail, fmt.Sprintf(
			"what answers at %s is no receiver of dlqdesk (%d)",
			at,
			status,
		)
		check.Fix = "look at webhook_url, and at where what stands in front of dlqdesk sends /webhooks/"
	}
	return check
}

// postedTo is where a webhook is posted to: this machine's own address where no other is known.
func (a *App) postedTo(w platform.Webhook) string {
	if w.URL != "" {
		return w.URL
	}
	return a.scheme() + a.cfg.Listen + "/webhooks/" + w.Source
}

// maxAsked bounds what is read of an answer, in bytes.
const maxAsked = 4 << 10

func ask(
	ctx context.Context,
	method, at string,
	sign func(*http.Request) error,
	body io.Reader,
) (status int, answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return 0, "", err
	}
	if sign != nil {
		if err := sign(r); err != nil {
			return 0, "", err
		}
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
			return 0, "", errors.New("there is no host " + dns.Name)
		}
		if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
			return 0, "", errors.New("no answer in time")
		}
		return 0, "", errors.Unwrap(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAsked))
	return got.StatusCode, string(text), err
}

// examineDataDir writes into the data folder, where everything is kept that SQS does not hold.
func (a *App) examineDataDir() platform.Check {
	check := platform.Check{Name: "data folder", State: platform.OK, Text: a.cfg.DataDir + " is writable"}
	f, err := os.CreateTemp(a.cfg.DataDir, "doctor.*")
	if err == nil {
		_, err = f.WriteString("dlqdesk")
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		check.State, check.Text, check.Fix = platform.Fail, err.Error(), "make "+filepath.Clean(
			a.cfg.DataDir,
		)+" writable for the user that dlqdesk runs as, or set data_dir"
	}
	return check
}

const testEvent = `{"eventType":"dlqdesk.test","note":"sent by dlqdesk platform doctor --send"}`

// examineDelivery posts a signed event, which goes the way of a real one: to the handler, or to the queue when that
// fails.
func (a *App) examineDelivery(ctx context.Context, s config.Source, w platform.Webhook) platform.Check {
	at := a.postedTo(w)
	check := platform.Check{Name: "test event", State: platform.OK, Text: "delivered to the handler"}
	status, answer, err := ask(ctx, http.MethodPost, at, func(r *http.Request) error {
		r.Header.Set("Content-Type", "application/json")
		return a.sign(r, s, []byte(testEvent))
	}, strings.NewReader(testEvent))
	switch {
	case err != nil:
		check.State, check.Text = platform.Fail, err.Error()
	case status == http.StatusUnauthorized:
		check.State, check.Text, check.Fix = platform.Fail, "the receiver refused it (401)", "the running dlqdesk has other secrets than this configuration: restart it"
	case status/100 != 2:
		check.State, check.Text = platform.Fail, fmt.Sprintf(
			"the receiver answered %d %s",
			status,
			strings.TrimSpace(answer),
		)
	case s.Mode == config.Buffered:
		check.Text = "the processing queue took it; its handler is next"
	case s.Ack != nil:
		check.Text = fmt.Sprintf(
			"taken, and answered %d as ack says; the messages tell whether the handler took it",
			status,
		)
	case strings.Contains(answer, "queued_for_retry"):
		check.State, check.Text, check.Fix = platform.Warn, "the handler failed, and the event is kept as a message", "look at it at the desk, and archive it"
	}
	return check
}

func (a *App) sign(r *http.Request, s config.Source, body []byte) error {
	proof, err := verify.New(s.Verify)
	if err != nil {
		return err
	}
	return proof.Sign(r, body, "dlqdesk-test-"+rand.Text(), a.now())
}

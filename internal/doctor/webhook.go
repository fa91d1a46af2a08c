package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

// checkDestinations checks the destination, and those for copies.
func (e *examination) checkDestinations(ctx context.Context) []platform.Check {
	checks := []platform.Check{e.checkDestination(ctx, "destination", e.source.Destination)}
	for _, to := range e.source.Copies {
		checks = append(checks, e.checkDestination(ctx, "destinations."+to.Name+".url", to.URL))
	}
	return checks
}

// checkDestination connects to the destination of a key and sends nothing. That of copies need not be up.
func (e *examination) checkDestination(ctx context.Context, key, address string) platform.Check {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	s := e.source
	connects := redact.Host(address) + " accepts connections (no request was sent)"
	check := platform.Check{Name: strings.TrimSuffix(key, ".url"), State: platform.OK, Text: connects}
	files := delivery.TLSFiles{CA: s.TLS.CAFile, Cert: s.TLS.CertFile, Key: s.TLS.KeyFile, MinVersion: s.TLS.MinVersion}
	tls, err := delivery.NewTLS(files, slog.New(slog.DiscardHandler))
	if err == nil {
		to := delivery.Destination{Source: s.Name, URL: address, Timeout: s.Timeout, Connect: s.Connect, TLS: tls}
		err = to.CheckConnection(ctx)
	}
	if err != nil {
		check.State, check.Text = platform.Fail, err.Error()
		if address != s.Destination {
			check.State = platform.Warn
		}
		check.Fix = "start the handler, or correct sources." + s.Name + "." + key
	}
	return check
}

// checkReceiver requests the webhook's URL with a method that a receiver refuses. The refusal shows that a receiver is
// there.
func (e *examination) checkReceiver(ctx context.Context) platform.Check {
	at := e.webhookURL()
	check := platform.Check{Name: "receiver", State: platform.OK, Text: "dlqdesk responds at " + at}
	method := http.MethodGet
	if e.source.Verify.Handshake == verify.Head {
		method = http.MethodPut // its platform gets a 200 for GET
	}
	status, body, err := send(ctx, method, at, nil, nil)
	switch {
	case err != nil:
		check.State, check.Text = platform.Fail, "nothing responds at "+at+": "+err.Error()
		check.Fix = "start dlqdesk serve, and check webhook_url and the proxy in front of it"
	case status != http.StatusMethodNotAllowed || !strings.Contains(body, "method not allowed: use POST"):
		check.State, check.Text = platform.Fail, fmt.Sprintf("the server at %s is no receiver of dlqdesk (%d)", at,
			status)
		check.Fix = "check webhook_url, and where the proxy in front of dlqdesk sends /webhooks/"
	}
	return check
}

// webhookURL returns where the webhook is posted to: an address of this machine if no other is known.
func (e *examination) webhookURL() string {
	if e.webhook.URL != "" {
		return e.webhook.URL
	}
	return listenURL(e.cfg) + "/webhooks/" + e.webhook.Source
}

// maxResponse bounds how much of a response is read, in bytes.
const maxResponse = 4 << 10

// send sends a request, signed by sign unless that is nil, and returns the status and the beginning of the body.
func send(
	ctx context.Context, method, to string, sign func(*http.Request) error, body io.Reader,
) (status int, response string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, to, body)
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
		return 0, "", explain(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxResponse))
	return got.StatusCode, string(text), err
}

func explain(err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return errors.New("there is no host " + dns.Name)
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return errors.New("no response in time")
	}
	return errors.Unwrap(err)
}

const testEvent = `{"eventType":"dlqdesk.test","note":"sent by dlqdesk platform doctor --send"}`

// checkDelivery posts a signed event. It is delivered as a real one is: to the destination, or to the queue if that
// fails.
func (e *examination) checkDelivery(ctx context.Context) platform.Check {
	check := platform.Check{Name: "test event", State: platform.OK, Text: "delivered to the destination"}
	status, response, err := send(ctx, http.MethodPost, e.webhookURL(), func(r *http.Request) error {
		r.Header.Set("Content-Type", "application/json")
		return sign(r, e.source, []byte(testEvent))
	}, strings.NewReader(testEvent))
	switch {
	case err != nil:
		check.State, check.Text = platform.Fail, err.Error()
	case status == http.StatusUnauthorized:
		check.State, check.Text = platform.Fail, "the receiver refused it (401)"
		check.Fix = "the running dlqdesk has other secrets than this configuration: restart it"
	case status/100 != 2:
		check.State = platform.Fail
		check.Text = fmt.Sprintf("the receiver responded %d %s", status, strings.TrimSpace(response))
	case e.source.Mode == config.Buffered:
		check.Text = "the processing queue accepted it; its destination is next"
	case e.source.Ack != nil:
		check.Text = fmt.Sprintf("accepted with %d, as ack says; if the delivery failed, it is among the messages",
			status)
	case strings.Contains(response, "queued_for_retry"):
		check.State, check.Text = platform.Warn, "the delivery failed, and the event is now a message"
		check.Fix = "open it at the desk, and archive it"
	}
	return check
}

func sign(r *http.Request, s config.Source, body []byte) error {
	verifier, err := verify.New(s.Verify)
	if err != nil {
		return err
	}
	return verifier.Sign(r, body, "dlqdesk-test-"+rand.Text(), time.Now())
}

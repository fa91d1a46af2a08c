package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"dlqdesk/internal/deadletter"
)

func unsent(why string) deadletter.Attempt {
	return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: oneLine(why)}
}

// failure tells what became of a delivery that got no answer. Where it cannot be told whether a byte has left, one has.
func (w *wire) failure(ctx context.Context, err error, to Destination) deadletter.Attempt {
	connected := w.conn != nil || w.shared
	asked := w.conn != nil && w.conn.asked.Load() && !w.reused && !w.answered.Load()
	if asked && refusal(err) != nil {
		// By TLS 1.3 the request leaves before the other side has looked at our certificate, but nobody reads it
		// before.
		return unsent(unreachable(&askedError{err}, to))
	}
	if !w.wrote() && (!connected || ctx.Err() == nil) {
		return unsent(unreachable(err, to))
	}
	why := "The connection broke before the handler answered: it may have processed it"
	switch {
	case asked && !isTimeout(err): // what it says of a certificate may be lost on the way
		why = fmt.Sprintf(
			"The connection broke after it had asked for %s: the handler may have processed the webhook",
			to.TLS.asked(),
		)
	case isTimeout(err):
		why = fmt.Sprintf("No answer within %s: the handler may have processed it", brief(to.Timeout))
	case errors.Is(context.Cause(ctx), errSilent):
		why = fmt.Sprintf(
			"Silence for %s after the webhook was sent: the handler may have processed it",
			brief(to.Read),
		)
	case w.answered.Load() && !broke(err):
		why = "The handler's answer was no valid HTTP: it may have processed it"
	}
	return deadletter.Attempt{Outcome: deadletter.Unknown, Error: why}
}

func unreachable(err error, to Destination) string {
	host := hostOf(to.URL)
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		system      syscall.Errno
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "DNS: no such host " + dns.Name
	case errors.As(err, &dns) && dns.IsTimeout:
		return fmt.Sprintf("DNS: no answer about %s within %s", dns.Name, brief(to.link().connect))
	case errors.As(err, &dns):
		return fmt.Sprintf("DNS: the address of %s could not be looked up", dns.Name)
	case errors.As(err, &certificate):
		return fmt.Sprintf("TLS: the certificate of %s is not valid: %s", host, certificateFault(certificate.Err))
	case errors.As(err, &record):
		return fmt.Sprintf("TLS: %s does not speak it", host)
	case refusal(err) != nil:
		return fmt.Sprintf("TLS: %s refused the connection%s: %s", host, to.TLS.shown(err), refusal(err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Connection refused by " + host
	case isTimeout(err):
		return fmt.Sprintf("No connection to %s within %s", host, brief(to.link().connect))
	case errors.As(err, &system):
		return fmt.Sprintf("No connection to %s: %s", host, system)
	}
	return "No connection to " + host
}

// askedError is that of a connection on which a certificate of ours was asked for.
type askedError struct{ error }

func (e *askedError) Unwrap() error { return e.error }

// refusal answers the alert by which the other side ended TLS; nil: it did not.
func refusal(err error) error {
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Op == "remote error" {
		return network.Err
	}
	return nil
}

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "the destination"
	}
	return parsed.Host
}

func certificateFault(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "its authority is unknown"
	case errors.As(err, &name):
		return "it is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired"
	}
	return "it could not be verified"
}

// broke tells whether a connection ended, in contrast to one that brought something which is no HTTP.
func broke(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &network) && network.Timeout()
}

// brief writes a duration without zero parts: 10s, 1m30s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

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
	"syscall"

	"dlqdesk/internal/deadletter"
)

func unsent(reason string) deadletter.Attempt {
	return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: oneLine(reason)}
}

// failedAttempt returns the attempt of a delivery without a response: unreachable if certainly no byte has left, or
// else unknown.
func (t *requestTrace) failedAttempt(ctx context.Context, err error, to Destination) deadletter.Attempt {
	connected := t.conn != nil || t.shared
	requested := t.conn != nil && t.conn.certificateRequested.Load() && !t.reused && !t.responded.Load()
	if requested && tlsAlert(err) != nil {
		// In TLS 1.3 the request leaves before the server has checked our certificate, but it is not read before.
		return unsent(unreachable(&certificateRequestedError{err}, to))
	}
	if !t.mayHaveSent() && (!connected || ctx.Err() == nil) {
		return unsent(unreachable(err, to))
	}
	return deadletter.Attempt{Outcome: deadletter.Unknown, Error: t.unknown(ctx, err, to, requested)}
}

// unknown returns the error text of a delivery that was sent and got no response.
func (t *requestTrace) unknown(ctx context.Context, err error, to Destination, certificateRequested bool) string {
	switch {
	case certificateRequested && !isTimeout(err): // the server's alert about it may be lost
		return fmt.Sprintf("The connection broke after it had asked for %s: the handler may have processed the webhook",
			to.TLS.requestedCertificate())
	case isTimeout(err):
		limit := deadletter.ShortDuration(to.Timeout)
		return fmt.Sprintf("No answer within %s: the handler may have processed it", limit)
	case errors.Is(context.Cause(ctx), errReadTimeout):
		return fmt.Sprintf("Silence for %s after the webhook was sent: the handler may have processed it",
			deadletter.ShortDuration(to.Read))
	case t.responded.Load() && !connectionEnded(err):
		return "The handler's answer was no valid HTTP: it may have processed it"
	}
	return "The connection broke before the handler answered: it may have processed it"
}

// unreachable returns the error text of a delivery that was not sent.
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
		return fmt.Sprintf("DNS: no answer about %s within %s", dns.Name, deadletter.ShortDuration(to.link().connect))
	case errors.As(err, &dns):
		return fmt.Sprintf("DNS: the address of %s could not be looked up", dns.Name)
	case errors.As(err, &certificate):
		return fmt.Sprintf("TLS: the certificate of %s is not valid: %s", host, certificateFault(certificate.Err))
	case errors.As(err, &record):
		return fmt.Sprintf("TLS: %s does not speak it", host)
	case tlsAlert(err) != nil:
		return fmt.Sprintf("TLS: %s refused the connection%s: %s", host, to.TLS.requestedNote(err), tlsAlert(err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Connection refused by " + host
	case isTimeout(err):
		return fmt.Sprintf("No connection to %s within %s", host, deadletter.ShortDuration(to.link().connect))
	case errors.As(err, &system):
		return fmt.Sprintf("No connection to %s: %s", host, system)
	}
	return "No connection to " + host
}

// certificateRequestedError is the error of a connection whose server asked for a client certificate.
type certificateRequestedError struct{ error }

func (e *certificateRequestedError) Unwrap() error { return e.error }

// tlsAlert returns the alert by which the server ended TLS; nil if it did not.
func tlsAlert(err error) error {
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

// connectionEnded reports whether the connection ended. It returns false if the server sent something other than HTTP.
func connectionEnded(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &network) && network.Timeout()
}

package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"

	"dlqdesk/internal/deadletter"
)

// maxReason bounds an error reason, in characters.
const maxReason = 500

// rejection says in one line what a destination answered, with its own words where it has some.
func rejection(answer *http.Response, body []byte) string {
	said := message(body)
	if said == "" {
		said = http.StatusText(answer.StatusCode)
	}
	if said == "" {
		return fmt.Sprintf("The handler answered %d", answer.StatusCode)
	}
	return oneLine(fmt.Sprintf("The handler answered %d: %s", answer.StatusCode, said))
}

// message finds what an error body says to a person: in JSON by the names that are common for it, in HTML by its title.
func message(body []byte) string {
	var document any
	if json.Unmarshal(body, &document) == nil {
		return messageIn(document, 0)
	}
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") {
		return titleOf(text)
	}
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return "" // JSON that was cut off
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// messageNames are in the order of what helps most; the problem document of RFC 9457 has detail and title.
var messageNames = []string{"error", "message", "detail", "error_description", "description", "title", "reason", "errors", "error_message", "msg", "code"}

const maxNesting = 4

func messageIn(document any, depth int) string {
	if depth > maxNesting {
		return ""
	}
	switch v := document.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return messageIn(v[0], depth+1)
		}
	case map[string]any:
		for _, name := range messageNames {
			if said := messageIn(v[name], depth+1); said != "" {
				return said
			}
		}
	}
	return ""
}

var (
	title   = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	heading = regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`)
	tag     = regexp.MustCompile(`<[^>]*>`)
)

func titleOf(page string) string {
	for _, pattern := range []*regexp.Regexp{title, heading} {
		if found := pattern.FindStringSubmatch(page); found != nil {
			return html.UnescapeString(tag.ReplaceAllString(found[1], " "))
		}
	}
	return ""
}

// oneLine makes text from outside safe to show in one line: valid, without control characters, not too long.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if runes := []rune(text); len(runes) > maxReason {
		return string(runes[:maxReason-1]) + "…"
	}
	return text
}

// failure tells what became of a delivery that got no answer.
func failure(err error, sent bool, to Destination) deadletter.Attempt {
	if !sent {
		return unsent(oneLine(unreachable(err, to)))
	}
	why := "The connection broke before the handler answered: it may have processed it"
	switch {
	case isTimeout(err):
		why = fmt.Sprintf("No answer within %s: the handler may have processed it", brief(to.Timeout))
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "response headers exceeded"):
		why = "The handler's answer was no valid HTTP: it may have processed it"
	}
	return deadletter.Attempt{Outcome: deadletter.Unknown, Error: why}
}

func unreachable(err error, to Destination) string {
	host := to.URL
	if request, parseErr := http.NewRequest(http.MethodPost, to.URL, nil); parseErr == nil { //nolint:noctx // only parsed
		host = request.URL.Host
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("Not sent: the name %s was not found", dns.Name)
	case errors.As(err, &certificate):
		return fmt.Sprintf("Not sent: the certificate of %s is not valid: %s", host, certificateFault(certificate.Err))
	case errors.As(err, &record):
		return fmt.Sprintf("Not sent: %s does not speak TLS", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Not sent: %s refused the connection", host)
	case isTimeout(err):
		return fmt.Sprintf("Not sent: no connection to %s within %s", host, brief(to.Timeout))
	}
	return fmt.Sprintf("Not sent: no connection to %s", host)
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

func isTimeout(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout()
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

package acceptance_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
)

// TestFailureIsToldByEmail goes from a webhook that fails to an e-mail at a real mail server, by STARTTLS and with a
// certificate that the machine trusts. It has the links by which a person acts.
func TestFailureIsToldByEmail(t *testing.T) {
	t.Parallel()
	received := make(chan string, 10)
	mailbox := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-Secure") != "true" {
			t.Errorf("encrypted: %s, %v", r.Header.Get("X-Secure"), err)
		}
		received <- string(body)
	}))
	t.Cleanup(mailbox.Close)
	authority := desktest.NewAuthority(t)
	ca, cert, key := authority.Files(t, authority.Issue(t, time.Hour))
	server, _ := desktest.StartNode(t, "../notify/testdata/smtp-server.cjs", "TLS_CERT="+cert, "TLS_KEY="+key,
		"RECEIVED="+mailbox.URL, "PASSWORD=correct horse")
	destination := desktest.NewDestination(t)
	destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"customer is required"}`))
	file := write(t, settings(t, destination))
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0) //nolint:gosec // of this test
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(f, "public_url: https://desk.example.com\nalerts:\n  smtp: { address: %q, from: "+
		"desk@example.com, user: desk, password: \"env:SMTP_PASSWORD\" }\n  sinks:\n    team: { kind: email, to: "+
		"[oncall@example.com] }\n  routes:\n    all: { to: [team], kinds: [new-cause] }\n",
		strings.TrimPrefix(server, "http://"))
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, file, "SMTP_PASSWORD=correct horse", "SSL_CERT_FILE="+ca)
	p.post(t, `{"id":"1"}`, http.StatusOK)
	var mail string
	select {
	case mail = <-received:
		mail = strings.ReplaceAll(mail, "=\r\n", "") // quoted-printable
	case <-time.After(time.Minute):
		t.Fatal("no e-mail came")
	}
	for _, want := range []string{
		"To: <oncall@example.com>", "customer is required", "Claim: https://desk.example.com/causes/", "?open=3Dtest",
	} {
		if !strings.Contains(mail, want) {
			t.Errorf("without %q:\n%s", want, mail)
		}
	}
}

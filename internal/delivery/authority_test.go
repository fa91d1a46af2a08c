package delivery_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

// files are a certificate's, as a configuration names them.
func files(t *testing.T, a desktest.Authority, ours tls.Certificate) delivery.TLSFiles {
	t.Helper()
	ca, cert, key := a.Files(t, ours)
	return delivery.TLSFiles{CA: ca, Cert: cert, Key: key}
}

// secure serves over TLS as configured, and gives what it was sent.
func secure(t *testing.T, config *tls.Config, answer http.HandlerFunc) (url string, requests <-chan seen) {
	t.Helper()
	got := make(chan seen, 64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r, string(body)}
		answer(w, r)
	}))
	server.EnableHTTP2, server.TLS = true, config
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that the tests have fail
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, got
}

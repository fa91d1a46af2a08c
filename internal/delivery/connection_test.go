package delivery_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/delivery"
)

func TestCheckConnectionSendsNothing(t *testing.T) {
	t.Parallel()
	asked := func(http.ResponseWriter, *http.Request) { t.Error("a request came") }
	plain := httptest.NewServer(http.HandlerFunc(asked))
	secure := httptest.NewTLSServer(http.HandlerFunc(asked))
	t.Cleanup(func() { plain.Close(); secure.Close() })
	for address, want := range map[string]string{
		plain.URL + "/hooks":      "",
		secure.URL:                "TLS: the certificate of ",
		"http://127.0.0.1:1/hook": "Connection refused by 127.0.0.1:1",
	} {
		t.Run(fmt.Sprintf("%q", want), func(t *testing.T) {
			err := delivery.Destination{URL: address, Timeout: time.Second}.CheckConnection(t.Context())
			if got := ""; err != nil {
				got = err.Error()
				if want == "" || !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s", address, got)
				}
			} else if want != "" {
				t.Errorf("%s: reached", address)
			}
		})
	}
}

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/client"
	"dlqdesk/internal/terminal"
)

// A program that does not get the answer with its token says that the token may be there, and where to revoke it. One
// that was refused or was too late says nothing of that.
func TestLostTokenIsNamed(t *testing.T) {
	t.Parallel()
	problem := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"type":"urn:dlqdesk:problem:x","title":"No","status":%d,"detail":"it is gone"}`, status)
		}
	}
	for name, c := range map[string]struct {
		take  http.HandlerFunc
		waits time.Duration // until the request expires
		named bool
	}{
		"the connection broke": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, time.Hour, true},
		"it was taken":         {problem(http.StatusNotFound), time.Hour, true},
		"a proxy failed":       {problem(http.StatusBadGateway), time.Hour, true},
		"it has expired":       {problem(http.StatusNotFound), -time.Hour, false},
		"a person refused":     {problem(http.StatusForbidden), time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desk := http.NewServeMux()
			desk.HandleFunc("/api/v1/token-requests", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				fmt.Fprintf(w, `{"secret":"s","code":"BCDF-GHJK","page":"/device","interval":1,"expiresAt":%q}`,
					time.Now().Add(c.waits).Format(time.RFC3339))
			})
			desk.HandleFunc("/api/v1/token-requests/take", c.take)
			server := httptest.NewServer(desk)
			defer server.Close()
			l := login{Name: "CLI of the test", NoBrowser: true}
			_, err := l.signIn(
				t.Context(),
				client.New(server.URL, ""),
				terminal.NewDialog(strings.NewReader(""), io.Discard),
			)
			if err == nil {
				err = errors.New("no fault")
			}
			text := err.Error()
			if strings.Contains(text, server.URL+"/account/tokens") != c.named ||
				strings.Contains(text, `"CLI of the test"`) != c.named || strings.Contains(text, "no fault") {
				t.Errorf("it says %s", text)
			}
		})
	}
}

package delivery_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
)

func TestOutcomeOfEveryStatus(t *testing.T) {
	t.Parallel()
	code := 0
	url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
	})
	client := setup(t)
	for code = 200; code < 600; code++ {
		a := client.Send(t.Context(), to(url), request("x", nil))
		want, reason := deadletter.ErrorResponse, http.StatusText(code)
		if reason == "" {
			reason = fmt.Sprintf("HTTP status %d", code)
		}
		if code < 300 {
			want, reason = deadletter.Delivered, ""
		}
		if a.Outcome != want || a.StatusCode != code || a.Error != reason || !a.Done || a.StartedAt.IsZero() {
			t.Errorf("%d: %+v", code, a)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere, requests := destination(t, ok)
	for _, location := range []string{elsewhere, "http://[bad", ""} {
		t.Run(fmt.Sprintf("%q", location), func(t *testing.T) {
			url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusFound)
			})
			if a := setup(t).Send(t.Context(), to(url), request("x", nil)); a.Outcome != deadletter.ErrorResponse ||
				a.StatusCode != http.StatusFound {
				t.Errorf("to %q: %+v", location, a)
			}
		})
	}
	if len(requests) != 0 {
		t.Error("the redirect was followed")
	}
}

func TestReasonComesFromTheResponseBody(t *testing.T) {
	t.Parallel()
	answer := ""
	url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, answer)
	})
	client := setup(t)
	const (
		status, missing = "Unprocessable Entity", "field id is missing"
		page            = "<!DOCTYPE html><html><head><title>\n Field &quot;id&quot;  is <b>missing</b></title></head>"
		apology         = `<h1>Unprocessable Entity</h1><p>Field <i>id</i> is missing.</p><p>Sorry`
	)
	stack := strings.Repeat("at main ", 1000)
	for body, want := range map[string]string{
		``:                                status,
		`{"error":"field id is missing"}`: missing,
		`{"error":{"code":7,"message":"field id is missing"}}`:                              missing,
		`{"errors":[{"detail":"field id is missing"},{"detail":"more"}]}`:                   missing + "; more",
		`{"errors":{"id":["is missing"]}}`:                                                  "id is missing",
		`["field id is missing"]`:                                                           missing,
		`"field id is missing"`:                                                             missing,
		`{"type":"about:blank","title":"Not right","detail":"field id is missing"}`:         missing,
		`{"statusCode":422,"error":"Unprocessable Entity","message":"field id is missing"}`: missing,
		`{"error":"invalid_event","error_description":"field id is missing"}`:               missing,
		`{"error":true,"message":"missing"}`:                                                "missing",
		`{"message":"field id is missing","stack":"` + stack + `"}`:                         missing,
		`{"message":"field id is` + "\x00\x1b[31m" + ` missing"`:                            status,
		`{"message":"field\u0000 id\n\u001b is\u2028missing"}`:                              missing,
		`{"items":[1,{"message":"deep"}]}`:                                                  "deep: items",
		`42`:                                                                                status,
		page:                                                                                `Field "id" is missing`,
		`<html><body><h1>Field id is missing</h1>`:                                          "Field id is missing",
		`<?xml version="1.0"?><error/>`:                                                     status,
		"422 field id is missing\nat main.go:1":                                             "422 field id is missing",
		"\xff\xfe":                                                                          status,
		"\x89PNG\x00":                                                                       status,
		"gr\xf6\xdfer als \x80":                                                             "größer als €",
		`<html><title>422 Unprocessable Entity</title><h1>Error 422</h1></html>`:            status,
		apology: "Field id is missing. Sorry",
		`<title>Error</title><body><pre>Cannot POST /open<br> &nbsp; &nbsp;at x</pre></body>`:      "Cannot POST /open",
		`<style>p{}</style><script>x()</script><body>field id is missing`:                          missing,
		`<?xml version="1.0"?><Error><Code>A</Code><Message>field id is missing</Message></Error>`: "A: " + missing,
		strings.Repeat("[", 4<<10): status,
	} {
		t.Run(fmt.Sprintf("%.40q", body), func(t *testing.T) {
			answer = body
			if a := client.Send(t.Context(), to(url), request("x", nil)); a.Error != want {
				t.Errorf("%.100q: %q", body, a.Error)
			}
		})
	}
	answer = strings.Repeat("ß", 2000)
	if a := client.Send(t.Context(), to(url), request("x", nil)); len([]rune(a.Error)) != 500 ||
		!strings.HasSuffix(a.Error, "ß…") {
		t.Errorf("a reason of %d characters", len([]rune(a.Error)))
	}
}

// The request accepts only content codings that the client can decode. The error text is read in the coding and
// charset of the response.
func TestResponsesAreDecoded(t *testing.T) {
	t.Parallel()
	const latin, missing = "Falscher Schl\xfcssel: gr\xf6\xdfer", `{"error":"field id is missing"}`
	packed := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd": func(w io.Writer) io.WriteCloser {
			out, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return out
		},
	}
	pack := func(coding, text string) string {
		var out bytes.Buffer
		w := packed[coding](&out)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return out.String()
	}
	random := make([]byte, 300<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	long := `{"error":"field id is missing","trace":"` + hex.EncodeToString(random) + `"}`
	type answer struct{ coding, contentType, body, want string }
	answers := []answer{
		{"", "text/plain; charset=ISO-8859-1", latin, "Falscher Schlüssel: größer"},
		{"", "application/json; charset=utf-16", "\xff\xfe\"\x00\xfc\x00\"\x00", "ü"},
		{"gzip", "", "\x1f\x8b\x08\x00nonsense", "E. The gzip data of the body is broken."},
		{"gzip", "", pack("gzip", long)[:2000], "field id is missing. The gzip data of the body is broken."},
		{"gzip", "", missing, "field id is missing"},
		{
			"lzma",
			"",
			"\x00\x01",
			`Unprocessable Entity. The body has the content coding "lzma", which cannot be read here.`,
		},
		{"gzip, br", "", pack("br", pack("gzip", missing)), "field id is missing"},
	}
	for coding := range packed {
		answers = append(answers,
			answer{coding, "application/json", pack(coding, missing), "field id is missing"},
			answer{coding, "application/json", pack(coding, long), "field id is missing"},
			answer{coding, "text/plain; charset=ISO-8859-1", pack(coding, latin), "Falscher Schlüssel: größer"},
			answer{coding, "", pack(coding, strings.Repeat("x", 10<<20)), strings.Repeat("x", 499) + "…"},
		)
	}
	for _, c := range answers {
		t.Run(fmt.Sprintf("%s %s %.20q", c.coding, c.contentType, c.body), func(t *testing.T) {
			t.Parallel()
			url, requests := destination(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Encoding"] = []string{c.coding}
				w.Header()["Content-Type"] = []string{c.contentType}
				w.WriteHeader(http.StatusUnprocessableEntity)
				_, _ = io.WriteString(w, c.body)
			})
			a := setup(t).Send(t.Context(), to(url), request("x", deadletter.Headers{"Accept-Encoding": {"compress"}}))
			if got := (<-requests).Header["Accept-Encoding"]; !slices.Equal(got, []string{"gzip, deflate, br, zstd"}) {
				t.Errorf("the destination was asked for %q", got)
			}
			if a.Error != c.want || len(a.ResponseBody) > deadletter.MaxResponse {
				t.Errorf("%.200q, %d bytes stored; want %.200q", a.Error, len(a.ResponseBody), c.want)
			}
		})
	}
}

func TestLongResponseIsStoredInPart(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 1000)
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	_, _ = io.WriteString(pack, long)
	_ = pack.Close()
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		kept   string
		cut    bool
	}{
		"short":         {nil, "short", "short", false},
		"exact":         {nil, long[:4<<10], long[:4<<10], false},
		"long":          {nil, long, long[:4<<10], true},
		"compressed":    {map[string]string{"Content-Encoding": "gzip"}, packed.String(), long[:4<<10], true},
		"not so at all": {map[string]string{"Content-Encoding": "gzip"}, "plain", "plain", false},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range c.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, c.body)
			})
			a := setup(t).Send(t.Context(), to(url), request("x", deadletter.Headers{"Accept-Encoding": {"gzip"}}))
			if string(a.ResponseBody) != c.kept || a.ResponseCut != c.cut || a.ResponseHeaders.Get("Date") == "" {
				t.Errorf("%s: %+v", name, a)
			}
		})
	}
}

func TestLongResponseHeadersAreNotStored(t *testing.T) {
	t.Parallel()
	url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("A-Long-One", strings.Repeat("x", 30<<10))
		w.Header().Set("Z-Short-One", "x")
	})
	a := setup(t).Send(t.Context(), to(url), request("x", nil))
	if a.Outcome != deadletter.Delivered || a.ResponseHeaders.Get("A-Long-One") != "" ||
		a.ResponseHeaders.Get("Z-Short-One") != "x" {
		t.Errorf("attempt %+v", a)
	}
}

func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	url, requests := destination(
		t,
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 20<<10)) },
	)
	client := setup(t)
	from := map[string]bool{}
	for range 5 {
		client.Send(t.Context(), to(url), request("x", nil))
		from[(<-requests).RemoteAddr] = true
	}
	if len(from) != 1 {
		t.Errorf("%d connections for 5 deliveries", len(from))
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)
	value := ""
	url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value)
		w.WriteHeader(http.StatusTooManyRequests)
	})
	client := delivery.NewClient(t.Context(), func() time.Time { return now })
	t.Cleanup(client.Close)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "15": 15 * time.Second, "-3": 0, "1.5": 0, "soon": 0,
		"Mon, 02 Mar 2026 10:17:05 GMT": 2 * time.Minute, "Mon, 02 Mar 2026 10:15:00 GMT": 0,
		"9223372036854775807": 1 << 30 * time.Second,
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			value = text
			if a := client.Send(t.Context(), to(url), request("x", nil)); a.RetryAfter != want {
				t.Errorf("%q: %s, want %s", text, a.RetryAfter, want)
			}
		})
	}
}

// The server hangs up while the request is written: either outcome, unreachable or unknown, is right.
func TestHangingUpAtOnce(t *testing.T) {
	t.Parallel()
	url := "http://" + listen(t, func(context.Context, net.Conn) {})
	a := setup(t).Send(t.Context(), to(url), request("x", nil))
	if a.Outcome != deadletter.Unknown && a.Outcome != deadletter.Unreachable {
		t.Errorf("attempt %+v", a)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	plain, plainRequests := destination(t, ok)
	secure, secureRequests := secureDestination(t, ok)
	silent := listen(t, func(ctx context.Context, _ net.Conn) { <-ctx.Done() })
	for name, c := range map[string]struct{ url, reason string }{
		"refused":      {"http://" + free + "/x?key=s3cret", "Connection refused by " + free},
		"no such host": {"http://no-such-host.invalid/", "DNS: no such host no-such-host.invalid"},
		"TLS to plain": {
			"https" + strings.TrimPrefix(plain, "http"),
			"TLS: " + strings.TrimPrefix(plain, "http://") + " does not speak it",
		},
		"unknown authority": {
			secure.URL,
			"TLS: the certificate of " + secure.Listener.Addr().String() + " is not valid: its authority is unknown",
		},
		"no answer to TLS":      {"https://" + silent, "No connection to " + silent + " within 250ms"},
		"hangs up during TLS":   {"https://" + listen(t, func(context.Context, net.Conn) {}), "No connection to "},
		"no address":            {"http://%zz", "Not sent: the destination's address is not usable"},
		"a protocol of its own": {"ftp://127.0.0.1", "No connection to 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			there := to(c.url)
			if strings.Contains(c.url, silent) {
				there = hurried(c.url)
			}
			a := setup(t).Send(t.Context(), there, request("x", nil))
			if a.Outcome != deadletter.Unreachable || a.StatusCode != 0 || !strings.HasPrefix(a.Error, c.reason) ||
				strings.Contains(a.Error, "s3cret") {
				t.Errorf("%s: %+v", name, a)
			}
		})
	}
	if len(plainRequests)+len(secureRequests) != 0 {
		t.Error("something was sent")
	}
}

func secureDestination(t *testing.T, answer http.HandlerFunc) (*httptest.Server, <-chan seen) {
	t.Helper()
	got := make(chan seen, 16)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r, string(body)}
		answer(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that the tests have fail
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, got
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	var answer http.HandlerFunc = ok
	server, requests := secureDestination(t, func(w http.ResponseWriter, r *http.Request) { answer(w, r) })
	client := setup(t)
	there := to(server.URL)
	there.TLS = trusting(t, server.Certificate())
	for _, body := range []string{"x", ""} {
		t.Run(fmt.Sprintf("body %q", body), func(t *testing.T) {
			a := client.Send(t.Context(), there,
				request(body, deadletter.Headers{"Idempotency-Key": {"k"}, "X-Name": {"caf\xe9"}}))
			if got := <-requests; a.Outcome != deadletter.Delivered || got.ProtoMajor != 2 || got.body != body ||
				got.Header.Get("Webhook-Id") != "hook-1" || got.Header.Get("X-Name") != "caf\xe9" {
				t.Errorf("attempt %+v, request %+v", a, got)
			}
			answer = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
			a = client.Send(t.Context(), there, request(body, deadletter.Headers{"Idempotency-Key": {"k"}}))
			if a.Outcome != deadletter.Unknown || len(requests) != 1 {
				t.Errorf("after a broken stream: %+v, %d requests", a, len(requests))
			}
			<-requests
			answer = ok
		})
	}
}

func TestConcurrentDeliveriesAreLimited(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	url, requests := destination(t, func(http.ResponseWriter, *http.Request) { <-release })
	client, busy := setup(t), to(url)
	busy.MaxConcurrent = 2
	done := make(chan deadletter.Attempt, 2)
	for range 2 {
		go func() { done <- client.Send(context.Background(), busy, request("x", nil)) }()
		<-requests
	}
	short := busy
	short.Timeout = impatience
	a := client.Send(t.Context(), short, request("x", nil))
	if a.Outcome != deadletter.Unreachable || a.Error != "Not sent: 2 deliveries to genesys were already under way" ||
		a.Latency < impatience {
		t.Errorf("attempt %+v", a)
	}
	other := short
	other.Source, other.Timeout = "cxone", patience
	waiting := make(chan deadletter.Attempt)
	go func() { waiting <- client.Send(context.Background(), busy, request("x", nil)) }()
	close(release)
	for _, a := range []deadletter.Attempt{<-done, <-done, <-waiting, client.Send(
		t.Context(), other, request("x", nil),
	)} {
		if a.Outcome != deadletter.Delivered {
			t.Errorf("attempt %+v", a)
		}
	}
}

package delivery_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/telemetry"
)

func TestDestinationGetsWhatThePlatformSent(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, ok)
	body := " {\"n\":12345678901234567890,\"n\":1}\r\n\xff\x00"
	r := request(body, deadletter.Headers{
		"Content-Type": {
			"application/json",
		},
		"X-Many":          {"1", "2"},
		"Accept-Encoding": {"br"},
		"Authorization":   {"Bearer x"},
		"User-Agent":      {"Genesys/1"},
		"Connection": {
			"close, X-Hop",
		},
		"X-Hop":             {"1"},
		"Transfer-Encoding": {"chunked"},
		"Content-Length":    {"7"},
		"Host":              {"platform.example"},
		"Expect":            {"100-continue"},
		"X-Dlqdesk-Attempt": {"9"},
		"Webhook-Id":        {"hook-0"},
	})
	r.Query, r.Attempt = "b=%20&c", 3
	a := setup(t).Send(t.Context(), to(url+"/in?a=1"), r)
	if a.Outcome != deadletter.Delivered || a.StatusCode != 200 || a.Error != "" || !a.Done {
		t.Fatalf("attempt %+v", a)
	}
	got := <-requests
	if got.body != body || got.Method != http.MethodPost || got.URL.Path != "/in" || got.URL.RawQuery != "a=1&b=%20&c" {
		t.Errorf("%s %s %q", got.Method, got.URL, got.body)
	}
	if got.ContentLength != int64(len(body)) || got.TransferEncoding != nil || got.Host == "platform.example" ||
		got.Close {
		t.Errorf("length %d, transfer encoding %v, host %s, close %v", got.ContentLength, got.TransferEncoding,
			got.Host, got.Close)
	}
	want := http.Header{
		"Content-Type": {
			"application/json",
		},
		"X-Many":          {"1", "2"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Authorization":   {"Bearer x"},
		"User-Agent":      {"Genesys/1"},
		"X-Dlqdesk-Attempt": {
			"3",
		},
		"Webhook-Id":     {"hook-1"},
		"Traceparent":    {parent},
		"Content-Length": {fmt.Sprint(len(body))},
	}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("headers\n got %v\nwant %v", got.Header, want)
	}
}

// As in net/http, escapes are decoded; a webhook's own credentials are the platform's.
func TestUserOfTheAddressIsSentAsBasicAuthorization(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, "%s and p%%40ss/wörd", r.Header.Get("Authorization"))
	})
	for user, want := range map[string][2]string{
		"anna:p%40ss%2Fw%C3%B6rd@": {"anna", "p@ss/wörd"},
		"s3cret-key:@":             {"s3cret-key", ""},
		"s3cret-key@":              {"s3cret-key", ""},
		":s3cret-key@":             {"", "s3cret-key"},
	} {
		t.Run(user, func(t *testing.T) {
			r := request("x", deadletter.Headers{"Authorization": {"Bearer of-the-platform"}})
			r.Masks = redact.New(redact.Options{Known: []string{cmp.Or(want[1], want[0])}})
			a := setup(t).Send(t.Context(), to(strings.Replace(url, "//", "//"+user, 1)+"/in"), r)
			got := <-requests
			if name, password, _ := got.BasicAuth(); name != want[0] || password != want[1] {
				t.Errorf("the destination got %q and %q", name, password)
			}
			if list := got.Header["Authorization"]; len(list) != 1 ||
				strings.Contains(string(a.ResponseBody), "Basic ") &&
					strings.Contains(string(a.ResponseBody), strings.TrimPrefix(list[0], "Basic ")) {
				t.Errorf("authorization %q, response %s", list, a.ResponseBody)
			}
		})
	}
}

func TestNoHeaderIsAddedByItself(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, ok)
	setup(t).Send(t.Context(), to(url), request("x", nil))
	got := deadletter.Headers((<-requests).Header).Names()
	if want := []string{
		"Accept-Encoding",
		"Content-Length",
		"Traceparent",
		"Webhook-Id",
		"X-Dlqdesk-Attempt",
	}; !slices.Equal(got, want) {
		t.Errorf("headers %v, want %v", got, want)
	}
}

func TestHeadersInvalidInHTTPAreCleaned(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, ok)
	r := request("x", deadletter.Headers{
		":method": {
			"POST",
		},
		"":              {"x"},
		"A b":           {"x"},
		"Größe":         {"x"},
		"Error-Message": {"line 1\r\nX-Evil: 1\nline 2\x00"},
		"Name":          {"José", "Jos\xe9"},
	})
	r.Query, r.WebhookID = "a=b c\r\nX-Evil: 1#d&e=ü", "hook\r\n1"
	if a := setup(t).Send(t.Context(), to(url), r); a.Outcome != deadletter.Delivered {
		t.Fatalf("attempt %+v", a)
	}
	got := <-requests
	for name, want := range map[string]string{
		"Error-Message": "line 1 X-Evil: 1 line 2", "Name": "José,Jos\xe9", "Webhook-Id": "hook 1", "X-Evil": "",
	} {
		t.Run(name, func(t *testing.T) {
			if value := strings.Join(got.Header.Values(name), ","); value != want {
				t.Errorf("%s: %q", name, value)
			}
		})
	}
	if len(got.Header) != 7 || got.URL.RawQuery != "a=b%20c%0D%0AX-Evil:%201%23d&e=ü" {
		t.Errorf("headers %v, query %q", got.Header, got.URL.RawQuery)
	}
}

// The transport of net/http sends some requests again by itself when a connection that it kept dies under them.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "x", strings.Repeat("long", 64<<10)} {
		for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key", "X-Other"} {
			t.Run(fmt.Sprintf("%d bytes, %s", len(body), key), func(t *testing.T) {
				t.Parallel()
				client, arrived := setup(t), make(chan string, 16)
				address := listen(t, func(_ context.Context, conn net.Conn) {
					from := bufio.NewReader(conn)
					for first := true; ; first = false {
						r, got, err := readRequest(from)
						if err != nil {
							return
						}
						arrived <- r.Header.Get("Webhook-Id") + " " + r.Header.Get(key) + " " + fmt.Sprint(
							r.ContentLength == int64(len(body)) && got == body,
						)
						if !first {
							return // without an answer
						}
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				})
				for i, want := range []deadletter.Outcome{deadletter.Delivered, deadletter.Unknown} {
					r := request(body, deadletter.Headers{key: {"k"}})
					r.WebhookID = fmt.Sprint(i)
					if a := client.Send(t.Context(), to("http://"+address), r); a.Outcome != want {
						t.Errorf("delivery %d: %+v", i, a)
					}
				}
				if got := fmt.Sprint(drain(arrived)); got != "[0 k true 1 k true]" {
					t.Errorf("arrived: %s", got)
				}
			})
		}
	}
}

// drain returns what a channel holds.
func drain[T any](from <-chan T) []T {
	var list []T
	for len(from) > 0 {
		list = append(list, <-from)
	}
	return list
}

// A destination that closes its idle connections is no reason for a dead message, and whatever happens, what is told
// of a delivery is true.
func TestClosedIdleConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	client, arrived := setup(t), make(chan string, 1024)
	address := listen(t, func(_ context.Context, conn net.Conn) {
		r, _, err := readRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		arrived <- r.Header.Get("Webhook-Id")
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	outcomes := map[string]deadletter.Outcome{}
	for i := range 300 {
		r := request("x", deadletter.Headers{"Idempotency-Key": {"k"}})
		r.WebhookID = fmt.Sprint(i)
		outcomes[r.WebhookID] = client.Send(t.Context(), to("http://"+address), r).Outcome
	}
	count := map[string]int{}
	for _, id := range drain(arrived) {
		count[id]++
	}
	delivered := 0
	for id, outcome := range outcomes {
		if outcome == deadletter.Delivered {
			delivered++
		}
		if outcome == deadletter.Delivered && count[id] != 1 || outcome == deadletter.Unreachable || count[id] > 1 {
			t.Errorf("delivery %s: %s, and it arrived %d times", id, outcome, count[id])
		}
	}
	if delivered < len(outcomes)/2 {
		t.Errorf("only %d of %d were delivered", delivered, len(outcomes))
	}
}

func FuzzBodyArrivesToTheByte(f *testing.F) {
	for _, body := range []string{
		"", " ", "{}", "\xff\xfe\x00", "a\r\n\r\nb", `{"a":1,"a":12345678901234567890}`, strings.Repeat("x", 5000),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		url, requests := destination(t, ok)
		r := request("", nil)
		r.Body = body
		if a := setup(t).Send(t.Context(), to(url), r); a.Outcome != deadletter.Delivered {
			t.Fatalf("attempt %+v", a)
		}
		if got := <-requests; !bytes.Equal([]byte(got.body), body) {
			t.Errorf("%q arrived as %q", body, got.body)
		}
	})
}

func TestTraceIsContinued(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	url, requests := destination(t, ok)
	client := setup(t)
	for name, c := range map[string]struct {
		sent      []string
		continues bool
		flags     string
	}{
		"none":               {nil, false, "01"},
		"valid":              {[]string{parent}, true, "01"},
		"not sampled":        {[]string{"00-" + trace + "-00f067aa0ba902b7-00"}, true, "00"},
		"a later version":    {[]string{"01-" + trace + "-00f067aa0ba902b7-01-more"}, true, "01"},
		"version 00 goes on": {[]string{parent + "-more"}, false, "01"},
		"forbidden version":  {[]string{"ff" + parent[2:]}, false, "01"},
		"no trace":           {[]string{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"}, false, "01"},
		"no span":            {[]string{"00-" + trace + "-0000000000000000-01"}, false, "01"},
		"capitals":           {[]string{strings.ToUpper(parent)}, false, "01"},
		"two":                {[]string{parent, parent}, false, "01"},
		"garbage":            {[]string{"x"}, false, "01"},
	} {
		t.Run(name, func(t *testing.T) {
			h := deadletter.Headers{"Tracestate": {"a=1"}}
			if c.sent != nil {
				h["Traceparent"] = c.sent
			}
			r := request("x", h)
			r.TraceParent = telemetry.TraceParent("a-1", "", h)
			client.Send(t.Context(), to(url), r)
			got := (<-requests).Header
			now := got.Get("Traceparent")
			found := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$`).FindStringSubmatch(now)
			if found == nil || found[2] == "00f067aa0ba902b7" || (found[1] == trace) != c.continues ||
				found[3] != c.flags {
				t.Errorf("%s: traceparent %q", name, now)
			}
			if (got.Get("Tracestate") == "a=1") != c.continues {
				t.Errorf("%s: tracestate %q", name, got.Get("Tracestate"))
			}
		})
	}
}

package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// faulty is a queue whose calls pass through an intercept, and the same queue without.
func faulty(
	t *testing.T, name string, attributes map[string]string, i desktest.Intercept,
) (q, direct *queue.SQS, b *desktest.SQSProxy) {
	t.Helper()
	endpoint := desktest.StartSQS(t)
	direct = openSQS(t, endpoint, name, attributes)
	b = desktest.NewSQSProxy(t, endpoint, i)
	q, err := queue.NewSQS(t.Context(), desktest.CreateQueue(t, endpoint, name, attributes), "", desktest.AWS(b.URL))
	if err != nil {
		t.Fatal(err)
	}
	return q, direct, b
}

func TestThrottledCallsAreRetried(t *testing.T) {
	t.Parallel()
	q, _, b := faulty(t, "q", nil, func(w http.ResponseWriter, _ *http.Request, action string, nth int) bool {
		if action == "GetQueueAttributes" || nth > 2 {
			return false
		}
		desktest.Refuse(w, http.StatusBadRequest, []string{"ThrottlingException", "RequestThrottled"}[nth%2])
		return true
	})
	begun := time.Now()
	send(t, q, "x")
	ok(t, q.Delete(t.Context(), []queue.Message{receiveOne(t, q)}))
	for _, action := range []string{"SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch"} {
		if n := b.Counted(action); n != 3 {
			t.Errorf("%s was called %d times, want 3", action, n)
		}
	}
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("it took no more than %v: nothing held back", took)
	}
}

func TestServerErrorIsRetriedThenReported(t *testing.T) {
	t.Parallel()
	q, _, b := faulty(t, "q", nil, func(w http.ResponseWriter, _ *http.Request, action string, nth int) bool {
		if action == "SendMessageBatch" && nth == 1 || action == "DeleteMessageBatch" {
			desktest.Refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable")
			return true
		}
		return false
	})
	send(t, q, "x")
	ctx, leave := context.WithTimeout(t.Context(), 2*time.Second)
	defer leave()
	if errs := q.Delete(ctx, []queue.Message{receiveOne(t, q)}); errs[0] == nil || b.Counted("DeleteMessageBatch") < 2 {
		t.Errorf("after %d calls the delete answers %v", b.Counted("DeleteMessageBatch"), errs)
	}
}

func TestFailedEntryIsRetriedAlone(t *testing.T) {
	t.Parallel()
	var b *desktest.SQSProxy
	var sizes []int
	q, direct, b := faulty(t, "q", nil, func(w http.ResponseWriter, r *http.Request, action string, nth int) bool {
		if action == "GetQueueAttributes" || action == "ReceiveMessage" {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		sizes = append(sizes, strings.Count(string(body), `"Id"`))
		if nth > 1 {
			return false
		}
		return b.WithoutEntry(
			w, r, 1, map[string]any{"SenderFault": false, "Code": "InternalError", "Message": "try again"},
		)
	})
	send(t, q, "a", "b", "c")
	messages := receiveAll(t, direct, 3)
	ok(t, q.ExtendVisibility(t.Context(), messages, time.Minute))
	ok(t, q.Delete(t.Context(), messages))
	if want := "[3 1 3 1 3 1]"; fmt.Sprint(sizes) != want {
		t.Errorf("the calls had %v entries, want %s", sizes, want)
	}
	if d, err := direct.Depth(t.Context()); d.Total() != 0 || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
}

func TestRefusedEntryFailsAlone(t *testing.T) {
	t.Parallel()
	var b *desktest.SQSProxy
	q, direct, b := faulty(t, "q", nil, func(w http.ResponseWriter, r *http.Request, action string, nth int) bool {
		if action != "SendMessageBatch" {
			return false
		}
		return b.WithoutEntry(
			w, r, 2, map[string]any{"SenderFault": true, "Code": "InvalidMessageContents", "Message": "no"},
		)
	})
	errs := q.Send(t.Context(), []queue.Outgoing{{Body: []byte("a")}, {Body: []byte("b")}, {Body: []byte("c")}})
	if errs[0] != nil || errs[1] != nil || errs[2] == nil {
		t.Errorf("the answers are %v", errs)
	}
	if n := b.Counted("SendMessageBatch"); n != 1 {
		t.Errorf("what SQS will never take was sent %d times", n)
	}
	receiveAll(t, direct, 2)
}

func TestRefusedBatchIsSentEntryByEntry(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"InvalidParameterValue", "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			q, direct, _ := faulty(
				t,
				"q",
				nil,
				func(w http.ResponseWriter, r *http.Request, action string, _ int) bool {
					if action != "SendMessageBatch" || !strings.Contains(desktest.Peek(r), "poison") {
						return false
					}
					desktest.Refuse(w, http.StatusBadRequest, code)
					return true
				},
			)
			errs := q.Send(
				t.Context(),
				[]queue.Outgoing{{Body: []byte("a")}, {Body: []byte("poison")}, {Body: []byte("c")}},
			)
			if errs[0] != nil || errs[1] == nil || errs[2] != nil {
				t.Errorf("the answers are %v", errs)
			}
			receiveAll(t, direct, 2)
		})
	}
}

// A call has as many messages as SQS takes together, which are no fewer where each has to be small.
func TestCallsUseTheLimitOfTheQueue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit, bytes int
		want         string
	}{
		"usual": {256 << 10, 100 << 10, "[2 2 1]"},
		"small": {1 << 10, 1 << 10, "[5]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sizes []int
			limit := map[string]string{"MaximumMessageSize": strconv.Itoa(c.limit)}
			q, _, _ := faulty(t, "q", limit, func(_ http.ResponseWriter, r *http.Request, action string, _ int) bool {
				if action == "SendMessageBatch" {
					sizes = append(sizes, strings.Count(desktest.Peek(r), `"Id"`))
				}
				return false
			})
			send(t, q, slices.Repeat([]string{strings.Repeat("x", c.bytes)}, 5)...)
			if got := fmt.Sprint(sizes); got != c.want {
				t.Errorf("the calls had %s messages, want %s", got, c.want)
			}
		})
	}
}

func TestConnectionResetDuringAResponse(t *testing.T) {
	t.Parallel()
	var b *desktest.SQSProxy
	q, direct, b := faulty(
		t,
		"q.fifo",
		map[string]string{"VisibilityTimeout": "1"},
		func(w http.ResponseWriter, r *http.Request, action string, nth int) bool {
			if action == "GetQueueAttributes" || nth > 1 {
				return false
			}
			b.CutOff(t, w, r)
			return true
		},
	)
	send(t, q, "x") // SQS had it at the first call: sent again, it is still the same message
	m := receiveOne(t, q)
	if m.ReceiveCount != 2 {
		t.Errorf("the message whose answer was lost comes for the time %d", m.ReceiveCount)
	}
	ok(t, q.Delete(t.Context(), []queue.Message{m}))
	nothing(t, direct, 2*time.Second)
}

func TestUnresponsiveServerTimesOut(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	q, _, _ := faulty(t, "q", nil, func(_ http.ResponseWriter, r *http.Request, action string, _ int) bool {
		if action == "GetQueueAttributes" {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // without this the server does not notice that the caller has left
		select {
		case <-r.Context().Done():
		case <-released:
		}
		return true
	})
	t.Cleanup(func() { close(released) })
	ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	begun := time.Now()
	if err := q.Send(ctx, []queue.Outgoing{{Body: []byte("x")}})[0]; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the send answers %v", err)
	}
	if _, err := q.Receive(ctx, 10, 20*time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the receive answers %v", err)
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("the caller was held for %v", took)
	}
}

func TestZeroVisibilityTimeoutIsOverridden(t *testing.T) {
	t.Parallel()
	q := openSQS(t, desktest.StartSQS(t), "q", map[string]string{"VisibilityTimeout": "0"})
	if q.Visibility() != 30*time.Second {
		t.Errorf("it hides messages for %v", q.Visibility())
	}
	send(t, q, "x")
	receiveOne(t, q)
	nothing(t, q, 0)
}

func TestShortExtensionDoesNotRelease(t *testing.T) {
	t.Parallel()
	q := openSQS(t, desktest.StartSQS(t), "q", nil)
	send(t, q, "x")
	ok(t, q.ExtendVisibility(t.Context(), []queue.Message{receiveOne(t, q)}, 400*time.Millisecond))
	nothing(t, q, 0)
}

func TestDelayedMessagesCount(t *testing.T) {
	t.Parallel()
	q := openSQS(t, desktest.StartSQS(t), "q", map[string]string{"DelaySeconds": "900"})
	send(t, q, "x")
	if d, err := q.Depth(t.Context()); d != (queue.Depth{Delayed: 1, Retention: 4 * 24 * time.Hour}) || err != nil {
		t.Errorf("the depth is %+v, %v", d, err)
	}
}

func TestLimitsComeFromTheQueue(t *testing.T) {
	t.Parallel()
	q := openSQS(
		t, desktest.StartSQS(t), "q",
		map[string]string{"MaximumMessageSize": "262144", "VisibilityTimeout": "77"},
	)
	if q.MaxMessageBytes() != 262144 || q.Visibility() != 77*time.Second {
		t.Errorf("at most %d bytes, hidden for %v", q.MaxMessageBytes(), q.Visibility())
	}
}

// TestEnvironmentSetsTheEndpoint cannot be parallel: it changes the environment, and nothing else tells NewSQS where
// to go.
func TestEnvironmentSetsTheEndpoint(t *testing.T) {
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	q, err := queue.NewSQS(t.Context(), desktest.CreateQueue(t, endpoint, "q", nil), "")
	if err != nil {
		t.Fatal(err)
	}
	send(t, q, "x")
	receiveOne(t, q)
}

// TestUnusableQueueIsRefused cannot be parallel: some cases are about the environment.
func TestUnusableQueueIsRefused(t *testing.T) {
	endpoint := desktest.StartSQS(t)
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "",
		"AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_ENDPOINT_URL_SQS": "",
	} {
		t.Setenv(name, value)
	}
	refusing := func(code string) func(*config.LoadOptions) error {
		b := desktest.NewSQSProxy(t, endpoint, func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool {
			desktest.Refuse(w, http.StatusForbidden, code)
			return true
		})
		return desktest.AWS(b.URL)
	}
	const at = "https://sqs.eu-central-1.amazonaws.com/000000000000/q"
	for _, c := range []struct {
		name, url string
		option    func(*config.LoadOptions) error
		want      string
	}{
		{
			"it does not exist", "http://sqs.eu-central-1.localhost/000000000000/other", desktest.AWS(endpoint),
			"does not exist: check name, account and region",
		},
		{"access is denied", at, refusing("AccessDeniedException"), "allow sqs:GetQueueAttributes"},
		{"the key is not known", at, refusing("InvalidClientTokenId"), "check access key and secret"},
		{"another refusal", at, refusing("KmsDisabled"), "SQS refused: KmsDisabled"},
		{"no region", "http://localhost:4566/000000000000/q", none, "set AWS_REGION"},
		{"no credentials", at, none, "set AWS_PROFILE, or AWS_ACCESS_KEY_ID"},
		{"no URL", "my-dlq", desktest.AWS(endpoint), "that is no queue URL"},
		{
			"no queue in the URL", "https://sqs.eu-central-1.amazonaws.com/", desktest.AWS(endpoint),
			"that is no queue URL",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := queue.NewSQS(t.Context(), c.url, "", c.option)
			if q != nil || err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), c.url) {
				t.Errorf("it answers %v", err)
			}
		})
	}
}

func none(*config.LoadOptions) error { return nil }

func TestUnavailableQueueMayRecover(t *testing.T) {
	t.Parallel()
	q, err := queue.NewSQS(
		t.Context(), "https://sqs.eu-central-1.amazonaws.com/000000000000/q", "",
		desktest.AWS("http://127.0.0.1:1"),
	)
	if err != nil || q.StartError() == nil ||
		!strings.Contains(q.StartError().Error(), "000000000000/q cannot be reached") {
		t.Fatalf("opening answers %v, unreached: %v", err, q.StartError())
	}
	if q.MaxMessageBytes() != 256<<10 || q.Visibility() != 30*time.Second {
		t.Errorf("it takes %d bytes and hides for %v", q.MaxMessageBytes(), q.Visibility())
	}
}

// A restart while SQS is out of order or no longer takes the credentials is not the time to refuse webhooks.
func TestTemporaryRefusalMayRecover(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{
		"ExpiredToken": http.StatusForbidden, "InternalError": http.StatusServiceUnavailable,
		"ThrottlingException": http.StatusBadRequest,
		"RequestThrottled":    http.StatusBadRequest,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			refusing := httptest.NewServer(
				http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { desktest.Refuse(w, status, code) }),
			)
			defer refusing.Close()
			q, err := queue.NewSQS(
				t.Context(), "https://sqs.eu-central-1.amazonaws.com/000000000000/q", "",
				desktest.AWS(refusing.URL),
			)
			if err != nil || q.StartError() == nil || !strings.Contains(q.StartError().Error(), code) {
				t.Errorf("opening answers %v", err)
			}
		})
	}
}

// TestRegion cannot be parallel, because it sets the environment. A queue is signed for in the region of its URL,
// whatever that says.
func TestRegion(t *testing.T) {
	endpoint := desktest.StartSQS(t)
	for _, c := range []struct{ host, setting, environment, want string }{
		{"sqs.ap-southeast-2.amazonaws.com", "", "", "ap-southeast-2"},
		{"eu-west-1.queue.amazonaws.com", "", "", "eu-west-1"},
		{"sqs.cn-north-1.amazonaws.com.cn", "", "", "cn-north-1"},
		{"vpce-0123456789abcdef0-abcdefgh.sqs.us-west-2.vpce.amazonaws.com", "", "", "us-west-2"},
		{"vpce-0123-abcd-us-west-2a.sqs.us-west-2.vpce.amazonaws.com", "", "", "us-west-2"},
		{"vpce-0123-abcd.sqs.cn-north-1.vpce.amazonaws.com.cn", "", "", "cn-north-1"},
		{"queue.amazonaws.com", "", "eu-west-3", "us-east-1"},
		{"Queue.AmazonAWS.com.", "", "eu-west-3", "us-east-1"},
		{"cn-northwest-1.queue.amazonaws.com.cn", "", "", "cn-northwest-1"},
		{"sqs-fips.us-gov-west-1.amazonaws.com", "", "", "us-gov-west-1"},
		{"sqs.us-gov-east-1.amazonaws.com", "", "", "us-gov-east-1"},
		{"sqs.eu-west-1.api.aws", "", "", "eu-west-1"},
		{"sqs-fips.us-east-2.api.aws", "", "", "us-east-2"},
		{"sqs.cn-north-1.api.amazonwebservices.com.cn", "", "", "cn-north-1"},
		{"sqs.us-iso-east-1.c2s.ic.gov", "", "", "us-iso-east-1"},
		{"sqs.us-isob-east-1.sc2s.sgov.gov", "", "", "us-isob-east-1"},
		{"sqs.eu-isoe-west-1.cloud.adc-e.uk", "", "", "eu-isoe-west-1"},
		{"sqs.us-isof-south-1.csp.hci.ic.gov", "", "", "us-isof-south-1"},
		{"vpce-1-2.sqs.us-iso-east-1.vpce.c2s.ic.gov", "", "", "us-iso-east-1"},
		{"sqs.eusc-de-east-1.amazonaws.eu", "", "", "eusc-de-east-1"},
		{"sqs.eu-west-1.amazonaws.com.evil.example", "", "us-east-2", "us-east-2"},
		{"sqs.notregion.amazonaws.com", "", "us-east-2", "us-east-2"},
		{"sqs.eu-west-1.amazonaws.com", "", "us-east-2", "eu-west-1"},
		{"queues.internal", "", "us-east-2", "us-east-2"},
		{"sqs.eu-west-1.amazonaws.com", "ca-central-1", "us-east-2", "ca-central-1"},
	} {
		t.Run(c.want+" for "+c.host, func(t *testing.T) {
			t.Setenv("AWS_DEFAULT_REGION", "")
			t.Setenv("AWS_REGION", c.environment)
			signed := ""
			b := desktest.NewSQSProxy(t, endpoint, func(w http.ResponseWriter, r *http.Request, _ string, _ int) bool {
				signed = r.Header.Get("Authorization")
				desktest.Refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			})
			_, err := queue.NewSQS(
				t.Context(),
				"https://"+c.host+"/000000000000/q",
				c.setting,
				desktest.AWS(b.URL),
				func(o *config.LoadOptions) error {
					o.Region = c.setting
					return nil
				},
			)
			if !strings.Contains(signed, "/"+c.want+"/sqs/") {
				t.Errorf("the call was signed %q (%v)", signed, err)
			}
		})
	}
}

// TestBodyIsSentFromMemory cannot be parallel: where the environment names a bundle of certificates, the SDK allows
// only its own client, and here another one notes the body.
func TestBodyIsSentFromMemory(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "")
	client := &late{}
	_, err := queue.NewSQS(
		t.Context(),
		"https://sqs.eu-central-1.amazonaws.com/000000000000/q",
		"",
		desktest.AWS("http://127.0.0.1"),
		func(o *config.LoadOptions) error {
			o.HTTPClient = client
			return nil
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(client.body); err != nil || !strings.Contains(string(body), "MaximumMessageSize") ||
		client.length != int64(len(body)) {
		t.Errorf("after the answer the body is %q of %d bytes, %v", body, client.length, err)
	}
}

// late is an HTTP client that answers before it has read the request's body, as net/http may.
type late struct {
	body   io.Reader
	length int64
}

func (l *late) Do(r *http.Request) (*http.Response, error) {
	l.body, l.length = r.Body, r.ContentLength
	const answer = `{"Attributes":{"MaximumMessageSize":"1024","VisibilityTimeout":"30"}}`
	return &http.Response{
		StatusCode: http.StatusOK,
		Header: http.Header{
			"Content-Type":   {"application/x-amz-json-1.0"},
			"Content-Length": {strconv.Itoa(len(answer))},
		},
		Body: io.NopCloser(strings.NewReader(answer)),
	}, nil
}

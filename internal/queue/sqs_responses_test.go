package queue_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// constant is an HTTP client that answers every call to SQS the same; "": nothing, for as long as it is waited for.
type constant struct {
	with  string
	calls int
}

func (c *constant) Do(r *http.Request) (*http.Response, error) {
	body := c.with
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetQueueAttributes") {
		body = `{"Attributes":{"MaximumMessageSize":"1024","VisibilityTimeout":"30"}}`
	} else {
		c.calls++
	}
	if body == "" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// TestUnconfirmedEntryIsNotSent cannot be parallel, as TestBodyIsSentFromMemory.
func TestUnconfirmedEntryIsNotSent(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "")
	const first = `{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"0cc175b9c0f1b6a831c399e269772661"}]`
	const failed = first + `,"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError","Message":"try again"}]}`
	for name, c := range map[string]struct {
		answer      string
		patience    time.Duration
		calls       int
		least, most time.Duration
		sent        bool // the first of the two
		away        bool
		why         string
	}{
		"it fails at it again and again": {
			failed, time.Minute, 4, 350 * time.Millisecond, 700 * time.Millisecond, true, false, "InternalError",
		},
		"it fails, and there is no time": {
			failed, 10 * time.Millisecond, 1, 10 * time.Millisecond, 10 * time.Millisecond, true, false,
			"InternalError",
		},
		"it answers for another alone": {
			first + `}`, time.Minute, 1, 0, 0, true, false, "did not answer for this entry",
		},
		"what answers is not SQS": {
			`{"Successful":[{"MessageId":"m"}]}`, time.Minute, 1, 0, 0, false, true, "none of SQS",
		},
		"it does not answer": {
			"", time.Minute, 1, 30 * time.Second, 30 * time.Second, false, true, "does not confirm",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := &constant{with: c.answer}
				q, err := queue.NewSQS(
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
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				begun := time.Now()
				errs := q.Send(ctx, []queue.Outgoing{{Body: []byte("a")}, {Body: []byte("b")}})
				if (errs[0] == nil) != c.sent || errs[1] == nil || !strings.Contains(errs[1].Error(), c.why) ||
					errors.Is(errs[1], queue.ErrUnavailable) != c.away {
					t.Errorf("the answers are %v", errs)
				}
				if took := time.Since(begun); client.calls != c.calls || took < c.least || took > c.most {
					t.Errorf("%d calls in %v, want %d in %v to %v", client.calls, took, c.calls, c.least, c.most)
				}
			})
		})
	}
}

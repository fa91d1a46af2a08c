package redrive_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redrive"
)

// newOrigin returns the origin of orders-dlq. Its SQS returns list as the source queues, or the error after a "!".
func newOrigin(t *testing.T, list, configured string) *redrive.Origin {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		response := `{"Attributes":{"MaximumMessageSize":"1024","VisibilityTimeout":"30"}}`
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListDeadLetterSourceQueues") { // words:ok, AWS's own name
			response = list
		}
		if fault, ok := strings.CutPrefix(response, "!"); ok || response == "" {
			w.WriteHeader(http.StatusBadRequest)
			response = `{"__type":"com.amazonaws.sqs#` + fault + `","message":"no"}`
		}
		_, _ = w.Write([]byte(response))
	}))
	t.Cleanup(server.Close)
	const dlq = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dlq"
	q, err := queue.NewSQS(t.Context(), dlq, "", desktest.AWS(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	o := redrive.NewOrigin(q, configured, "set it")
	o.Refresh(t.Context())
	return o
}

const (
	account   = "https://sqs.eu-central-1.amazonaws.com/123456789012/"
	ordersURL = account + "orders"
	ordersARN = "arn:aws:sqs:eu-central-1:123456789012:orders"
	foreign   = "arn:aws:sqs:eu-central-1:999999999999:orders" // of another account
	topic     = "arn:aws:sns:eu-central-1:123456789012:orders"
	denied    = "!AccessDeniedException"
	allow     = "allow sqs:ListDeadLetterSourceQueues" // words:ok, AWS's own name
)

type originCase struct{ list, configured, arn, want, fault string }

func (c originCase) check(t *testing.T, got string, err error) {
	t.Helper()
	if got != c.want || (err == nil) != (c.fault == "") {
		t.Errorf("%q, %v", got, err)
	}
	if c.fault != "" && (!errors.Is(err, redrive.ErrNoOrigin) || !strings.Contains(err.Error(), c.fault)) {
		t.Error(err)
	}
}

func TestFindOriginByMessageQueueOrConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]originCase{
		"the message":       {"", "", ordersARN, ordersURL, ""},
		"another account":   {"", "", foreign, "", "no queue of this account"},
		"no ARN of a queue": {"", "", topic, "", "no queue of this account"},
		"SQS":               {`{"queueUrls":["https://q/1/a"]}`, "", "", "https://q/1/a", ""},
		"SQS, of several": {
			`{"queueUrls":["https://q/1/a","https://q/1/b"]}`, "", "", "", "2 queues have this DLQ",
		},
		"SQS, of none":          {`{"queueUrls":[]}`, "", "", "", "names no source queue: set it"},
		"SQS, which denies it":  {denied, "", "", "", allow + ", or set it"},
		"the configuration":     {denied, "https://q/1/c", "", "https://q/1/c", ""},
		"the configuration too": {"", "https://q/1/c", ordersARN, "https://q/1/c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newOrigin(t, c.list, c.configured).Find(c.arn)
			c.check(t, got, err)
		})
	}
}

func TestFindConfirmedRequiresSQSToNameTheQueue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]originCase{
		"one of several":    {`{"queueUrls":["` + account + `a","` + ordersURL + `"]}`, "", ordersARN, ordersURL, ""},
		"not one of them":   {`{"queueUrls":["` + account + `a"]}`, "", ordersARN, "", "has another DLQ"},
		"SQS denies it":     {denied, "", ordersARN, "", allow},
		"no ARN":            {`{"queueUrls":["` + ordersURL + `"]}`, "", "", ordersURL, ""},
		"another account":   {`{"queueUrls":["` + ordersURL + `"]}`, "", foreign, "", "no queue of this account"},
		"the configuration": {denied, "https://q/1/c", ordersARN, "https://q/1/c", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newOrigin(t, c.list, c.configured).FindConfirmed(c.arn)
			c.check(t, got, err)
		})
	}
}

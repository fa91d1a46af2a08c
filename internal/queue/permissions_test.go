package queue_test

import (
	"errors"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

const permittedURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dlq"

func everyAction() []string {
	return []string{
		queue.ActionGetAttributes, queue.ActionSend, queue.ActionReceive, queue.ActionDelete,
		queue.ActionChangeVisibility, queue.ActionListSources,
	}
}

// permissions returns which actions are denied, and of which it is not known.
func permissions(t *testing.T, endpoint, queueURL string, actions ...string) (denied, unknown string) {
	t.Helper()
	list, err := queue.CheckPermissions(t.Context(), queueURL, "", actions, desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	var no, perhaps []string
	for _, p := range list {
		if p.Denied {
			no = append(no, p.Action)
		}
		if p.Err != nil {
			perhaps = append(perhaps, p.Action)
		}
	}
	return strings.Join(no, " "), strings.Join(perhaps, " ")
}

func TestPermissionsReportDenials(t *testing.T) {
	t.Parallel()
	endpoint := answering(t, map[string]string{
		"GetQueueAttributes":         "!AccessDeniedException",
		"ReceiveMessage":             "!InvalidParameterValue",
		"DeleteMessage":              "!ReceiptHandleIsInvalid",
		"ChangeMessageVisibility":    "!AccessDeniedException",
		"SendMessageBatch":           "!AccessDenied",
		"ListDeadLetterSourceQueues": `{"queueUrls":[]}`, // words:ok, a name of SQS
	})
	if no, perhaps := permissions(
		t,
		endpoint,
		permittedURL,
		everyAction()...); no != "sqs:GetQueueAttributes sqs:SendMessage sqs:ChangeMessageVisibility" ||
		perhaps != "" {
		t.Errorf("denied are %q, not known %q", no, perhaps)
	}
	if _, err := queue.CheckPermissions(
		t.Context(), permittedURL, "", []string{"sqs:PurgeQueue"}, desktest.AWS(endpoint),
	); err == nil {
		t.Error("an action is tried that nobody can try without doing it")
	}
}

// A permission is unknown if the queue does not exist, the credentials are unknown, or the server does not respond.
func TestUnknownPermissionsAreReportedAsUnknown(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"!QueueDoesNotExist", "!InvalidClientTokenId", "!ExpiredToken"} {
		t.Run(code[1:], func(t *testing.T) {
			answers := map[string]string{}
			for _, name := range []string{
				"GetQueueAttributes", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility",
				"SendMessageBatch", "ListDeadLetterSourceQueues", // words:ok, a name of SQS
			} {
				answers[name] = code
			}
			if no, perhaps := permissions(
				t,
				answering(t, answers),
				permittedURL,
				everyAction()...); no != "" ||
				len(strings.Fields(perhaps)) != 6 {
				t.Errorf("%s: denied are %q, not known %q", code, no, perhaps)
			}
		})
	}
	if no, perhaps := permissions(t, "http://127.0.0.1:1", permittedURL, queue.ActionSend); no != "" ||
		perhaps != queue.ActionSend {
		t.Errorf("nobody there: denied are %q, not known %q", no, perhaps)
	}
}

// The queue has the same messages afterwards, unchanged.
func TestPermissionsChangeNothing(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	url := desktest.CreateQueue(t, endpoint, "asked", nil)
	q, err := queue.NewSQS(t.Context(), url, "", desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(q.Send(t.Context(), []queue.Outgoing{{Body: []byte("mine")}})...); err != nil {
		t.Fatal(err)
	}
	if no, perhaps := permissions(t, endpoint, url, everyAction()[:5]...); no != "" || perhaps != "" {
		t.Errorf("denied are %q, not known %q", no, perhaps)
	}
	if d, err := q.Depth(t.Context()); err != nil || d.Visible != 1 || d.InFlight != 0 {
		t.Errorf("it holds %+v, %v", d, err)
	}
	if got, err := q.Receive(t.Context(), 10, 0); err != nil || len(got) != 1 || got[0].ReceiveCount != 1 ||
		string(got[0].Body) != "mine" {
		t.Errorf("received %+v, %v", got, err)
	}
}

package acceptance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

func TestDoctorJudgesQueues(t *testing.T) {
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	other := desktest.CreateQueue(t, endpoint, "elsewhere", nil)
	arn := "arn:aws:sqs:eu-central-1:000000000000:elsewhere"
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Sources[0].Mode = config.Buffered
	for name, c := range map[string]struct {
		attributes map[string]string
		want       string
	}{
		"usual":    {map[string]string{"MessageRetentionPeriod": "1209600"}, "ok DLQ: usual answers; messages are kept for 14 days"},
		"hurried":  {map[string]string{"MessageRetentionPeriod": "3600"}, "warn DLQ: hurried answers; messages are kept for 1h0m0s -> raise its retention to 14 days"},
		"redriven": {map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":"3"}`}, "warn DLQ: redriven moves what was received 3 times to " + arn},
	} {
		cfg.Queue.DLQURL, cfg.Queue.ProcessingURL = desktest.CreateQueue(t, endpoint, name, c.attributes), other
		says(t, doctor(t, cfg, app.Examination{}), c.want, "ok processing queue: elsewhere answers")
	}
	cfg.Queue.DLQURL = strings.Replace(other, "elsewhere", "nowhere", 1)
	says(
		t,
		doctor(t, cfg, app.Examination{}),
		"fail DLQ: queue "+cfg.Queue.DLQURL+": it does not exist: check name, account and region",
	)
}

// denying is an SQS server that denies actions on queues whose name begins as it is said; nothing else of it is
// changed.
func denying(t *testing.T, denied map[string]string) (endpoint string, between *desktest.Between) {
	t.Helper()
	endpoint = desktest.StartSQS(t)
	between = desktest.StandBetween(
		t,
		endpoint,
		func(w http.ResponseWriter, r *http.Request, action string, _ int) bool {
			body := desktest.Peek(r)
			for queue, actions := range denied {
				if strings.Contains(body, "/"+queue+`"`) && slices.Contains(strings.Fields(actions), action) {
					desktest.Refuse(w, http.StatusForbidden, "AccessDeniedException")
					return true
				}
			}
			if action == "ListDeadLetterSourceQueues" {
				_, _ = w.Write([]byte(`{"queueUrls":["` + endpoint + `/000000000000/shop"]}`))
				return true
			}
			return false
		},
	)
	return endpoint, between
}

func TestDoctorSaysWhatTheRoleIsDenied(t *testing.T) {
	endpoint, between := denying(t, map[string]string{
		"dlq":      "SendMessageBatch ReceiveMessage",
		"work":     "GetQueueAttributes",
		"shop-dlq": "ChangeMessageVisibility",
		"shop":     "SendMessageBatch",
	})
	desktest.UseSQS(t, between.URL)
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Queue.DLQURL, cfg.Queue.ProcessingURL = desktest.CreateQueue(
		t,
		endpoint,
		"dlq",
		nil,
	), desktest.CreateQueue(
		t,
		endpoint,
		"work",
		nil,
	)
	cfg.Queues = []config.DLQ{{Name: "shop", URL: desktest.CreateQueue(t, endpoint, "shop-dlq", nil)}}
	desktest.CreateQueue(t, endpoint, "shop", nil)

	says(
		t,
		doctor(t, cfg, app.Examination{Role: app.Serve}),
		"fail permissions: DLQ: SQS denies sqs:ReceiveMessage, sqs:SendMessage on dlq -> allow it in the policy of the identity",
		"fail permissions: processing queue: SQS denies sqs:GetQueueAttributes on work",
		"fail permissions: queues.shop: SQS denies sqs:ChangeMessageVisibility on shop-dlq",
		"warn permissions: redrive from queues.shop: SQS denies sqs:SendMessage on shop",
	)
	// A receiver reads no DLQ, and nothing of what the desk reads besides.
	report := doctor(t, cfg, app.Examination{Role: app.Receive})
	says(
		t,
		report,
		"fail permissions: DLQ: SQS denies sqs:SendMessage on dlq",
		"fail permissions: processing queue: SQS denies",
	)
	if strings.Contains(report, "shop") || strings.Contains(report, "sqs:ReceiveMessage on dlq") {
		t.Errorf("a receiver is told of others' rights:\n%s", report)
	}
	for _, name := range []string{"SendMessage", "DeleteMessageBatch"} {
		if n := between.Counted(name); n != 0 {
			t.Errorf("%s was called %d times", name, n)
		}
	}
}

func TestDoctorSaysWhatIsNotDenied(t *testing.T) {
	endpoint, between := denying(t, nil)
	desktest.UseSQS(t, between.URL)
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Queue.DLQURL = desktest.CreateQueue(t, endpoint, "dlq", nil)
	cfg.Queue.ProcessingURL = desktest.CreateQueue(t, endpoint, "work", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dlq","maxReceiveCount":"3"}`,
	})
	cfg.Sources[0].Mode = config.Buffered
	cfg.Queues = []config.DLQ{
		{Name: "gone", URL: strings.Replace(cfg.Queue.DLQURL, "dlq", "gone", 1), SourceURL: cfg.Queue.ProcessingURL},
	}
	says(
		t,
		doctor(t, cfg, app.Examination{}),
		"ok processing queue: work answers; messages are kept for 4 days, and what was received 3 times becomes a message",
		"ok permissions: DLQ: SQS denies none of sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:SendMessage on dlq",
		"warn permissions: queues.gone: it cannot be told whether sqs:GetQueueAttributes is allowed on gone: it does not exist: check name, account and region",
	)
}

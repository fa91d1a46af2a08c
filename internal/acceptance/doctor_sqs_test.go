package acceptance_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/doctor"
)

func TestDoctorChecksSettingsOfQueues(t *testing.T) {
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
		"usual": {
			map[string]string{"MessageRetentionPeriod": "1209600"},
			"ok DLQ: usual responds; it keeps messages for 14 days",
		},
		"hurried": {
			map[string]string{"MessageRetentionPeriod": "3600"},
			"warn DLQ: hurried responds; it keeps messages for 1h0m0s -> raise its retention to 14 days",
		},
		"redriven": {
			map[string]string{"RedrivePolicy": redrivePolicy(arn, 3)},
			"warn DLQ: redriven moves what was received 3 times to " + arn,
		},
	} {
		cfg.Queue.DLQURL, cfg.Queue.ProcessingURL = desktest.CreateQueue(t, endpoint, name, c.attributes), other
		says(t, examine(t, cfg, doctor.Request{}), c.want, "ok processing queue: elsewhere responds")
	}
	cfg.Queue.DLQURL = strings.Replace(other, "elsewhere", "nowhere", 1)
	says(
		t, examine(t, cfg, doctor.Request{}),
		"fail DLQ: queue "+cfg.Queue.DLQURL+": it does not exist: check name, account and region",
	)
}

// denying starts an SQS server that denies the given actions, by name of the queue.
func denying(t *testing.T, denied map[string]string) (endpoint string, between *desktest.SQSProxy) {
	t.Helper()
	endpoint = desktest.StartSQS(t)
	between = desktest.NewSQSProxy(
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
			if action == "ListDeadLetterSourceQueues" { // words:ok, a name of AWS
				_, _ = w.Write([]byte(`{"queueUrls":["` + endpoint + `/000000000000/shop"]}`))
				return true
			}
			return false
		},
	)
	return endpoint, between
}

func TestDoctorReportsDeniedPermissionsOfTheRole(t *testing.T) {
	endpoint, between := denying(t, map[string]string{
		"dlq":      "SendMessageBatch ReceiveMessage",
		"work":     "GetQueueAttributes",
		"shop-dlq": "ChangeMessageVisibility",
		"shop":     "SendMessageBatch",
	})
	desktest.UseSQS(t, between.URL)
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Queue.DLQURL, cfg.Queue.ProcessingURL = desktest.CreateQueue(
		t, endpoint, "dlq", nil,
	), desktest.CreateQueue(t, endpoint, "work", nil)
	cfg.Queues = []config.DLQ{{Name: "shop", URL: desktest.CreateQueue(t, endpoint, "shop-dlq", nil)}}
	desktest.CreateQueue(t, endpoint, "shop", nil)

	says(
		t,
		examine(t, cfg, doctor.Request{Role: doctor.Serve}),
		"fail permissions: DLQ: SQS denies sqs:ReceiveMessage, sqs:SendMessage on dlq -> allow it in the policy "+
			"of the identity",
		"fail permissions: processing queue: SQS denies sqs:GetQueueAttributes on work",
		"fail permissions: queues.shop: SQS denies sqs:ChangeMessageVisibility on shop-dlq",
		"warn permissions: redrive from queues.shop: SQS denies sqs:SendMessage on shop",
	)
	// A receiver reads neither the DLQ nor the queues of the list.
	report := examine(t, cfg, doctor.Request{Role: doctor.Receive})
	says(
		t, report, "fail permissions: DLQ: SQS denies sqs:SendMessage on dlq",
		"fail permissions: processing queue: SQS denies",
	)
	if strings.Contains(report, "shop") || strings.Contains(report, "sqs:ReceiveMessage on dlq") {
		t.Errorf("a receiver is told of permissions that it does not need:\n%s", report)
	}
	for _, name := range []string{"SendMessage", "DeleteMessageBatch"} {
		if n := between.Counted(name); n != 0 {
			t.Errorf("%s was called %d times", name, n)
		}
	}
}

func TestDoctorReportsGrantedPermissions(t *testing.T) {
	endpoint, between := denying(t, nil)
	desktest.UseSQS(t, between.URL)
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Queue.DLQURL = desktest.CreateQueue(t, endpoint, "dlq", nil)
	cfg.Queue.ProcessingURL = desktest.CreateQueue(t, endpoint, "work", map[string]string{
		"RedrivePolicy": redrivePolicy("arn:aws:sqs:eu-central-1:000000000000:dlq", 3),
	})
	cfg.Sources[0].Mode = config.Buffered
	cfg.Queues = []config.DLQ{
		{
			Name: "gone", URL: strings.Replace(cfg.Queue.DLQURL, "dlq", "gone", 1),
			SourceQueueURL: cfg.Queue.ProcessingURL,
		},
	}
	says(
		t,
		examine(t, cfg, doctor.Request{}),
		"ok processing queue: work responds; it keeps messages for 4 days, and moves to the DLQ what was "+
			"received 3 times",
		"ok permissions: DLQ: SQS denies none of sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:DeleteMessage, "+
			"sqs:ChangeMessageVisibility, sqs:SendMessage on dlq",
		"warn permissions: queues.gone: not known whether sqs:GetQueueAttributes is allowed on gone: it does "+
			"not exist: check name, account and region",
	)
}

// redrivePolicy is the attribute of a queue that moves a message to a DLQ once it was received that often.
func redrivePolicy(dlqARN string, receives int) string {
	const policy = `{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}` // words:ok, a name of AWS
	return fmt.Sprintf(policy, dlqARN, receives)
}

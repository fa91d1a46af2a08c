package acceptance_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

// A queue was listed without a way out. Once the configuration has one, the messages that were read before take it too.
func TestOlderMessagesFollowTheConfiguration(t *testing.T) { //nolint:paralleltest // environment
	server := desktest.StartSQS(t)
	desktest.UseSQS(t, server)
	dlq, target := shortlyHidden(t, server, "lambda-dlq"), desktest.CreateQueue(t, server, "again", nil)
	client := desktest.SQSClient(t, server)
	failure := map[string]types.MessageAttributeValue{
		"ErrorCode": {
			DataType:    aws.String("Number"),
			StringValue: aws.String("200"),
		},
		"ErrorMessage": {DataType: aws.String("String"), StringValue: aws.String("boom")},
	}
	var paths []string
	for _, body := range []string{`{"n":1}`, `{"n":2}`} {
		sent, err := client.SendMessage(
			t.Context(),
			&sqs.SendMessageInput{QueueUrl: &dlq, MessageBody: &body, MessageAttributes: failure},
		)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, "/messages/"+aws.ToString(sent.MessageId))
	}
	p := setup(t, listed("lambda", dlq))
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	anna := p.signIn(t)
	for _, path := range paths {
		p.await(t, anna, path, "set queues.lambda.source and restart")
		p.await(t, anna, path, "queues.lambda.source_queue_url")
	}
	end(t, p.App)

	cfg := p.cfg
	cfg.Queues = []config.DLQ{{Name: "lambda", URL: dlq, Source: cfg.Sources[0].Name, SourceQueueURL: target}}
	later := program{begin(t, cfg), cfg, p.destination}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	later.submit(t, browser, "/signin", url.Values{"name": {"anna"}, "password": {password}})
	later.await(t, browser, paths[0], "assigned the source of its queue to")
	later.submit(t, browser, paths[0]+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
	later.await(t, browser, paths[0], "Delivered: 200")
	later.await(t, browser, paths[1], "redrives to")
	later.submit(t, browser, paths[1]+"/redrive", url.Values{"version": {"0"}, "revision": {"0"}})
	got := redriveLine{client: client, source: target}.receive(t.Context(), t)
	if aws.ToString(got.Body) != `{"n":2}` ||
		aws.ToString(got.MessageAttributes["ErrorMessage"].StringValue) != "boom" {
		t.Errorf("the target got %q with %v", aws.ToString(got.Body), got.MessageAttributes)
	}
}

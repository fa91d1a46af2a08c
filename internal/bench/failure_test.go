package bench_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
)

// BenchmarkFailurePath compares webhooks that are delivered to those that fail, round by round: failures go to SQS,
// to the spool because SQS is away, and to SQS by a receiver of Node and Express that sends one message for each. All
// receivers work alone, on one SQS server, which shares the processors with them, the load and the destination. So a
// failure costs what a delivery costs and what the bare SDK and that server need for a message, no matter which
// program sends it: the rate at which both can be had, one after the other, is the most that anybody reaches here,
// and what each takes of the processors tells where the rest goes: sqs-of-success-by-our-cpu is the ratio for a
// receiver whose queue is on other processors than its own.
func BenchmarkFailurePath(b *testing.B) {
	for _, n := range []int{connections, 4 * connections} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) { failurePath(b, n) })
	}
}

// receivers is how many of ours a failurePath has.
const receivers = 3

func failurePath(b *testing.B, n int) {
	// The limit that the program sets is for one receiver. By it, three with many connections, their load and the
	// handlers would collect garbage twice as often as one does that has a process of its own.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(receivers * debug.SetMemoryLimit(-1)))
	endpoint, server := desktest.StartSQSProcess(b)
	good, bad := destination(b, http.StatusOK, `{"ok":true}`), destination(
		b, http.StatusInternalServerError, `{"error":"the CRM is down"}`,
	)
	queueURL := desktest.CreateQueue(b, endpoint, "dlq", nil)
	line := desktest.NewFlakyProxy(b, endpoint)
	desktest.UseSQS(b, line.URL)
	spool := startReceiver(b, bad, queueURL)
	line.Cut()
	desktest.UseSQS(b, endpoint)
	node := startExpress(b, endpoint, bad, queueURL)

	const path, queued = "/webhooks/genesys", "queued_for_retry"
	loads := map[string]*load{
		"success": newLoadOf(b, startReceiver(b, good, queueURL).URL()+path, `{"status":"accepted"}`, n),
		"sqs":     newLoadOf(b, startReceiver(b, bad, queueURL).URL()+path, queued, n),
		"spool":   newLoadOf(b, spool.URL()+path, queued, n),
		"node":    newLoadOf(b, node+path, queued, n),
	}
	shares := map[string]int{"success": longShare, "sqs": longShare, "spool": longShare, "node": share}
	// The first round finds SQS away and has Node compile what is run often. Node is slow, so it comes last: ours close
	// a connection that sends no request within ten seconds.
	for _, name := range []string{"success", "sqs", "spool", "node"} {
		loads[name].round(b, share)
	}
	client := desktest.SQSClient(b, endpoint)
	rates, ratios := map[string][]float64{}, map[string][]float64{}
	costs := map[string]*cost{"success": {}, "sqs": {}, "spool": {}, "node": {}, "bare": {}}
	var taken []float64
	var took []time.Duration
	round := func() {
		rate := map[string]float64{}
		for name, l := range loads {
			var each []time.Duration
			costs[name].of(b, shares[name]*n, server, func() { rate[name], each = l.round(b, shares[name]) })
			rates[name] = append(rates[name], rate[name])
			if name == "sqs" {
				took = append(took, each...)
			}
		}
		var bare float64
		costs["bare"].of(b, bareMessages, server, func() { bare = sendBare(b, client, queueURL) })
		taken = append(taken, bare)
		most := 1 / (1/rate["success"] + 1/bare)
		ratios["of most"] = append(ratios["of most"], rate["sqs"]/most)
		ratios["most"] = append(ratios["most"], most/rate["success"])
		ratios["of success"] = append(ratios["of success"], rate["sqs"]/rate["success"])
		ratios["of node"] = append(ratios["of node"], rate["sqs"]/rate["node"])
		ratios["spool"] = append(ratios["spool"], rate["spool"]/rate["sqs"])
	}
	for b.Loop() {
		for range rounds {
			round()
		}
	}
	for name := range loads {
		report(b, median(rates[name]), name+"-req/s")
	}
	report(b, millis(quantile(took, 0.99)), "sqs-p99-ms")
	report(b, median(taken), "bare-sent/s")
	for _, name := range []string{"success", "sqs", "bare"} {
		costs[name].report(b, name)
	}
	report(b, costs["success"].our()/costs["sqs"].our(), "sqs-of-success-by-our-cpu")
	report(b, median(ratios["most"]), "most-of-success")
	report(b, median(ratios["of most"]), "sqs-of-most")
	of := fmt.Sprintf(", %d connections", n)
	result(b, "failure to SQS / success"+of, median(ratios["of success"]), 0.7)
	result(b, "failure to SQS / Express"+of, median(ratios["of node"]), 5)
	result(b, "spool / failure to SQS"+of, median(ratios["spool"]), 0.5)
}

const (
	bareSenders  = 16
	bareCalls    = 10 // of each
	bareMessages = bareSenders * bareCalls * batch
)

// sendBare sends a message's envelope again and again by the bare SDK, in full batches, and returns how many a second
// the server took.
func sendBare(b *testing.B, client *sqs.Client, queueURL string) float64 {
	b.Helper()
	c := desktest.Failure("c0ffee00-1111-4222-8333-444455556666", http.StatusInternalServerError, time.Now())
	c.Body = webhook()
	text, err := envelope.Encode(c)
	if err != nil {
		b.Fatal(err)
	}
	body := string(text)
	entries := make([]types.SendMessageBatchRequestEntry, batch)
	for i := range entries {
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body}
	}
	errs := make([]error, bareSenders)
	var running sync.WaitGroup
	began := time.Now()
	for i := range bareSenders {
		running.Go(func() {
			for n := 0; n < bareCalls && errs[i] == nil; n++ {
				_, errs[i] = client.SendMessageBatch(
					b.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queueURL, Entries: entries},
				)
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return bareMessages / time.Since(began).Seconds()
}

// startExpress starts a receiver of Node and Express, as many teams have one, and returns its address.
func startExpress(b *testing.B, endpoint, target, queueURL string) string {
	b.Helper()
	program, err := filepath.Abs("testdata/express-receiver.cjs")
	if err != nil {
		b.Fatal(err)
	}
	return desktest.StartNode(b, program, regexp.MustCompile(`Listening at (http://\S+)`),
		"DESTINATION="+target, "QUEUE_URL="+queueURL, "AWS_ENDPOINT_URL_SQS="+endpoint, "NODE_ENV=production")
}

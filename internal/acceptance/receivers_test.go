package acceptance_test

import (
	"errors"
	"net/http"
	"testing"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

// The environment leads to the SQS server, so the test cannot be parallel.
func TestReceiverAlonePassesMessagesToTheDesk(t *testing.T) { //nolint:paralleltest // environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	queueURL := desktest.CreateQueue(t, endpoint, "dlq", nil)
	serve := setup(t, func(c *config.Config) { c.Queue.DLQURL = queueURL })
	cfg := settings(t, serve.destination)
	cfg.Queue.DLQURL = queueURL
	alone := program{app.New(cfg, app.Options{Log: desktest.Log(t)}), cfg, serve.destination}
	if err := alone.StartReceiver(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, told := alone.post(t, `{"id":"1"}`, nil)
	serve.holds(t, []string{kept(t, status, told)})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, alone.URL()+"/signin", nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := do(t, http.DefaultClient, req); status != http.StatusNotFound {
		t.Errorf("a receiver alone answers /signin with %d", status)
	}
	end(t, alone.App)
}

func TestReceiverAloneRefusesEmbeddedQueues(t *testing.T) {
	t.Parallel()
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Sources[0].Mode = config.Buffered
	err := app.New(cfg, app.Options{Log: desktest.Log(t)}).StartReceiver(t.Context())
	faults, ok := errors.AsType[config.Faults](err)
	if !ok || len(faults) != 2 || faults[0].Key != "queue.dlq_url" || faults[1].Key != "queue.processing_url" {
		t.Errorf("it answers %v", err)
	}
}

// Two receivers and the desk are three processes on the same queues. One receiver is killed under load. Every webhook
// that it answered with 200 is stored, and no webhook is delivered by two receivers at once.
func TestOneOfSeveralReceiversIsKilled(t *testing.T) {
	t.Parallel()
	endpoint := desktest.StartSQS(t)
	c := newCrash(t, config.Queue{
		SpoolLimit:    1 << 30,
		DLQURL:        shortlyHidden(t, endpoint, "dlq"),
		ProcessingURL: shortlyHidden(t, endpoint, "processing"),
	}, desktest.SQSEnvironment(endpoint))
	desk := serve(t, c.file, c.environ...)
	var files, urls []string
	var receivers []*process
	for range 2 {
		alone := c.cfg
		alone.DataDir = t.TempDir()
		files = append(files, write(t, alone))
		receivers = append(receivers, receive(t, files[len(files)-1], c.environ...))
		urls = append(urls, receivers[len(receivers)-1].url)
	}
	end := c.load(urls...)
	c.sent.await(t, 100)
	receivers[0].kill()
	c.sent.await(t, 100) // by the other one
	end()
	// Messages on the disk of the killed receiver are sent when it is back.
	back := receive(t, files[0], c.environ...)
	c.settle(t, desk)
	back.stop(t)
	receivers[1].stop(t)
}

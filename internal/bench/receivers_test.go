package bench_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"dlqdesk/internal/app"
	"dlqdesk/internal/desktest"
)

// BenchmarkReceiversOnOneQueue measures webhooks that fail at one, two and four receivers which share an SQS queue,
// and tells the rates as ratios to that of the one.
func BenchmarkReceiversOnOneQueue(b *testing.B) {
	endpoint := desktest.StartSQS(b)
	desktest.UseSQS(b, endpoint)
	target := destination(b, http.StatusInternalServerError, `{"error":"the CRM is down"}`)
	queueURL := desktest.CreateQueue(b, endpoint, "dlq", nil)
	var loads []*load
	for range 4 {
		l := newLoad(b, startReceiver(b, target, queueURL).URL()+"/webhooks/genesys", "queued_for_retry")
		l.round(b, 1)
		loads = append(loads, l)
	}
	rates := map[int][]float64{}
	for b.Loop() {
		for _, n := range []int{1, 2, 4} {
			rate, _ := together(loads[:n]).round(b, share)
			rates[n] = append(rates[n], rate)
		}
	}
	one := median(rates[1])
	report(b, one, "req/s")
	for _, n := range []int{2, 4} {
		report(b, median(rates[n])/one, fmt.Sprintf("ratio-%d", n))
	}
}

func startReceiver(b *testing.B, target, queueURL string) *app.App {
	b.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // a line's cost counts
	a := app.New(settings(b, target, queueURL), app.Options{Log: log})
	if err := a.StartReceiver(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stop(b, a) })
	return a
}

// together is the load of several receivers at a time. Each has a request of the same bytes: none looks at the Host
// header.
func together(loads []*load) *load {
	all := &load{request: loads[0].request, want: loads[0].want}
	for _, l := range loads {
		all.conns = append(all.conns, l.conns...)
	}
	return all
}

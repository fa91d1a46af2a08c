package bench_test

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkShapes measures the cost of the sample of delivered webhooks: in turns, two processes get webhooks that are
// delivered, one with the sample and one without. The rounds begin with the other one each time. The share is the
// median of the ratios within a round.
func BenchmarkShapes(b *testing.B) {
	const rounds, d = 8, 2 * time.Second
	f := &field{handler: startRole(b, roleHandler, ""), binaries: map[string]string{"": buildProgram(b)}}
	desks := map[bool]process{}
	for _, on := range []bool{true, false} {
		desks[on] = startDesk(b, f.binaries[""], b.TempDir(), fmt.Sprintf(
			"sources:\n  ok: { destination: %s/ok, shapes: %t, keep_delivered: %d }\n", f.handler.url, on,
			map[bool]int{true: 20}[on],
		))
	}
	var more, cost []float64
	for round := range rounds + 1 {
		spent := map[bool]float64{}
		for _, on := range []bool{round%2 == 0, round%2 != 0} {
			l := newLoad(b, desks[on].url+"/webhooks/ok", jsonAccepted, 16)
			before := spentBy(b, desks[on].running)
			took := l.during(b, d)
			spent[on] = micros(spentBy(b, desks[on].running)-before) / float64(len(took))
			l.close()
		}
		if round > 0 { // the first one warms up
			more, cost = append(more, 100*(spent[true]/spent[false]-1)), append(cost, spent[false])
		}
	}
	report(b, median(cost), "µs/webhook")
	resultBelow(b, "shapes: processor time of the success path, % more", median(more), 2)
	resultBelow(b, "shapes: memory, MiB more", desks[true].peakMemory(b)-desks[false].peakMemory(b), 20)
}

// Package bench has the benchmarks of the whole program: the cost to receive, queue, ingest, replay and show webhooks.
// It contains only tests.
//
// Run all of them with make bench, or some with a pattern and a time:
//
//	make bench BENCH=Receiver BENCHTIME=200ms
//	make bench BENCH=Million
//
// Each benchmark reports figures and asserts none, because they depend on the machine. Load generator, destination and
// program share its processors, so compare figures only with those of another commit from the same quiet machine, five
// interleaved runs each.
package bench

// Package bench has the benchmarks of the whole program: the cost to receive, queue, ingest, replay and show webhooks.
// It contains only tests.
//
// Run all of them with make bench, or some with a pattern and a time:
//
//	make bench BENCH=IngestFromSQS BENCHTIME=200ms
//	make bench BENCH=Million
//
// BenchmarkProduct compares dlqdesk with a bare proxy and with the receiver of a tutorial, and prints the tables of
// web/docs/figures.md. Its flags are in product_test.go. For example this compares the working tree with another
// binary, both on the embedded queue, in one run of half a minute:
//
//	make bench BENCH=Product ARGS='-product.only serve-embedded -product.time 1s -product.beside /tmp/old'
//
// Each benchmark reports figures and asserts none, because they depend on the machine. Load generator, destination and
// program share its processors, so compare figures only with those of the same run, or of another commit from the same
// quiet machine, five interleaved runs each. Processor time is disturbed less by others than rates are.
package bench

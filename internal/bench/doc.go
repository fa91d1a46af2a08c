// Package bench holds the benchmarks of the whole program: what it costs to take, keep, move and show webhooks. Each
// prints figures and asserts none, because they depend on the machine; load, destination and program share its
// processors. There is no code but tests here.
package bench

package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spent returns the processor time that this process has used, which others on the machine change less than they
// do the time that passes.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// tick is the unit in which Linux counts the processor time of a process (USER_HZ, proc(5)).
const tick = 10 * time.Millisecond

// spentBy is spent of another process.
func spentBy(b *testing.B, p *os.Process) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name may have spaces
	var sum time.Duration
	for _, field := range strings.Fields(after)[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(n) * tick
	}
	return sum
}

// cost is what a number of webhooks or messages took of the processors.
type cost struct {
	n            int
	ours, theirs time.Duration // of this process, and of the server
}

// of measures what is done for n of them.
func (c *cost) of(b *testing.B, n int, server *os.Process, do func()) {
	b.Helper()
	ours, theirs := spent(b), spentBy(b, server)
	do()
	c.n, c.ours, c.theirs = c.n+n, c.ours+spent(b)-ours, c.theirs+spentBy(b, server)-theirs
}

// our returns the processor time of this process for each, in microseconds.
func (c *cost) our() float64 { return micros(c.ours) / float64(c.n) }

// report prints what each took.
func (c *cost) report(b *testing.B, name string) {
	b.Helper()
	report(b, c.our(), name+"-cpu-µs")
	report(b, micros(c.theirs)/float64(c.n), name+"-server-µs")
}

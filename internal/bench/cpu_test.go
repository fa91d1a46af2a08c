package bench_test

import (
	"syscall"
	"testing"
	"time"
)

// spent answers how much time on a processor this process has used, which others on the machine change less than they do the time that
// passes.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

package notify_test

import (
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// failsFor lets a message of a source fail for a reason of its own.
func (b *bundle) failsFor(source, reason string, code int) deadletter.Message {
	b.Helper()
	c := desktest.Failure(source+" "+reason, code, b.clock.Now())
	c.Source, c.Reason, c.FirstAttempt.Error = source, reason, reason
	return desktest.Receive(b.T, b.store, c)
}

// word returns a word that no normalisation takes for a number.
func word(n int) string {
	return "wrong" + string([]rune{'a' + rune(n/676), 'a' + rune(n/26%26), 'a' + rune(n%26)}) + "field"
}

// A source with more news than are looked at each time, which has told enough for this minute, delays no other one.
func TestNoisySourceDelaysNoOtherOne(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	for i := range 3 {
		b.failsFor("genesys", word(i), 422)
	}
	b.pass(3 * time.Second)
	b.wants("raised new-cause", "raised new-cause", "raised new-cause")
	for i := range 520 {
		b.failsFor("genesys", word(10+i), 422)
	}
	b.clock.Add(time.Second)
	b.failsFor("cxone", "out of stock", 422)
	b.pass(3 * time.Second)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Alert.Sources[0] != "cxone" {
		t.Errorf("told was %+v", got)
	}
	b.wants("raised new-cause")
	b.pass(time.Minute)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Alert.CauseCount < 500 {
		t.Errorf("told was %+v", got)
	}
}

// Causes come as one although the first of them was told with others that are still open.
func TestBundleBeginsWhileAnOlderOneIsOpen(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	var ids []deadletter.ID
	for i := range 9 {
		ids = append(ids, b.failsFor("genesys", word(i), 422).ID)
		b.clock.Add(time.Millisecond)
	}
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	for _, n := range []int{6, 4} { // so many end, and come back
		b.archive(ids[:n]...)
		b.pass(2 * time.Minute)
		b.wants()
		b.clock.Add(time.Minute)
		for i := range n {
			c := desktest.Failure(fmt.Sprintf("again-%d-%d", n, i), 422, b.clock.Now())
			c.Reason, c.FirstAttempt.Error = word(i), word(i)
			ids[i] = desktest.Receive(t, b.store, c).ID
			b.clock.Add(time.Millisecond)
		}
		b.pass(3 * time.Second)
		b.wants("raised regressed-cause")
	}
}

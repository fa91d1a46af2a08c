package redrive

import "dlqdesk/internal/deadletter"

// ErrOvertakes is the reason that a message of a FIFO group is not sent: an earlier one of the group was not sent
// back, and SQS promises the group's consumer that nothing overtakes.
var ErrOvertakes = deadletter.Errorf(deadletter.Conflict,
	"an earlier message of its group was not sent back, and this one would overtake it")

// Order lets one message of each FIFO group be in flight at a time, in the order in which they were received. A
// standard queue has no order. It is not safe for concurrent use.
//
// Example: of the due messages a1 b1 a2 with groups a, b, a, Choose returns a1 and b1; a2 is chosen once a1 has ended.
type Order struct {
	fifo     bool
	inFlight map[string]bool // by group
}

// NewOrder returns the order of a queue.
func NewOrder(fifo bool) *Order { return &Order{fifo: fifo, inFlight: map[string]bool{}} }

// Group returns the group that orders a message; "" if none does.
func (o *Order) Group(messageGroup string) string {
	if !o.fifo {
		return ""
	}
	return messageGroup
}

// Begin records that a message of a group is in flight.
func (o *Order) Begin(messageGroup string) {
	if group := o.Group(messageGroup); group != "" {
		o.inFlight[group] = true
	}
}

// End records that the message of a group is no longer in flight.
func (o *Order) End(messageGroup string) { delete(o.inFlight, messageGroup) }

// Choose returns the indexes of at most limit of n messages that may be sent now: none whose group has a message in
// flight, or an earlier one among the n.
func (o *Order) Choose(n, limit int, groupOf func(int) string) []int {
	var chosen []int
	seen := map[string]bool{}
	for i := 0; i < n && len(chosen) < limit; i++ {
		group := o.Group(groupOf(i))
		if group != "" && (o.inFlight[group] || seen[group]) {
			continue
		}
		seen[group] = true
		chosen = append(chosen, i)
	}
	return chosen
}

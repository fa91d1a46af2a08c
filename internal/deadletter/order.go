package deadletter

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// OrderKey identifies the thing that a webhook is about, such as a conversation, as a hash of 48 bits. Webhooks with
// the same key should be processed in the order of their receipt. 0: the webhook names no such thing.
type OrderKey int64

// UnusedKeyBits is how many of 64 bits an OrderKey does not use.
const UnusedKeyBits = 16

// String returns the key as addresses have it.
func (k OrderKey) String() string { return fmt.Sprintf("%012x", int64(k)) }

// ParseOrderKey reads a key as String writes it. It returns Invalid for another text.
func ParseOrderKey(text string) (OrderKey, error) {
	n, err := strconv.ParseUint(text, 16, 64-UnusedKeyBits)
	if err != nil || n == 0 {
		return 0, Errorf(Invalid, "%q is no order key: it has up to 12 digits of 0-9 and a-f", text)
	}
	return OrderKey(n), nil
}

// Newer describes the webhooks with a message's order key that were received after it and delivered already.
type Newer struct {
	Count   int
	AtLeast bool   // there may be more
	Thing   string // a noun for the thing that the key identifies: "conversation"
}

// String returns a clause such as "3 newer events of this conversation were delivered".
func (n Newer) String() string {
	count := strconv.Itoa(n.Count)
	switch {
	case n.AtLeast:
		count += " or more newer events"
	case n.Count == 1:
		return "1 newer event of " + n.thing() + " was delivered"
	default:
		count += " newer events"
	}
	return count + " of " + n.thing() + " were delivered"
}

func (n Newer) thing() string { return "this " + cmp.Or(n.Thing, "order key") }

// JobOrder is what a job does with a message that it would send out of order: newer events of the same thing were
// delivered, or the older message of that thing in the job was not. In any order, a job sends the messages about one
// thing one after the other, as they were received.
type JobOrder string

// The orders of jobs.
const (
	OrderSkip JobOrder = "skip" // the message is skipped
	OrderAsk  JobOrder = "ask"  // the job pauses until a person resumes it with another order
	OrderSend JobOrder = "send" // the message is sent all the same
)

// JobOrders lists every order.
func JobOrders() []JobOrder { return []JobOrder{OrderSkip, OrderAsk, OrderSend} }

// isKnown reports whether the order is one of these, or none.
func (o JobOrder) isKnown() bool { return o == "" || slices.Contains(JobOrders(), o) }

// CheckOrder returns why the job does not send a message now: Conflict where it skips the message, NeedsConfirmation
// where it pauses. held is the older message about the same thing in the job, if that is not delivered.
func (j Job) CheckOrder(n Newer, held bool) error {
	text := ""
	switch {
	case j.Order == OrderSend:
		return nil
	case n.Count > 0:
		text = n.String()
	case held:
		text = "an older event of " + n.thing() + " is in this job and was not delivered"
	default:
		return nil
	}
	if j.Order == OrderAsk {
		return Errorf(NeedsConfirmation, "%s", text)
	}
	return Errorf(Conflict, "%s", text)
}

// PauseForOrder pauses a job that asks whether to send a message, whose CheckOrder returned reason.
func (j Job) PauseForOrder(id ID, reason error, at time.Time) (JobChange, error) {
	return j.PauseBySystem(fmt.Sprintf("message %s: %s. Resume to skip such messages, or to send them",
		id, TextOf(reason)), at)
}

// AsksOrder reports whether the job is paused and will pause again at the next message that it would send out of order.
func (j Job) AsksOrder() bool { return j.State == JobPaused && j.Order == OrderAsk }

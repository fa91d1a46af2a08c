// Package ledger counts every webhook and checks that the counts balance: each webhook that was answered 200 is
// delivered, waits on a queue or the spool, or is a message in the store. It owns the counts, their numbering and the
// rules of reconciliation. It must not deliver, move or change a message.
//
// # Accounts
//
// A successful delivery leaves nothing behind except a count. The Recorder adds counts up in memory and saves them
// about once a second, so that no platform waits for a write. Counts belong to an Account: a run (one life of the
// process), a source and an hour. The envelope of a message names the run and the time of receipt, so its arrival in
// the store is counted in the same account.
//
//	run r1, genesys, 10:00   received 100   delivered 97   queued 3   arrived 2
//
// One of the three queued messages has not arrived. If it is on the DLQ or the spool, it waits. If it is on neither
// for longer than Settings.Settle, it is missing.
//
// # Numbering
//
// A killed run loses the counts of its last second. Its messages make up for that: each carries a
// [deadletter.Sequence] within its account. Settled says that all messages up to that number were confirmed or refused
// before this one was sent, and Refused how many of those were refused.
//
//	sent       1 {Number 1, Settled 0}   2 {Number 2, Settled 1}   3 {Number 3, Settled 2}   4 {Number 4, Settled 3}
//	arrived    1, 2 and 4
//
// Message 4 proves that 1 to 3 were confirmed, so 4 messages must arrive. 3 did: one is missing, although r1 never
// saved a count. Only the messages that were sent last can go missing unnoticed: those behind the latest arrival, or
// in flight at the same time.
//
// # Other cases
//
//   - A message arrives that was neither counted nor numbered: an older program wrote it and was killed, or its queue
//     stored it without confirming.
//   - A message of a receiver without an account in this store counts as received when it arrives.
//   - Webhooks on the processing queue are counted before they leave it. After a kill they are delivered again, so
//     they are not missing. If delivery failed before and after the kill, two receipts of one message arrive.
//   - If other processes may deliver from the processing queue, the process that delivers a webhook counts it. A
//     webhook that another process delivered could not be told from a lost one here.
package ledger

import (
	"time"

	"dlqdesk/internal/deadletter"
)

// Account names a line of counts.
type Account struct {
	Run    string // of the receiver; "": a receiver that saves its counts elsewhere
	Source string
	Hour   time.Time
}

// AccountOf returns the account that a webhook is counted in.
func AccountOf(c deadletter.Capture) Account {
	at := c.RunAt
	if at.IsZero() {
		at = c.ReceivedAt
	}
	return Account{Run: c.Run, Source: c.Source, Hour: HourOf(at)}
}

// HourOf returns the hour in which a webhook received at that time is counted.
func HourOf(received time.Time) time.Time { return received.UTC().Truncate(time.Hour) }

// Counts are the numbers of webhooks as their receiver sees them.
type Counts struct {
	Received  int // answered 200
	Delivered int // at the first attempt
	Queued    int // delivery failed, and the DLQ or the spool confirmed the message
	Refused   int // answered 500: the platform sends them again
}

// Add returns the sum.
func (c Counts) Add(more Counts) Counts {
	return Counts{
		c.Received + more.Received, c.Delivered + more.Delivered, c.Queued + more.Queued,
		c.Refused + more.Refused,
	}
}

// OpenAccount is an account that does not balance yet: webhooks wait, are missing, or were never counted.
type OpenAccount struct {
	Account
	Counts
	Arrived  int
	Numbered bool // its messages carry numbers, so Queued is right even if the run was killed
}

// Line is one source in one hour, over all runs. It balances when
// Received = Delivered + waiting on queues and spool + Repeated + all Messages.
type Line struct {
	Hour   time.Time // its start
	Source string
	Counts
	Arrived  int // of Queued, in the store
	Repeated int // of Arrived, joined an earlier message of the same webhook
	Messages map[deadletter.Status]int
}

// Unsettled returns how many webhooks are still on the processing queue or on the way to the store.
func (l Line) Unsettled() int { return l.Received - l.Delivered - l.Arrived }

// Stage is the part of a webhook's way in which it can go missing.
type Stage string

// The stages of a webhook's way.
const (
	StageProcessing Stage = "processing" // buffered, until it is delivered or queued as a message
	StageMessages   Stage = "messages"   // queued as a message, until it is in the store
)

// Place is a stage of one source in one hour.
type Place struct {
	Hour   time.Time // its start, UTC
	Source string
	Stage  Stage
}

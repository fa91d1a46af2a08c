package deadletter

import "time"

// Fate is what a platform was told of a webhook.
type Fate string

// The fates of a webhook. Of the first three it was told 200.
const (
	FateDelivered     Fate = "delivered"      // the handler took it
	FateKept          Fate = "kept"           // the handler failed, and it is a message
	FateBuffered      Fate = "buffered"       // it is on the processing queue
	FateRefused       Fate = "refused"        // it could be kept nowhere, and is to be sent again
	FateUnauthorized  Fate = "unauthorized"   // it does not prove who sent it
	FateTooLarge      Fate = "too_large"      // over the source's limit
	FateIncomplete    Fate = "incomplete"     // its body did not arrive whole
	FateUnknownSource Fate = "unknown_source" // no such source is configured
)

// Receipts counts webhooks as their receiver sees them.
type Receipts struct {
	Received  int // answered 200
	Delivered int // at the first attempt
	Kept      int // as messages, confirmed by queue or spool
	Refused   int // answered 500: no debt, because the platform sends them again
}

// Add answers the sum.
func (r Receipts) Add(more Receipts) Receipts {
	return Receipts{
		r.Received + more.Received,
		r.Delivered + more.Delivered,
		r.Kept + more.Kept,
		r.Refused + more.Refused,
	}
}

// LedgerLine is what the ledger has of the webhooks that a source received within one hour. Where it balances,
// Received = Delivered + what waits in queues and spool + Repeated + all Messages.
type LedgerLine struct {
	Hour   time.Time // when it begins
	Source string
	Receipts
	Arrived  int // of Kept, in the store
	Repeated int // of Arrived, joined an earlier message of the same webhook
	Messages map[Status]int
}

// LedgerHour is the hour under which a webhook received at a time is accounted for.
func LedgerHour(received time.Time) time.Time { return received.UTC().Truncate(time.Hour) }

// Unsettled is how many webhooks have not come to their end: those on the processing queue, and those on the way to
// the store.
func (l LedgerLine) Unsettled() int { return l.Received - l.Delivered - l.Arrived }

// LedgerStage is a part of a webhook's way in which it can get lost.
type LedgerStage string

// The stages of a webhook's way.
const (
	StageProcessing LedgerStage = "processing" // buffered, until it is delivered or kept
	StageMessages   LedgerStage = "messages"   // kept, until it is in the store
)

package page

import "dlqdesk/web/ui"

// ReconciliationTableView is the table with its filter: the part that changes with a query.
type ReconciliationTableView struct {
	State    string // StateRows, StateNothing or StateFault
	Fault    string
	RetryURL string
	URL      string // of this part, to look again by itself; empty: it does not

	Result       ReconciliationResult
	Imbalances   []ImbalanceView // unexplained and not acknowledged
	Acknowledged []ImbalanceView
	Explained    []ImbalanceView
	// How many more there are of each, in words; empty: none.
	MoreImbalances, MoreAcknowledged, MoreExplained string
	Queues                                          []ReconciliationQueue
	Sources                                         []ui.Option
	Rows                                            []ReconciliationRow
	NewestURL                                       string
	OlderURL                                        string
}

// ReconciliationResult says in one line whether everything balances.
type ReconciliationResult struct {
	Tone string // Done, Info, Warn or Fault of package ui
	Text string
	Hint string
	At   ui.Moment // of the latest check
}

// ImbalanceView is an hour of a source that does not balance.
type ImbalanceView struct {
	From, To ui.Moment
	Source   string
	Summary  string // "1 message is missing"
	Meaning  string // what it may mean
	Remedy   string // what helps; empty: nothing needs to be done
	URL      string // of the messages of that hour; empty: there can be none

	AckURL    string // where it is acknowledged; empty: it is, or there is nothing to
	AckBy     string // who acknowledged it last; empty: it was not acknowledged
	AckAt     ui.Moment
	AckNote   string
	AckAmount string // how many it was then; empty: as many as now
}

// ReconciliationQueue is a queue or spool in which webhooks wait.
type ReconciliationQueue struct {
	Name      string
	Content   string // what waits in it: "Failed messages"
	Waiting   string
	Oldest    ui.Moment
	Expires   ui.Moment // when SQS would forget the oldest
	Note      string    // what stands for the two where they are not known, or cannot be
	Retention string    // how long it keeps a message: "4 days", "until processed"
	Fault     QueueFault
	Shared    string // what the ledger cannot see of it; empty: nothing
	Undeleted []UndeletedMessage
}

// UndeletedMessage is a message that was read and is still on SQS.
type UndeletedMessage struct {
	ID      string // of the message
	URL     string // of the message; empty: it is not in the store
	Reason  string // "kept; waits to be deleted"
	Expires ui.Moment
}

// ReconciliationRow is an hour of a source.
type ReconciliationRow struct {
	From       ui.Moment
	Source     string
	Received   string
	Delivered  string
	Waiting    string // on queues and spool
	Expired    string // lost, because the queue keeps a message only for so long
	Duplicates string
	Refused    string  // empty: none
	Messages   []Count // by status, as ReconciliationStatuses has them
	Difference string  // by how much it does not balance: "1 missing"; empty: it does
	Explained  bool    // why it does not
}

// ReconciliationStatuses are the statuses that a row has messages by, in the order of its columns.
func ReconciliationStatuses() []string {
	return []string{"retrying", "failed", "replaying", "resolved", "archived", "redriven"}
}

func zeroIsFaint(text string) string {
	if text == "0" {
		return "faint"
	}
	return ""
}

// alarms reports whether the row has an unexplained difference or loss.
func (row ReconciliationRow) alarms() bool {
	return !row.Explained && (row.Difference != "" || row.Expired != "0")
}

func differenceTone(row ReconciliationRow) string {
	if row.Explained {
		return "tone-info"
	}
	return "tone-fault"
}

func resultIcon(tone string) string {
	switch tone {
	case ui.Done:
		return "check"
	case ui.Fault:
		return "alert"
	case ui.Warn:
		return "warn"
	}
	return "clock"
}

func plusMore(more string) string {
	if more != "" {
		return "+"
	}
	return ""
}

// AcknowledgeView asks for a note on an hour that does not balance.
type AcknowledgeView struct {
	Chrome
	Imbalance ImbalanceView
	Note      string
	Fault     string // what is wrong with the note, or why it was refused; empty: nothing
	Denied    string // why this person may not; empty: may

	Hour, Source, Stage, Kind, Amount string // which imbalance it is, and how large it was when it was shown
}

package page

import "dlqdesk/web/ui"

// LetterView is one letter as a page.
type LetterView struct {
	Chrome
	BackURL  string // the list that the person came from
	Panel    LetterPanelView
	Payload  Payload
	Headers  []HeaderRow
	Facts    []Fact // of the queue
	Arrivals []Arrival
}

// LetterPanelView is all of a letter that an action changes: its state, its actions, its history.
type LetterPanelView struct {
	ID      string
	Version string
	Back    string // the query of the list, without "?": carried by every form

	Status      string
	Source      string // empty: its message named none
	Destination string // the host; empty: none is configured
	Reason      string
	Code        string // empty: there was no answer
	Outcome     string // unknown: the page says that the handler may have processed it
	Retries     string // "2 of 5"
	NextRetry   ui.Moment
	Received    ui.Moment
	LastAttempt ui.Moment
	Arrived     string // "3 times"; empty: once

	// Why each action is not possible now, for this person or this letter; empty: it is.
	DenyReplay, DenyEdit, DenyArchive, DenyRestore string

	Choices []RevisionChoice // of what a replay sends, newest first
	Result  ui.Notice        // "Delivered: 200 in 84 ms"
	Notice  ui.Notice        // "already replayed by anna 3 s ago"

	Attempts  []AttemptView // newest first
	Revisions []RevisionView
	Events    []AuditRow // newest first
}

// RevisionChoice is a revision that a replay can send.
type RevisionChoice struct {
	Number   string
	Name     string // "original" or "edit 2 by anna"
	Selected bool
}

// Payload is the body of one revision.
type Payload struct {
	Name        string // of the revision: "original"
	ContentType string
	Size        string // "1.2 KiB"
	Pretty      string // indented, masked; empty where it is no JSON
	Raw         string // as text, masked
	Hex         string // a hex dump, for a binary body
	Note        string // "the first 256 KiB of 1.4 MiB are shown"
	Masked      bool   // some values in it are masked
	DownloadURL string // empty: this person may not
	Others      []PayloadLink
}

// PayloadLink leads to the payload of a revision.
type PayloadLink struct {
	Name, URL string
	Current   bool
}

// HeaderRow is one header of the webhook.
type HeaderRow struct {
	Name, Value string
	Masked      bool
}

// Fact is one entry of a definition list.
type Fact struct {
	Label, Value string
}

// Arrival is one time that the webhook arrived.
type Arrival struct {
	At   ui.Moment
	Note string // "the body differs from the first"; may be empty
}

// AttemptView is one delivery in the timeline.
type AttemptView struct {
	Number          string
	Trigger         string // receive, auto, replay, edit or bulk
	Actor           string
	Revision        string // "original"; empty where there is only one
	At              ui.Moment
	InFlight        bool
	Outcome         string
	Code            string
	Latency         string // "84 ms"
	Error           string
	ResponseHeaders []HeaderRow
	ResponseBody    string
	ResponseNote    string // "the first 4 KiB are kept"
}

// RevisionView is one revision in the list of revisions.
type RevisionView struct {
	Name    string
	By      string // empty: received
	Why     string
	At      ui.Moment
	Size    string
	URL     string // shows its payload
	Current bool   // its payload is the one shown
}

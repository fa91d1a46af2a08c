package page

// AcknowledgeView asks for a note on an hour that does not balance.
type AcknowledgeView struct {
	Chrome
	Imbalance ImbalanceView
	Note      string
	Fault     string // what is wrong with the note, or why it was refused; empty: nothing
	Denied    string // why this person may not; empty: may

	Hour, Source, Stage, Kind, Amount string // which imbalance it is, and how large it was when it was shown
}

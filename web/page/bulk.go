package page

import "dlqdesk/web/ui"

// BulkItem is one letter that a bulk action is about.
type BulkItem struct {
	ID, Version string
	URL         string
	Status      string
	Source      string
	Reason      string
	Denied      string // why the action leaves it alone; empty: it does not
}

// BulkEditView is the form that changes the bodies of several letters and replays them.
type BulkEditView struct {
	Chrome
	Items       []BulkItem
	Back        string // the query of the list, without "?"
	Patch       string
	PatchError  ui.FieldError
	Reason      string
	ReasonError string
	Denied      string // why this person may not edit letters; empty: may
	Notice      ui.Notice
}

// BulkConfirmView asks for what an action on several letters still needs, where no script runs.
type BulkConfirmView struct {
	Chrome
	Action      string // archive
	Items       []BulkItem
	Back        string
	Reason      string
	ReasonError string
	Denied      string
}

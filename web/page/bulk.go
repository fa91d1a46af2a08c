package page

import (
	"strconv"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

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

// patchExample is shown where the patch is still empty.
const patchExample = "{\n  \"customer\": { \"id\": \"4711\" },\n  \"legacyField\": null\n}"

func patchAttributes(e ui.FieldError) templ.Attributes {
	attributes := faultAttributes("patch", e.Text)
	if e.Text != "" {
		attributes["aria-describedby"] = "patch-hint patch-fault"
	} else {
		attributes["aria-describedby"] = "patch-hint"
	}
	return attributes
}

func countLetters(items []BulkItem) string {
	if len(items) == 1 {
		return "1 letter"
	}
	return strconv.Itoa(len(items)) + " letters"
}

func actionWord(action string) string {
	switch action {
	case "replay":
		return "Replay"
	case "archive":
		return "Archive"
	case "restore":
		return "Restore"
	}
	return action
}

// listURL is the list that a query names.
func listURL(query string) string {
	if query == "" {
		return "/letters"
	}
	return "/letters?" + query
}

package gallery

import (
	"strconv"

	"dlqdesk/web/page"
)

// trial is a state of the preview and the dry run in the dialog of a draft.
type trial struct {
	name, label string
	change      func(*page.JobConfirmView)
}

func trials() []trial {
	return []trial{
		{"no-preview", "", func(v *page.JobConfirmView) {
			v.Recipe.Text, v.Trial.Note = "", "Enter a change to see what it does to messages that differ most."
		}},
		{"preview", "", func(v *page.JobConfirmView) { v.Trial.Previews = recipePreviews(5) }},
		{"preview-one", "", func(v *page.JobConfirmView) { v.Trial.Previews = recipePreviews(1) }},
		{"preview-long", "", func(v *page.JobConfirmView) {
			v.Trial.Previews = recipePreviews(5)
			for i := range v.Trial.Previews {
				p := &v.Trial.Previews[i]
				p.Compare.ID, p.Source, p.Cause, p.Fault = longWord+strconv.Itoa(i), longWord, longWord, ""
				p.Departures = []page.Difference{departure(longWord)}
			}
			v.Trial.Previews[4].Fault = longWord
		}},
		{"preview-faults", "", func(v *page.JobConfirmView) {
			v.Recipe.Kind, v.Recipe.Text = "jq", ".customer.id = $tabel"
			v.Recipe.Error = "This is not valid jq: line 1, column 16: variable not defined: $tabel."
			v.Trial.Note = "There is no preview while the change has a fault."
		}},
		{"dry-run-running", "", func(v *page.JobConfirmView) {
			v.Trial.Previews, v.Trial.Run = recipePreviews(2), dryRun("running")
			v.Trial.Run.Summary = "504 of 1,300 would change, 30 unchanged, 6 fail, 760 not tried"
			v.Trial.Run.Departures, v.Trial.Run.Differing, v.Trial.Run.Uncompared = nil, "", ""
		}},
		{"dry-run-done", "Edit and replay 1,204 messages", func(v *page.JobConfirmView) {
			v.Trial.Previews, v.Trial.Run, v.Scope.Asked = recipePreviews(2), dryRun("done"), "1204"
		}},
		{"dry-run-all", "Edit and replay 1,300 messages", func(v *page.JobConfirmView) {
			v.Trial.Run = page.DryRun{
				Job: "17", State: "done", Summary: "1,300 of 1,300 would change, 0 unchanged, 0 fail", By: "anna",
				At: ago(2),
			}
		}},
		{"dry-run-outdated", "", func(v *page.JobConfirmView) {
			v.Trial.Run = dryRun("done")
			v.Trial.Run.Outdated = true
		}},
		{"dry-run-masked", "", func(v *page.JobConfirmView) {
			v.Trial.Run = dryRun("done")
			v.Trial.Run.By, v.Trial.Run.Masked = "claude of anna", true
		}},
		{"dry-run-cancelled", "", func(v *page.JobConfirmView) {
			v.Trial.Run = dryRun("cancelled")
			v.Trial.Run.Summary = "504 of 1,300 would change, 30 unchanged, 6 fail, 760 not tried"
		}},
		{"dry-run-long", "", func(v *page.JobConfirmView) {
			v.Trial.Run = dryRun("done")
			v.Trial.Run.By = longWord
			for range 20 {
				v.Trial.Run.Refusals = append(v.Trial.Run.Refusals, page.DryRunGroup{
					Count: "100,000", Text: longWord, Examples: []page.MessageLink{{ID: longWord, URL: "/messages/1"}},
				})
				v.Trial.Run.Departures = append(v.Trial.Run.Departures, page.DryRunGroup{
					Count: "1", Difference: departure(longWord), Of: longWord,
				})
			}
			v.Trial.Run.Refusals = append(v.Trial.Run.Refusals, page.DryRunGroup{Count: "12", Further: true})
		}},
	}
}

// recipePreviews are so many previews: two diffs, one of a message that stays as it is, and a fault among them.
func recipePreviews(n int) (list []page.RecipePreview) {
	for i := range n {
		p := page.RecipePreview{
			Compare: compareView(), Source: "genesys", Cause: "422: customer.id is missing",
		}
		p.Compare.ID, p.Compare.After.Name = messageID(i+1), "after the change"
		switch i {
		case 1:
			p.Departures = []page.Difference{departure("customer.tier")}
		case 2:
			p.Unchanged = true
		case 3:
			p.Fault = "Operation 1: it cannot remove at /legacyField of this body."
		}
		list = append(list, p)
	}
	return list
}

func departure(path string) page.Difference {
	return page.Difference{Kind: "missing", Path: path, UsualIn: 988, There: 12, Delivered: 1000}
}

func dryRun(state string) page.DryRun {
	message := func(i int) page.MessageLink {
		return page.MessageLink{ID: messageID(i), URL: "/messages/" + messageID(i)}
	}
	return page.DryRun{
		Job:     "17",
		State:   state,
		Summary: "1,204 of 1,300 would change, 90 unchanged, 6 fail",
		Tried:   "540",
		Total:   "1300",
		By:      "anna",
		At:      ago(2),
		Refusals: []page.DryRunGroup{
			{
				Count: "4", Text: "Operation 1: it cannot remove at /legacyField of this body.",
				Examples: []page.MessageLink{message(1), message(2), message(3)},
			},
			{
				Count:    "2",
				Text:     "The body of this message is no JSON: edit it by itself.",
				Examples: []page.MessageLink{message(4)},
			},
		},
		Differing: "12 of those that would change still differ from nearly all delivered webhooks",
		Departures: []page.DryRunGroup{
			{
				Count: "9", Difference: departure("customer.tier"), Of: "genesys, v2.conversations",
				Examples: []page.MessageLink{message(5)},
			},
			{Count: "3", Difference: page.Difference{
				Kind: "type", Path: "customer.id", Value: "number", Usual: "text", UsualIn: 1000, Delivered: 1000,
			}, Of: "genesys, v2.conversations"},
		},
		Uncompared: "3 could not be compared with delivered webhooks: none of their type was sampled, or they are over 256 KiB.",
	}
}

// jobAfterDryRun is a job that was started after its dry run.
func jobAfterDryRun() page.JobView {
	v := jobOf(
		"22",
		"running",
		"Editing and replaying 1,300 messages",
		part("12 delivered", "done"),
		part("96 skipped", "warn"),
		part("1,192 to go", "plain"),
	)
	v.DryRun = "1,204 of 1,300 would change, 90 unchanged, 6 fail."
	v.Active, v.CanPause, v.CanCancel = true, true, true
	return v
}

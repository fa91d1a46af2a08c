package gallery

import (
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func suggestions() []Example {
	list := func(name string, v page.SuggestionsView) Example {
		v.Chrome = chromeOf(name, "Suggestions", "/suggestions")
		return Example{Name: "suggestions-" + name, Component: page.Suggestions(v)}
	}
	one := func(name string, change func(*page.SuggestionView)) Example {
		v := suggestedNote()
		change(&v)
		v.Chrome = chromeOf(name, v.Does, "/suggestions/12")
		return Example{Name: "suggestion-" + name, Component: page.Suggestion(v)}
	}
	mute := func(v *page.SuggestionView) {
		v.SuggestionRow, v.Note = suggestionRows()[1], ""
		v.Mute = "until 4 March 2026 10:00 UTC, or until 500 more messages fail for it"
		v.Button = "Mute"
	}
	job := func(name string, row page.SuggestionRow, change func(*page.JobConfirmView)) Example {
		draft := jobDraft()
		draft.InPage, draft.Size.Label = true, "Replay 214 messages"
		change(&draft)
		v := page.JobPageView{
			Chrome: chromeOf(name, "Job 41", "/jobs/41"), Job: jobRunning(), Confirm: &draft,
			Suggested: page.JobSuggestion{SuggestionRow: row, DismissURL: "/suggestions/14/dismiss"},
		}
		if draft.Denied != "" {
			v.Suggested.DismissURL = ""
		}
		return Example{Name: "suggestion-job-" + name, Component: page.Job(v)}
	}
	long := suggestionRows()[0]
	long.Cause, long.Why, long.By = longWord+longReason(), longWord+rtlText+longReason(), longWord
	many := make([]page.SuggestionRow, 50)
	for i := range many {
		many[i] = suggestionRows()[i%3]
	}
	return []Example{
		list("nothing", page.SuggestionsView{State: page.StateNothing}),
		list("one", page.SuggestionsView{Rows: suggestionRows()[:1]}),
		list("fifty", page.SuggestionsView{Rows: many}),
		list("long", page.SuggestionsView{Rows: []page.SuggestionRow{long}}),
		list("fault", page.SuggestionsView{
			State: page.StateFault, Fault: "The store did not respond within 5 seconds.", RetryURL: "/suggestions",
		}),
		one("note", func(*page.SuggestionView) {}),
		one("mute", mute),
		one("conflict", func(v *page.SuggestionView) {
			mute(v)
			v.Notice = ui.Notice{
				Kind: ui.Warn, Text: "Already claimed by ben 12 s ago: look at it again, then decide.",
			}
		}),
		one("started", func(v *page.SuggestionView) {
			v.Decided = page.SuggestionDecision{Word: "started", By: "ben", At: ago(2)}
		}),
		one("viewer", func(v *page.SuggestionView) { v.Decided.Denied = viewer }),
		one("expired", func(v *page.SuggestionView) {
			v.Decided.Denied = "This suggestion has expired: ask for another one."
		}),
		one("long", func(v *page.SuggestionView) {
			v.SuggestionRow, v.As = long, longWord
			v.CauseURL, v.Note = "/causes/4f2a9c6d01b7e385", longWord+"\n\n"+strings.Repeat(longReason()+"\n", 40)
		}),
		job("replay", suggestionRows()[2], func(*page.JobConfirmView) {}),
		job("viewer", suggestionRows()[2], func(v *page.JobConfirmView) { v.Denied, v.Size.Label = viewer, "" }),
		job("long", long, func(*page.JobConfirmView) {}),
	}
}

func suggestionRows() []page.SuggestionRow {
	const title, url = "422 field id is missing", "/causes/4f2a9c6d01b7e385"
	return []page.SuggestionRow{
		{
			URL: "/suggestions/12", Does: "Add a note", Cause: title, CauseURL: url, By: "claude of anna",
			Why: "All 312 messages since 10:12 lack customer.id, and the 4,100 delivered ones have it.",
			At:  ago(6), Expiry: ago(-10074),
		},
		{
			URL: "/suggestions/13", Does: "Mute the cause", Cause: title, CauseURL: url, By: "claude of anna",
			Why: "OPS-4711 says that the handler is repaired tomorrow.", At: ago(5), Expiry: ago(-10075),
		},
		{
			URL:    "/jobs/41",
			Does:   "Replay messages",
			By:     "night watch",
			Why:    "The handler takes them again since 11:05.",
			At:     ago(1),
			Expiry: ago(-10079),
		},
	}
}

func suggestedNote() page.SuggestionView {
	return page.SuggestionView{
		SuggestionRow: suggestionRows()[0],
		State:         "new",
		Failed:        "312 failed now",
		As:            "ben",
		Button:        "Add note",
		Ref:           "3",
		Note: "Since 10:12 the platform sends **no** `customer.id`.\n\n- all 312 failed messages lack it\n" +
			"- of the delivered ones, none does",
	}
}

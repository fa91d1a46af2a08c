package page

import (
	"strings"

	"dlqdesk/web/ui"
)

func galleryJobs() []Example {
	job := func(name string, v JobView) Example {
		v.To, v.Refresh = "/jobs/"+v.ID, false
		return Example{
			Name:      "job-" + name,
			Component: Job(JobPageView{Chrome: chrome("Job "+v.ID, "/jobs/"+v.ID), Job: v}),
		}
	}
	draft := func(name string, change func(*JobConfirmView)) Example {
		v := jobDraft()
		change(&v)
		return Example{
			Name: "job-draft-" + name,
			Component: Job(
				JobPageView{Chrome: chrome("Job 17", "/jobs/17"), Job: JobView{ID: "17", State: "draft"}, Confirm: &v},
			),
		}
	}
	list := func(name string, v JobsView) Example {
		v.Chrome = chrome("Jobs", "/jobs")
		return Example{Name: "jobs-" + name, Component: Jobs(v)}
	}
	held := jobRunning()
	held.Holds = galleryHolds()
	denied := jobPaused()
	denied.Denied, denied.CanHide = viewer, false
	canary := jobOf(
		"18",
		"paused",
		"Paused: Redrive 214 messages",
		part("9 sent back", "done"),
		part("1 failed", "fault"),
		part("204 to go", "plain"),
	)
	canary.Why, canary.CanResume, canary.CanCancel = "The first 10 messages are through, 1 of them failed: look at them, then resume for the other 204.", true, true
	canary.Faults = []JobFault{
		{"1", "failed", "SQS did not confirm it: the message may be on its queue.", "/messages?status=all"},
	}
	return []Example{
		job("canary", canary),
		job("held", held),
		list("many", JobsView{Rows: manyJobs(), OlderURL: "/jobs?cursor=o1"}),
		list("one", JobsView{Rows: manyJobs()[:1]}),
		list("nothing", JobsView{State: StateNothing}),
		list(
			"fault",
			JobsView{State: StateFault, Fault: "The store did not answer within 5 seconds.", RetryURL: "/jobs"},
		),
		job(
			"running",
			jobRunning(),
		),
		job("paused", jobPaused()),
		job("done", jobDone()),
		job("archived", jobArchived()),
		job("long", jobLong()),
		job("viewer", denied),
		draft("replay", func(v *JobConfirmView) {}),
		draft("held", func(v *JobConfirmView) { v.Holds = galleryHolds() }),
		draft("unknown", func(v *JobConfirmView) {
			v.Unknown, v.Unfit = "12 of them may have been processed already.", "6 of them cannot be replayed as they stand: they will be skipped."
			v.UnknownError = "12 of these messages may have been processed already: say that they are meant as well."
		}),
		draft(
			"edit",
			func(v *JobConfirmView) { v.Action, v.Edits, v.Heading = "edit", true, "Edit and replay 214 messages" },
		),
		draft("edit-faults", func(v *JobConfirmView) {
			v.Action, v.Edits, v.Heading, v.Patch = "edit", true, "Edit and replay 214 messages", "{\n  \"id\": \n}"
			v.PatchError = ui.FieldError{
				Text:   "this is not valid JSON: invalid character '}' looking for beginning of value",
				Line:   3,
				Column: 1,
			}
			v.ReasonError = "Say why: the reason is kept with each message."
		}),
		draft("redrive", func(v *JobConfirmView) {
			v.Action, v.Heading, v.Canary, v.Rate = "redrive", "Redrive 214 messages", "10", "50"
			v.Unfit = "6 of them cannot be redriven as they stand: they will be skipped."
		}),
		draft("pace-faults", func(v *JobConfirmView) {
			v.Canary, v.CanaryError = "900", "The first messages to try must be a number up to 214, which are all."
			v.Rate, v.RateError = "fast", "The rate must be a number of messages per second up to 10000."
		}),
		draft(
			"archive",
			func(v *JobConfirmView) { v.Action, v.Delivers, v.Heading = "archive", false, "Archive 214 messages" },
		),
		draft("viewer", func(v *JobConfirmView) { v.Denied = viewer }),
		draft("none", func(v *JobConfirmView) {
			v.Heading, v.Set, v.Oldest, v.Newest = "Replay 0 messages", "0 messages", ui.Moment{}, ui.Moment{}
			v.Denied = "No message matches any more: there is nothing to do."
		}),
	}
}

func galleryHolds() Holds {
	return Holds{
		List: []Hold{
			{Source: "genesys", State: OutageDown, At: ago(73)},
			{Source: "cxone", State: OutagePaused, At: ago(-9)},
			{Source: longWord, State: OutageReleasing, At: ago(1), Rate: "20"},
		},
		More: "And 12 more destinations",
	}
}

func jobDraft() JobConfirmView {
	return JobConfirmView{
		ID:       "17",
		Action:   "replay",
		Heading:  "Replay 214 messages",
		Set:      "214 messages",
		Oldest:   ago(168),
		Newest:   ago(122),
		InPage:   true,
		Delivers: true,
		Late: JobLateView{
			URL:  "/jobs/17/late",
			Text: "6 that arrived since are not included.",
		},
		MessagesURL: "/messages?status=all&job=17",
		Back:        listQuery,
	}
}

func jobOf(id, state, title string, parts ...JobPart) JobView {
	return JobView{
		ID:          id,
		State:       state,
		Title:       title,
		Parts:       parts,
		Settled:     "124",
		Total:       "214",
		To:          "/messages",
		By:          "anna",
		Started:     ago(2),
		Messages:    "214 messages",
		MessagesURL: "/messages?status=all&job=" + id,
		FilterURL:   "/messages?" + listQuery,
	}
}

func part(text, tone string) JobPart {
	return JobPart{text, tone, "/messages?status=all&job=17&result=" + tone}
}

func jobRunning() JobView {
	v := jobOf(
		"17",
		"running",
		"Replaying 214 messages",
		part("120 delivered", "done"),
		part("3 failed", "fault"),
		part("1 skipped", "warn"),
		part("8 in flight", "plain"),
		part("82 to go", "plain"),
	)
	v.CanPause, v.CanCancel = true, true
	return v
}

func jobPaused() JobView {
	v := jobOf("16", "paused", "Paused: Replay 214 messages", part("120 delivered", "done"), part("94 to go", "plain"))
	v.Why, v.CanResume, v.CanCancel = "Ben is no user any more: somebody else must resume it.", true, true
	return v
}

func jobDone() JobView {
	v := jobOf(
		"15",
		"done",
		"Replayed 214 messages",
		part("208 delivered", "done"),
		part("3 failed", "fault"),
		part("3 skipped", "warn"),
	)
	v.Ended, v.CanHide, v.Refresh = ago(1), true, true
	v.Again, v.AgainLabel, v.FailedQuery = "replay", "Replay what failed", "job=15&result=failed&status=failed"
	v.Faults = []JobFault{
		{
			"2",
			"failed",
			"The handler answered 422: field id is missing in conversation.participants[1].",
			"/messages?status=all",
		},
		{"1", "failed", "No answer within 10s: the handler may have processed it.", "/messages?status=all"},
		{"3", "skipped", "Replayed by ben in the meantime.", "/messages?status=all"},
	}
	return v
}

func jobArchived() JobView {
	v := jobOf("14", "done", "Archived 214 messages", part("214 archived", "done"))
	v.Ended, v.CanUndo, v.CanHide, v.Reason = ago(1), true, true, "duplicate of ticket 4711"
	return v
}

func jobLong() JobView {
	v := jobDone()
	v.By, v.Reason, v.Patch, v.FilterURL = longWord, longReason(), `{"`+longWord+`":"`+longWord+`"}`, ""
	v.Title, v.State, v.CanUndo, v.UndoneURL = "Cancelled: Edit and replay 100,000 messages", "cancelled", true, "/jobs/18"
	v.Parts = []JobPart{
		part("88,208 delivered", "done"),
		part("1,203 failed", "fault"),
		part("311 skipped", "warn"),
		part("10,278 left as they were", "plain"),
	}
	v.Faults = nil
	for _, text := range []string{longReason(), rtlText, emoji, longWord, strings.Repeat(longWord, 3)} {
		v.Faults = append(v.Faults, JobFault{"10,000", "skipped", text, "/messages?status=all"})
	}
	return v
}

func manyJobs() []JobView {
	var rows []JobView
	for range 8 {
		rows = append(rows, jobRunning(), jobPaused(), jobDone(), jobArchived(), jobLong())
	}
	return rows
}

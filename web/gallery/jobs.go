package gallery

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func jobs() []Example {
	job := func(name string, v page.JobView) Example {
		v.ReturnTo, v.Refresh = "/jobs/"+v.ID, false
		return Example{
			Name: "job-" + name,
			Component: page.Job(page.JobPageView{
				Chrome: chrome("Job "+v.ID, "/jobs/"+v.ID), Job: v, Link: "https://desk.example.com/jobs/" + v.ID,
			}),
		}
	}
	draft := func(name string, change func(*page.JobConfirmView)) Example {
		v := jobDraft()
		change(&v)
		v.Size.Action, v.Size.Asked = v.Action, v.Scope.Asked
		if v.Denied == "" {
			v.Size.Label = cmp.Or(v.Size.Label, v.Heading)
		}
		return Example{
			Name: "job-draft-" + name,
			Component: page.Job(
				page.JobPageView{
					Chrome:  chrome("Job 17", "/jobs/17"),
					Job:     page.JobView{ID: "17", State: "draft"},
					Confirm: &v,
				},
			),
		}
	}
	list := func(name string, v page.JobsView) Example {
		v.Chrome = chromeOf(name, "Jobs", "/jobs")
		return Example{Name: "jobs-" + name, Component: page.Jobs(v)}
	}
	waiting := jobRunning()
	waiting.Limits = manyLimits()
	denied := jobPaused()
	denied.Denied, denied.CanHide = viewer, false
	halted := jobOf(
		"19", "paused", "Paused: Replay 1,204 messages", part("8 delivered", "done"), part("3 failed", "fault"),
		part("1,193 to go", "plain"),
	)
	halted.WaitReason = "Halted at step 2 of 4 (10 messages): 3 of 11 results failed, more than 20 %. Look at the " +
		"errors, then resume with the messages that are left, or cancel."
	halted.Steps, halted.Events = steps("done", "halted", "left", "left"), jobEvents()
	halted.Sequence, halted.Pace = "Random", page.JobPace{Rate: "50"}
	halted.CanResume, halted.CanCancel, halted.CanPace = true, true, true
	halted.Problems = []page.JobProblem{
		{Count: "3", State: "failed", Text: "422: customer.id is missing", URL: "/messages?status=all"},
	}
	stepping := jobRunning()
	stepping.Left = "About 2m left at 41 a second"
	stepping.Step, stepping.Sequence = "Step 3 of 4 (100 messages)", "Oldest first"
	stepping.Steps, stepping.Events = steps("done", "done", "running", "left"), jobEvents()[2:]
	stepping.Limits.List = []page.JobLimit{jobLimits()["step"]}
	stepping.CanPace, stepping.Pace.Concurrency = true, "8"
	cancelled := jobOf(
		"20",
		"cancelled",
		"Cancelled: Replay 226 messages",
		part("11 delivered", "done"),
		part("215 not processed", "plain"),
	)
	cancelled.Steps = steps("done", "done", "cancelled", "cancelled")
	cancelled.RetryAction, cancelled.RetryLabel, cancelled.FailedQuery = "replay", "Replay the 215 left", "job=20"
	scheduled := jobOf("21", "scheduled", "Scheduled: Replay 1,204 messages", part("1,204 to go", "plain"))
	scheduled.Begins, scheduled.CanBegin, scheduled.CanCancel = ago(-540), true, true
	scheduled.Steps, scheduled.Sequence = steps("left", "left", "left", "left"), "Oldest first"
	testBatch := jobOf(
		"18", "paused", "Paused: Redrive 214 messages", part("9 redriven", "done"), part("1 failed", "fault"),
		part("204 waiting", "plain"),
	)
	testBatch.WaitReason = "Step 1 of 2 (10 messages) finished, 1 of its messages failed: check the results, then resume " +
		"for the other 204."
	testBatch.Steps = []page.JobStep{
		{Messages: "10 messages", State: "done"},
		{Messages: "204 messages", State: "paused"},
	}
	testBatch.AsksSteps = true
	testBatch.CanResume = true
	testBatch.CanCancel = true
	testBatch.Problems = []page.JobProblem{
		{
			Count: "1",
			State: "failed",
			Text:  "SQS did not confirm the redrive: the message may be back on its queue.",
			URL:   "/messages?status=all",
		},
	}
	edited := jobDone()
	edited.Patch = `{"urgent":true}`
	edited.PatchKind = "Merge patch"
	edited.Samples = []page.CompareView{compareView(), compareView()}
	edited.Samples[1].ID, edited.Samples[1].Masked = longWord, false
	halted.Plot, stepping.Plot = jobPlot(3, 0.27), jobPlot(60, 0.04)
	for _, v := range []*page.JobView{&halted, &stepping} {
		v.EventsURL = "/audit?job=" + v.ID
	}
	examples := []Example{
		job("test-batch", testBatch),
		job("halted", halted),
		job("scheduled", scheduled),
		job("edited", edited),
		job("stepping", stepping),
		job("cancelled", cancelled),
		job("limits", waiting),
		list("many", page.JobsView{Rows: manyJobs(), OlderURL: "/jobs?cursor=o1"}),
		list("one", page.JobsView{
			Rows: manyJobs()[:1], RulesOff: rulesSwitchedOff(), Suggested: suggestionRows(),
		}),
		list("nothing", page.JobsView{State: page.StateNothing}),
		list(
			"fault",
			page.JobsView{
				State:    page.StateFault,
				Fault:    "The store did not respond within 5 seconds.",
				RetryURL: "/jobs",
			},
		),
		job("running", jobRunning()),
		job("dry-run", jobAfterDryRun()),
		job("paused", jobPaused()),
		job("done", jobDone()),
		job("archived", jobArchived()),
		job("long", jobLong()),
		job("viewer", denied),
		draft("replay", func(v *page.JobConfirmView) {}),
		draft("many", func(v *page.JobConfirmView) {
			v.Heading, v.Messages, v.Scope = "Replay 1,204 messages", "1,204 messages", manyScope()
			v.Steps, v.Sequence = "1, 10, 100", "oldest"
		}),
		draft("count-fault", func(v *page.JobConfirmView) {
			v.Heading, v.Messages, v.Scope = "Replay 1,204 messages", "1,204 messages", manyScope()
			v.Size.Count, v.Size.CountError = "12", "This sends 1204 messages: enter that number to confirm."
		}),
		draft("limits", func(v *page.JobConfirmView) { v.Limits = manyLimits() }),
		draft("unknown", func(v *page.JobConfirmView) {
			v.Unknown = "12"
			v.Skipped = "6 of them cannot be replayed as they stand and will be skipped: 4 resolved, 2 archived."
			v.UnknownError = "12 of these messages may already have been processed. Tick the box to include them."
		}),
		draft("order", func(v *page.JobConfirmView) {
			v.Order = page.JobOrder{Thing: "conversation", Overtaken: "12", Choice: "skip"}
		}),
		draft("order-faults", func(v *page.JobConfirmView) {
			v.Order = page.JobOrder{
				Thing:     longWord,
				Overtaken: "1,204",
				Error: "Newer events than 1,204 of these messages " +
					"were delivered: choose whether to skip those messages, to ask at each, or to send them.",
			}
		}),
		job("order", jobAsksOrder()),
		job("skips", jobSkips()),
		draft(
			"edit",
			func(v *page.JobConfirmView) {
				v.Action, v.Edits, v.Heading = "edit", true, "Edit and replay 214 messages"
			},
		),
		draft("edit-jq", func(v *page.JobConfirmView) {
			v.Action, v.Edits, v.Heading = "edit", true, "Edit and replay 214 messages"
			v.Recipe = page.JobRecipe{
				Kind:       "jq",
				Text:       ".customer.id = $table[.conversationId].customer",
				Table:      "conversation,customer\nc-1,4711\nc-1",
				TableError: "The table cannot be read: line 3, column 1: wrong number of fields.",
			}
		}),
		draft("edit-faults", func(v *page.JobConfirmView) {
			v.Action, v.Edits, v.Heading, v.Recipe.Text = "edit", true, "Edit and replay 214 messages", "{\n  \"id\": \n}"
			v.Recipe.Error = "This is not valid JSON: line 3, column 1: invalid character '}' at start of value."
			v.ReasonError = "Enter a reason. It is kept with each message."
		}),
		draft("redrive", func(v *page.JobConfirmView) {
			v.Action, v.Heading, v.Steps, v.AskSteps = "redrive", "Redrive 214 messages", "10", true
			v.Pace = page.JobPace{Rate: "50", Redrives: true}
			v.Skipped = "6 of them cannot be redriven as they stand and will be skipped: 4 resolved, 2 archived."
		}),
		draft("pace-faults", func(v *page.JobConfirmView) {
			v.Begins, v.BeginsError = "2026-03-02T09:00", "A job can begin in up to 30 days from now: choose another time, "+
				"or start it now."
			v.Steps, v.StepsError = "900", "The steps must be up to 10 numbers from 1 to 1000, such as 1, 10, 100, and "+
				"together no more than the 214 messages of the job."
			v.Pace = page.JobPace{
				Rate:             "fast",
				RateError:        "The rate must be a number of messages per second up to 10000.",
				Concurrency:      "many",
				ConcurrencyError: "The concurrency must be a number of deliveries at once up to 1000.",
			}
		}),
		draft(
			"archive",
			func(v *page.JobConfirmView) {
				v.Action, v.Delivers, v.Heading = "archive", false, "Archive 214 messages"
			},
		),
		draft("viewer", func(v *page.JobConfirmView) { v.Denied = viewer }),
		draft("none", func(v *page.JobConfirmView) {
			v.Heading, v.Messages, v.Oldest, v.Newest = "Replay 0 messages", "0 messages", ui.Moment{}, ui.Moment{}
			v.Denied = "No messages match now."
		}),
	}
	for _, trial := range trials() {
		examples = append(examples, draft("edit-"+trial.name, func(v *page.JobConfirmView) {
			v.Action, v.Edits, v.Heading, v.Messages = "edit", true, "Edit and replay 1,300 messages", "1,300 messages"
			v.Recipe.Text, v.Size.Label = "{\n  \"urgent\": true\n}", trial.label
			trial.change(v)
			v.Trial.ID = v.ID
		}))
	}
	limits := jobLimits()
	for _, kind := range slices.Sorted(maps.Keys(limits)) {
		held := jobRunning()
		held.Limits.List = []page.JobLimit{limits[kind]}
		examples = append(examples, job("limit-"+kind, held))
	}
	return examples
}

// manyScope is what a draft for several destinations and causes would do.
func manyScope() page.JobScope {
	return page.JobScope{
		Targets: []page.JobTarget{
			{Source: "genesys", Destination: "https://crm.internal.example/hooks/genesys", Messages: "1,180"},
			{Source: longWord, Destination: "https://crm.internal.example/" + longWord, Messages: "24"},
		},
		Causes: []page.JobScopeCause{
			{
				URL:      "/causes/1",
				Title:    "500 NullPointerException: order is null in OrderMapper.toCrm",
				Messages: "1,100",
				Replays: []page.ReplayResult{
					{Delivered: "0", Tried: "20", How: "as they were", Tone: "fault"},
					{Delivered: "214", Tried: "214", How: "after “add id”", Tone: "done"},
				},
			},
			{URL: "/causes/2", Title: longWord, Messages: "104"},
		},
		MoreCauses: "And 12 more causes",
		Takes:      "About 3m at 7 a second.",
		Asked:      "1204",
	}
}

// jobLimits has one of each kind.
func jobLimits() map[string]page.JobLimit {
	return map[string]page.JobLimit{
		"breaker":     {Kind: page.LimitBreaker, Source: "genesys", At: ago(73)},
		"pause":       {Kind: page.LimitPause, Source: "cxone", At: ago(-9)},
		"step":        {Kind: page.LimitStep, Messages: "10 messages"},
		"job-rate":    {Kind: page.LimitJobRate, Messages: "4"},
		"rate-limit":  {Kind: page.LimitRateLimit, Source: "payments", Messages: "7.5"},
		"ramp":        {Kind: page.LimitRamp, Source: "genesys", Messages: "160"},
		"concurrency": {Kind: page.LimitConcurrency, Source: "orders", Messages: "24 messages"},
	}
}

// manyLimits are those of a job with messages for many destinations.
func manyLimits() page.JobLimits {
	all := jobLimits()
	long := all["ramp"]
	long.Source = longWord
	return page.JobLimits{
		List: []page.JobLimit{all["breaker"], all["pause"], all["rate-limit"], long, all["concurrency"]},
		More: "And 12 more destinations",
	}
}

func breakerNotice() page.BreakerNotice {
	return page.BreakerNotice{Source: "genesys", State: page.BreakerOpen, At: ago(73)}
}

func jobDraft() page.JobConfirmView {
	return page.JobConfirmView{
		ID:       "17",
		Action:   "replay",
		Heading:  "Replay 214 messages",
		Messages: "214 messages",
		Oldest:   ago(168),
		Newest:   ago(122),
		InPage:   true,
		Delivers: true,
		NewMatches: page.NewMatchesView{
			URL:  "/jobs/17/new-matches",
			Text: "6 new messages since you selected are not included.",
		},
		Signatures: []string{
			"genesys: the handler may refuse messages received over 4 min ago, and edited ones, because their " +
				"signatures are those of the originals.",
			"payments: messages received over 4 min ago will be signed anew.",
		},
		MessagesURL: "/messages?status=all&job=17",
		Back:        listQuery,
	}
}

func jobOf(id, state, title string, parts ...page.JobPart) page.JobView {
	return page.JobView{
		ID:          id,
		State:       state,
		Title:       title,
		Parts:       parts,
		Finished:    "124",
		Total:       "214",
		ReturnTo:    "/messages",
		By:          "anna",
		Started:     ago(2),
		Messages:    "214 messages",
		MessagesURL: "/messages?status=all&job=" + id,
		FilterURL:   "/messages?" + listQuery,
	}
}

func part(text, tone string) page.JobPart {
	return page.JobPart{Text: text, Tone: tone, URL: "/messages?status=all&job=17&result=" + tone}
}

func jobRunning() page.JobView {
	v := jobOf(
		"17", "running", "Replaying 214 messages", part("120 delivered", "done"), part("3 failed", "fault"),
		part("1 skipped", "warn"), part("8 in flight", "plain"), part("82 waiting", "plain"),
	)
	v.CanPause, v.CanCancel = true, true
	return v
}

func jobPaused() page.JobView {
	v := jobOf("16", "paused", "Paused: Replay 214 messages", part("120 delivered", "done"), part("94 to go", "plain"))
	v.WaitReason, v.CanResume, v.CanCancel = "Ben is no longer a user: another operator must resume it.", true, true
	return v
}

func jobAsksOrder() page.JobView {
	v := jobPaused()
	v.AsksOrder, v.Order = true, "Pauses at messages that come too late for their conversation"
	v.WaitReason = "Message 0190c1a2-7b3d-7c4e-8f5a-6b7c8d9e0f12: 3 newer events of this conversation were delivered. " +
		"Resume to skip such messages, or to send them."
	return v
}

func jobSkips() page.JobView {
	v := jobOf("14", "done", "Replayed 214 messages", part("202 delivered", "done"), part("12 skipped", "warn"))
	v.Order = "Skips messages that come too late for their conversation"
	v.Problems = []page.JobProblem{
		{
			Count: "9",
			State: "skipped",
			Text:  "3 newer events of this conversation were delivered.",
			URL:   "/messages?job=14",
		},
		{
			Count: "3",
			State: "skipped",
			Text:  "An older event of this conversation is in this job and was not delivered.",
		},
	}
	return v
}

func jobDone() page.JobView {
	v := jobOf(
		"15", "done", "Replayed 214 messages", part("208 delivered", "done"), part("3 failed", "fault"),
		part("3 skipped", "warn"),
	)
	v.Ended, v.CanHide, v.Refresh = ago(1), true, true
	v.Causes = []page.JobCause{
		{URL: "/causes/c1", Title: "503 upstream is restarting", Parts: []page.JobPart{part("208 done", "done")}},
		{URL: "/causes/c2", Title: "422 field id is missing in conversation.participants[1]", Parts: []page.JobPart{
			part("3 failed", "fault"), part("3 skipped", "warn"),
		}},
	}
	v.RetryAction, v.RetryLabel, v.FailedQuery = "replay", "Replay failed messages",
		"job=15&result=failed&status=failed"
	v.Problems = []page.JobProblem{
		{
			Count: "2",
			State: "failed",
			Text:  "422 field id is missing in conversation.participants[1].",
			URL:   "/messages?status=all",
		},
		{
			Count: "1",
			State: "failed",
			Text:  "No response within 10s: the destination may have processed it.",
			URL:   "/messages?status=all",
		},
		{Count: "3", State: "skipped", Text: "Replayed by ben in the meantime.", URL: "/messages?status=all"},
	}
	v.Plot = donePlot()
	return v
}

// donePlot is the plot of a job of 214 messages in growing steps.
func donePlot() page.JobPlot {
	v := page.JobPlot{
		Summary: "208 delivered, 3 failed and 3 skipped in 50 s, 6.8 a second at most.", Done: "delivered",
		Width: "5 s", Top: "10 a second", Half: "5 a second", Middle: "25 s", End: "50 s",
		Marks: []page.JobMark{
			{Kind: "step", Text: "Step 2 of 4 (10 messages) began", At: 0.1},
			{Kind: "step", Text: "Step 3 of 4 (100 messages) began", At: 0.2},
			{Kind: "step", Text: "Step 4 of 4 (103 messages) began", At: 0.6},
		},
	}
	failed, skipped := map[int]int{3: 1, 6: 2}, map[int]int{7: 3}
	for i, done := range []int{1, 10, 18, 25, 28, 28, 20, 31, 33, 14} {
		n := func(count int) (text string, height float64) { return strconv.Itoa(count), float64(count) / 50 }
		bar := page.JobBar{From: strconv.Itoa(i*5) + " s"}
		bar.Rate = fmt.Sprintf("%.1f a second", float64(done+failed[i]+skipped[i])/5)
		bar.Done, bar.Heights[0] = n(done)
		bar.Failed, bar.Heights[1] = n(failed[i])
		bar.Skipped, bar.Heights[2] = n(skipped[i])
		v.Bars = append(v.Bars, bar)
	}
	for _, m := range v.Marks {
		i := int(m.At * float64(len(v.Bars)))
		v.Bars[i].Moments = append(v.Bars[i].Moments, m.Text)
	}
	return v
}

func jobArchived() page.JobView {
	v := jobOf("14", "done", "Archived 214 messages", part("214 archived", "done"))
	v.Ended, v.CanUndo, v.CanHide, v.Reason = ago(1), true, true, "duplicate of ticket 4711"
	return v
}

func jobLong() page.JobView {
	v := jobDone()
	v.Causes[1].Title = "422 " + longWord
	v.By, v.Reason, v.Patch, v.FilterURL = longWord, longReason(), `{"`+longWord+`":"`+longWord+`"}`, ""
	v.PatchKind = "Merge patch"
	v.Title = "Cancelled: Edit and replay 100,000 messages"
	v.State = "cancelled"
	v.CanUndo = true
	v.UndoneURL = "/jobs/18"
	v.Parts = []page.JobPart{
		part("88,208 delivered", "done"), part("1,203 failed", "fault"), part("311 skipped", "warn"),
		part("10,278 not processed", "plain"),
	}
	v.Problems = nil
	for _, text := range []string{longReason(), rtlText, emoji, longWord, strings.Repeat(longWord, 3)} {
		v.Problems = append(v.Problems, page.JobProblem{
			Count: "10,000+", State: "skipped", Text: text, URL: "/messages?status=all",
		})
	}
	v.MoreProblems = "and 3 more"
	return v
}

func manyJobs() []page.JobView {
	var rows []page.JobView
	for range 8 {
		rows = append(rows, jobRunning(), jobPaused(), jobDone(), jobArchived(), jobLong())
	}
	return rows
}

// steps are those of a job of 1,204 messages in these states.
func steps(states ...string) (list []page.JobStep) {
	for i, messages := range []string{"1 message", "10 messages", "100 messages", "1,093 messages"} {
		list = append(list, page.JobStep{Messages: messages, State: states[i]})
	}
	return list
}

func jobEvents() []page.AuditRow {
	return []page.AuditRow{
		{
			At:       ago(2),
			System:   true,
			Actor:    "dlqdesk",
			Sentence: "paused this job",
			Reason: "halted at step 2 of 4 (10 messages): 3 of 11 results failed, more than 20 %. Look at the errors, then " +
				"resume with the messages that are left, or cancel",
		},
		{At: ago(3), Actor: "anna", Sentence: "changed the pace of this job"},
		{At: ago(4), System: true, Actor: "dlqdesk", Sentence: "began the next step of this job"},
		{At: ago(5), Actor: longWord, Sentence: "started this job"},
	}
}

// jobPlot is the plot of a job with that many bars, of whose messages such a part failed.
func jobPlot(bars int, failed float64) page.JobPlot {
	v := page.JobPlot{
		Summary: "1,204 delivered, 90 failed and 6 skipped in 5 min, 48 a second at most.", Done: "delivered",
		Width: "5 s", Top: "60 a second", Half: "30 a second", Middle: "2 min 30 s", End: "5 min",
	}
	for i := range bars {
		height := 0.4 + 0.4*float64(i*7%11)/11
		bar := page.JobBar{
			From: strconv.Itoa(i*5) + " s", Rate: "24 a second", Done: "110", Failed: "8", Skipped: "2",
			Heights: [3]float64{height * (1 - failed), height * failed, 0.02},
		}
		if i%9 == 4 {
			bar = page.JobBar{From: bar.From, Rate: "0 a second", Done: "0", Failed: "0", Skipped: "0"}
		}
		v.Bars = append(v.Bars, bar)
	}
	mark := func(kind, text string, at float64) {
		v.Marks = append(v.Marks, page.JobMark{Kind: kind, Text: text, At: at})
		bar := &v.Bars[min(bars-1, int(at*float64(bars)))]
		bar.Moments = append(bar.Moments, text)
	}
	mark("step", "Step 2 of 4 (10 messages) began\nStep 3 of 4 (100 messages) began", 0.01)
	mark("pause", "Paused by "+longWord, 0.3)
	mark("resume", "Resumed by anna", 0.36)
	mark("pace", "Pace set by anna: 50 a second at most", 0.6)
	mark("halt", "Halted at step 2 of 4 (10 messages): 3 of 11 results failed, more than 20 %.", 1)
	return v
}

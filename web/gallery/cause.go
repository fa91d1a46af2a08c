package gallery

import (
	"encoding/json"
	"strconv"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// cause shows the page of one cause.
func cause() []Example {
	example := func(name string, change func(*page.CauseView)) Example {
		v := causeOf()
		change(&v)
		v.Chrome = chromeOf(name, "500 NullPointerException: order is null", page.CauseURL(v.Head.Fingerprint))
		return Example{Name: "cause-" + name, Component: page.CausePage(v)}
	}
	return []Example{
		example("many", func(v *page.CauseView) { v.Suggested = suggestionRows()[:1] }),
		example("one", func(v *page.CauseView) {
			v.Presence, v.Trend.Marks, v.Notes.List, v.Tried = nil, nil, nil, page.CauseTried{}
			v.Recipes = page.CauseRecipes{}
			v.Head.State, v.Head.Since = "new", ago(12)
			v.Head.Failed, v.Head.Retrying, v.Head.Ever = link("1"), page.Count{Text: "0"}, "1"
			v.Head.First, v.Head.Last, v.Head.Arriving = ago(12), ago(12), ""
			v.Head.Ticket, v.Head.Owner, v.Head.OwnedUntil = page.Ticket{}, "", ui.Moment{}
			v.Head.Actions.Messages, v.Head.Mine = "1 message", false
			v.Head.Next = page.NextStep{Text: "Nothing was tried yet. Look at the message, then replay it."}
			v.Sample = page.CauseSample{}
			v.Trend.Steps, v.Trend.Plot = v.Trend.Steps[:1], oneFailure()
			v.Affected.Count, v.Affected.Most.More = "1", ""
			v.Affected.Most.Values = []page.CauseValue{
				{Text: "5d0d1c7e-11aa-4c3b-9c55-6a7b8c9d0e1f", Count: "1", Share: 100},
			}
			v.Differences = oneMessage()
			v.Differences.OneMessage, v.Differences.NearestURL, v.Differences.PasteURL = false, "", ""
			v.Examples = v.Examples[:1]
			v.Examples[0].Names, v.Examples[0].Why = []string{"First", "Latest"}, "The one message of this cause."
		}),
		example("nothing", func(v *page.CauseView) { // no message is left
			none := page.Count{Text: "0"}
			v.Head.State, v.Head.Since = "resolved", ago(600)
			v.Head.Failed, v.Head.Retrying, v.Head.Arriving = none, none, ""
			v.Head.Actions = deniedCause("No message of this cause is failed or retrying.")
			v.Head.Actions.DenyClaim, v.Head.Actions.DenyMute, v.Head.Actions.DenyKnown = "", "", ""
			v.Head.Next = page.NextStep{Text: "Nothing is open. If it fails again, it is shown as regressed."}
			v.Examples, v.Sample, v.Presence = nil, page.CauseSample{}, nil
		}),
		example("from-alert-test", func(v *page.CauseView) { v.Head.Opened, v.Head.Batch = "test", "1 message" }),
		example("from-alert-claim", func(v *page.CauseView) { v.Head.Opened, v.Head.Mine = "claim", false }),
		example("from-alert-mute", func(v *page.CauseView) { v.Head.Opened = "mute" }),
		example("from-alert-denied", func(v *page.CauseView) {
			v.Head.Opened, v.Head.Actions = "test", deniedCause(viewer)
		}),
		example("rules", func(v *page.CauseView) {
			v.Head.Rules = append(rulesSwitchedOff(),
				page.RuleNote{Name: "again after restarts", URL: "/rules/1", State: "on"},
				page.RuleNote{Name: longWord, URL: "/rules/2", State: "shadow"})
			v.Head.Actions.RuleURL = "/rules/new?cause=4f2a9c6d01b7e385"
		}),
		example("fifty", func(v *page.CauseView) {
			for len(v.Notes.List) < 50 {
				n := v.Notes.List[len(v.Notes.List)%2]
				n.ID, n.EditURL, n.Earlier = strconv.Itoa(len(v.Notes.List)+1), "", nil
				v.Notes.List = append(v.Notes.List, n)
			}
			for len(v.Tried.Jobs) < 20 {
				v.Tried.Jobs = append(v.Tried.Jobs, v.Tried.Jobs[len(v.Tried.Jobs)%2])
			}
			for len(v.Trend.Marks) < 50 {
				v.Trend.Marks = append(v.Trend.Marks, v.Trend.Marks[len(v.Trend.Marks)%4])
			}
			v.Recipes = page.CauseRecipes{List: causeRecipes(5), AllURL: "/recipes?cause=1", More: "All 50 recipes"}
			v.Notes.Older, v.Tried.More = "12 older notes", "The newest 20 jobs are shown."
		}),
		{Name: "cause-fault", Component: page.Error(page.ErrorView{
			Chrome: chrome("Unavailable", page.CauseURL("4f2a9c6d01b7e385")), Status: "503", Heading: "Unavailable",
			Text: "This took too long: try again in a moment.", RequestID: "01JQ7W3N9V",
			RetryURL: page.CauseURL("4f2a9c6d01b7e385"),
		})},
		{Name: "cause-missing", Component: page.Error(page.ErrorView{
			Chrome: chrome("Not found", page.CauseURL("4f2a9c6d01b7e385")), Status: "404", Heading: "Not found",
			Text: "There is no such cause.",
		})},
		example("long", longCause),
		example("viewer", func(v *page.CauseView) {
			v.Head.Actions = deniedCause(viewer)
			v.Head.Actions.DenyNote = viewer
			for i := range v.Notes.List {
				v.Notes.List[i].EditURL = ""
			}
		}),
		example("muted", func(v *page.CauseView) {
			v.Head.State, v.Head.Since = "muted", ago(90)
			v.Head.MutedUntil, v.Head.MutedFor = ago(-600), []string{"after 1,000 more"}
		}),
		example("claimed-by-other", func(v *page.CauseView) {
			v.Head.Owner, v.Head.Mine = "jo", false
			v.Head.Actions.DenyClaim = "Claimed by jo until 18:00: ask jo to release it."
		}),
		example("known", func(v *page.CauseView) {
			v.Head.State, v.Head.Since = "known", ago(300)
			v.Head.Owner, v.Head.OwnedUntil, v.Head.Mine = "", ui.Moment{}, false
		}),
		example("resolved", func(v *page.CauseView) {
			none := page.Count{Text: "0"}
			v.Head.State, v.Head.Since = "resolved", ago(20)
			v.Head.Failed, v.Head.Retrying, v.Head.Arriving = none, none, ""
			denied := deniedCause("No message of this cause is failed or retrying.")
			a := &v.Head.Actions
			a.DenyReplay, a.DenyEdit, a.DenyArchive = denied.DenyReplay, denied.DenyEdit, denied.DenyArchive
			v.Head.Next = page.NextStep{Text: "Nothing is open. If it fails again, it is shown as regressed."}
		}),
		example("regressed", func(v *page.CauseView) {
			v.Head.State, v.Head.Since = "regressed", ago(4)
			v.Head.Owner, v.Head.OwnedUntil, v.Head.Mine = "", ui.Moment{}, false
			v.Head.Next = page.NextStep{
				Text: "It came back after it was resolved: see what was tried then.",
				URL:  "#cause-tried", Link: "What was tried",
			}
		}),
		example("refused", func(v *page.CauseView) {
			v.Head.Notice = ui.Notice{
				Kind: ui.Warn, Text: "jo claimed this cause 3 s ago.", Hint: "You changed nothing.",
			}
			v.Head.Ticket, v.Head.Actions.KnownValue = page.Ticket{}, "https://elsewhere.example/1"
			v.Head.Actions.KnownError = "This is no link of the tracker: type the id of the ticket, or a link that " +
				"begins with https://tracker.example/browse/."
			v.Notes.Text, v.Notes.Error = "a", "The note is too long: shorten it to 10,000 characters."
		}),
		{Name: "cause-panel", Component: page.CausePanel(causeOf().Head), Partial: true},
	}
}

func deniedCause(why string) page.CauseActions {
	return page.CauseActions{
		DenyReplay: why, DenyEdit: why, DenyArchive: why, DenyClaim: why, DenyMute: why, DenyKnown: why,
		DenyGroup: why,
	}
}

// causeOf is a cause with a history: claimed, with a ticket, replayed as it was and after an edit.
func causeOf() page.CauseView {
	return page.CauseView{
		BackURL: "/causes",
		LiveURL: "/live?only=cause&cause=4f2a9c6d01b7e385&after=812",
		Presence: []page.CausePresence{
			{User: "jo", Edits: 1}, {User: "kim"},
		},
		Head: page.CauseHead{
			Fingerprint: "4f2a9c6d01b7e385",
			Version:     "3",
			Since:       ago(41),
			CauseStanding: page.CauseStanding{
				State: "claimed", Owner: "anna", Mine: true, OwnedUntil: ago(-199),
				Ticket: page.Ticket{ID: "OPS-4711", URL: "https://tracker.example/browse/OPS-4711"},
			},
			Title:       "500 NullPointerException: order is null in OrderMapper.toCrm",
			Source:      "genesys",
			Destination: "handler.internal:9090",
			Failed:      link("214"),
			Retrying:    link("31"),
			Ever:        "1,204",
			First:       ago(60 * 30),
			Last:        ago(2),
			Arriving:    "12 in the last hour",
			Next: page.NextStep{
				Text: page.StepText("edit", "214", "31"), URL: "#cause-tried", Link: "What was tried",
			},
			Actions: page.CauseActions{
				Messages: "214 messages", EditOneURL: "/messages/a/edit",
				MergeURL: "/causes/4f2a9c6d01b7e385/merge", SplitURL: "/causes/4f2a9c6d01b7e385/split",
				OpenTicketURL: "https://tracker.example/new?title=500",
			},
		},
		Trend:  causeTrendOf(),
		Sample: causeSampleOf(),

		Affected:    affectedOf(),
		Differences: differencesView(),
		Examples:    causeExamplesOf(),
		Tried: page.CauseTried{
			Replays: []page.ReplayResult{
				{Tried: "20", Delivered: "0", How: "as they were", Tone: ui.Fault},
				{Tried: "214", Delivered: "214", Share: 100, How: "after “add id”", Tone: ui.Done},
			},
			Jobs: []page.CauseJob{
				{
					ID:      "31",
					URL:     "/jobs/31",
					Action:  "Edit and replay of 214 messages",
					By:      "anna",
					Started: ago(35),
					Reason:  "add id",
					Parts:   []page.JobPart{{Text: "214 delivered", Tone: ui.Done, URL: "/messages?job=31"}},
				},
				{
					ID: "30", URL: "/jobs/30", Action: "Replay of 20 messages", By: "jo", Started: ago(51),
					Parts: []page.JobPart{
						{
							Text: "20 failed",
							Tone: ui.Fault,
							URL:  "/messages?job=30",
						},
						{Text: "1 skipped", Tone: ui.Warn},
					},
				},
			},
		},
		Recipes: page.CauseRecipes{List: causeRecipes(2)},
		Told:    causeTold(),
		Notes: page.CauseNotes{List: []page.CauseNote{
			{
				ID: "1", By: "jo", At: ago(60),
				Body: "The mapper needs `order.id`. **Only** orders from the new shop lack it:\n\n- web: fine\n" +
					"- app 4.2: missing\n\nSee https://wiki.example/orders and [the fix](https://git.example/pull/12).",
			},
			{
				ID: "2", By: "anna", At: ago(40), Edited: ago(31), EditURL: "/causes/4f2a9c6d01b7e385/notes/2",
				Body:    "Adding `id` works: 214 of 214.\n\n```json\n{\"id\": \"4711\"}\n```",
				Earlier: []page.EarlierNote{{At: ago(31), Body: "Adding `id` seems to work."}},
			},
		}},
	}
}

func causeTrendOf() page.CauseTrend {
	const step = time.Hour
	from := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC).Add(-48 * step)
	type mark struct {
		At   int64  `json:"at"`
		Text string `json:"text"`
	}
	data := struct {
		From      int64  `json:"from"`
		Step      int64  `json:"step"`
		Failed    []int  `json:"failed"`
		Recovered []int  `json:"recovered"`
		Marks     []mark `json:"marks"`
	}{From: from.UnixMilli(), Step: step.Milliseconds()}
	v := page.CauseTrend{
		Span: "2 days",
		Ranges: []page.RangeLink{
			{Value: "24h", Label: "24 h", Name: "24 hours", URL: "?range=24h"},
			{Value: "7d", Label: "7 d", Name: "7 days", URL: "?range=7d", Current: true},
			{Value: "30d", Label: "30 d", Name: "30 days", URL: "?range=30d"},
		},
		Marks: []page.CauseMark{
			{
				At:   ago(35),
				Kind: "job",
				Text: "Job 31 started: edit and replay of 214 messages, by anna",
				URL:  "/jobs/31",
			},
			{At: ago(51), Kind: "job", Text: "Job 30 started: replay of 20 messages, by jo", URL: "/jobs/30"},
			{
				At: ago(60 * 18), Kind: "configuration", Text: "The configuration was changed: sources.genesys.timeout",
				URL: "/audit?action=config.reload",
			},
			{
				At: ago(60 * 30), Kind: "outage", Text: "The circuit breaker of genesys opened",
				URL: "/audit?action=breaker.open&source=genesys",
			},
		},
	}
	for i := range 48 {
		failed, recovered := 0, 0
		switch {
		case i >= 18 && i < 26:
			failed = 60 + i*13%70
		case i >= 26:
			failed = 4 + i*7%13
		}
		if i >= 46 {
			recovered = 107
		}
		data.Failed, data.Recovered = append(data.Failed, failed), append(data.Recovered, recovered)
		if failed+recovered > 0 {
			v.Steps = append(v.Steps, page.CauseStep{
				From:   ui.At(from.Add(time.Duration(i) * step)),
				Failed: strconv.Itoa(failed), Recovered: strconv.Itoa(recovered),
			})
		}
	}
	for _, minutes := range []float64{35, 51, 60 * 18, 60 * 30} {
		at, _ := time.Parse(time.RFC3339, ago(minutes).ISO)
		data.Marks = append(data.Marks, mark{at.UnixMilli(), "Job 31 started"})
	}
	text, _ := json.Marshal(data) // numbers and texts
	v.Plot = page.Plot{Summary: "In the last 2 days 1,204 failed and 214 recovered.", Data: string(text)}
	return v
}

// oneFailure is a plot with a single bar.
func oneFailure() page.Plot {
	return page.Plot{
		Summary: "In the last 24 hours 1 failed and 0 recovered.",
		Data: `{"from":1772366400000,"step":3600000,"failed":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1],` +
			`"recovered":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"marks":[]}`,
	}
}

func causeSampleOf() page.CauseSample {
	url := "/messages?cause=4f2a9c6d01b7e385&status=all&type=v2.detail.events"
	return page.CauseSample{
		Size: "the newest 500 messages",
		Facet: []page.CauseFacet{
			{Name: "Event type", More: "and 4 more", Values: []page.CauseValue{
				{Text: "v2.detail.events.conversation.{id}.customer.end", Count: "420", Share: 84, URL: url},
				{Text: "v2.detail.events.conversation.{id}.user.start", Count: "75", Share: 15, URL: url},
				{None: "no event type", Count: "5", Share: 1, URL: url},
			}},
			{Name: "Status code", Values: []page.CauseValue{
				{Text: "500", Count: "495", Share: 99, URL: url}, {Text: "502", Count: "5", Share: 1, URL: url},
			}},
			{Name: "Destination", Values: []page.CauseValue{
				{Text: "handler.internal:9090", Count: "500", Share: 100},
			}},
		},
	}
}

func affectedOf() page.Affected {
	url := "/messages?cause=4f2a9c6d01b7e385&status=all&order=0b5c1f2a77e3"
	return page.Affected{Things: "conversations", Count: "1,000+", Most: page.CauseFacet{
		Name: "conversation", More: "and 997+ more", Values: []page.CauseValue{
			{Text: "5d0d1c7e-11aa-4c3b-9c55-6a7b8c9d0e1f", Count: "42", Share: 4, URL: url},
			{Text: "c0ffee00-1111-4222-8333-444455556666", Count: "17", Share: 1, URL: url},
			{Text: "•••", Count: "3", Share: 1, URL: url},
		},
	}}
}

func causeExamplesOf() []page.CauseExample {
	example := func(why, size string, minutes float64, names ...string) page.CauseExample {
		return page.CauseExample{
			Names: names, Why: why, URL: "/messages/" + names[0], Status: "failed", Code: "500",
			Outcome: "error_response", Type: "customer.end", Size: size, Received: ago(minutes),
		}
	}
	list := []page.CauseExample{
		example("The oldest message of this cause.", "1.1 KiB", 60*30, "First"),
		example("The newest message of this cause.", "1.2 KiB", 2, "Latest"),
		example("Code, event type and size as most of the newest 500 messages.", "1.2 KiB", 44, "Typical"),
		example("The largest body of the newest 500 messages.", "214.8 KiB", 300, "Largest"),
		example("Its code and event type together occur least often: 1 in 500.", "0.4 KiB", 700, "Oddest"),
	}
	list[4].Code, list[4].Reason, list[4].Status = "502", "502: upstream is restarting", "retrying"
	return list
}

func longCause(v *page.CauseView) {
	v.Head.Title, v.Head.Source, v.Head.Destination = longWord+" "+longReason(), longWord, longWord+".internal:9090"
	v.Head.Owner, v.Head.Ticket.ID = longWord, longWord
	v.Head.Next.Text = longReason()
	v.Head.Failed, v.Head.Retrying, v.Head.Ever = link("1,204,811"), link("31,022"), "12,345,678"
	v.Head.Actions.Messages = "1,204,811 messages"
	v.Presence[0].User, v.Presence[1].User = longWord, rtlText
	v.Sample.Facet[0].Values[0].Text, v.Sample.Facet[0].Values[1].Text = longWord, rtlText
	v.Examples[0].Type, v.Examples[1].Reason, v.Examples[2].Type = longWord, longReason(), rtlText
	v.Tried.Jobs[0].By, v.Tried.Jobs[0].Reason = longWord, emoji+longReason()
	v.Tried.Replays[1].How = "after “" + longWord + "”"
	v.Notes.List[0].By = longWord
	v.Notes.List[0].Body = longWord + "\n\n<script>alert(1)</script>\n\n    " + longReason() + "\n\n" + rtlText +
		"\n\n> " + emoji + "\n\n1. ![picture](https://tracker.example/p.png)\n2. " + longReason()
	v.Trend.Marks[0].Text = longReason()
}

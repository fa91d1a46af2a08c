package gallery

import (
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func audit() []Example {
	audit := func(name string, change func(*page.AuditTableView)) Example {
		v := auditTable()
		change(&v)
		frame := chromeOf(name, "Audit", "/audit")
		frame.Tampered = v.Chain.Broken
		return Example{Name: name, Component: page.Audit(frame, v)}
	}
	return []Example{
		audit("audit", func(*page.AuditTableView) {}),
		audit("audit-one", func(v *page.AuditTableView) { v.Rows, v.OlderURL = v.Rows[:1], "" }),
		audit("audit-many", func(v *page.AuditTableView) {
			for len(v.Rows) < 50 {
				row := v.Rows[len(v.Rows)%6]
				row.Number = "m" + row.Number + messageID(len(v.Rows))
				v.Rows = append(v.Rows, row)
			}
		}),
		audit("audit-filtered", filterAudit),
		audit("audit-jobs", func(v *page.AuditTableView) {
			v.EachURL = "/audit?jobs=each"
			v.UnderWay = []*page.AuditJob{auditJob("11"), auditJob("10"), auditJob("1204")}
		}),
		audit("audit-jobs-alone", func(v *page.AuditTableView) {
			filterAudit(v)
			v.State, v.Rows, v.EachURL = page.StateNoMatch, nil, "/audit?from=2026-03-01T00:00&jobs=each"
			v.UnderWay = []*page.AuditJob{auditJob("11")}
		}),
		audit("audit-broken", func(v *page.AuditTableView) {
			v.Chain = page.ChainStatus{
				Broken: true,
				Text:   "Event 812 of the audit trail was changed outside dlqdesk.",
				At:     ago(1),
			}
		}),
		audit("audit-accepted", func(v *page.AuditTableView) {
			v.Chain.Gaps = []page.ChainGap{
				{
					Text: "Events 801 to 1204 of the audit trail are missing.", By: "Ana Ruiz", At: ago(120),
					Reason: "disk failed, restored the backup of 03:00",
				},
				{
					Text: "Events 1 to 811 of the audit trail were changed outside dlqdesk, or written with " +
						"another audit key.",
					By:     longWord,
					At:     ago(60 * 30),
					Reason: longReason(),
				},
			}
		}),
		audit("audit-long", longAudit),
		audit("audit-nothing", func(v *page.AuditTableView) { v.State, v.Rows = page.StateNothing, nil }),
		audit(
			"audit-nomatch",
			func(v *page.AuditTableView) { filterAudit(v); v.State, v.Rows = page.StateNoMatch, nil },
		),
		audit("audit-fault", func(v *page.AuditTableView) {
			v.State, v.Rows, v.Fault, v.RetryURL, v.Chain = page.StateFault, nil, "The store did not respond "+
				"within 5 seconds.", "/audit", page.ChainStatus{}
		}),
		{Name: "audit-partial", Component: page.AuditTable(auditTable()), Partial: true},
	}
}

func longAudit(v *page.AuditTableView) {
	v.Rows[0].Actor = longWord
	v.Rows[0].Target = longWord
	v.Rows[0].Reason = longReason()
	v.Rows[0].Addr = "2001:0db8:85a3:0000:0000:8a2e:0370:7334"
	v.Rows[1].Reason, v.Rows[1].Source = rtlText+"\n"+emoji, longWord
	v.Rows[2].To, v.Rows[2].Actor = longWord, rtlText
	v.Rows[1].Changes = []page.AuditChange{
		{Name: longWord, Old: page.AuditFact{Text: longWord}, New: page.AuditFact{Text: longReason()}},
		{Name: "Next delivery", Old: page.AuditFact{At: ago(3)}, New: page.AuditFact{At: ago(-3)}},
		{Name: "Filter", New: page.AuditFact{Text: rtlText + emoji}},
	}
}

func filterAudit(v *page.AuditTableView) {
	v.Filter.Actor, v.Filter.Actions[0].Selected, v.Filter.From = "anna", true, "2026-03-01T00:00"
	v.ActionPresets[0].Current = true
	v.Chips = []ui.Chip{
		{Label: "Who", Value: "anna", RemoveURL: "/audit?action=message.replay"},
		{Label: "Did", Value: "replayed", RemoveURL: "/audit?actor=anna"},
		{Label: "From", Value: "2026-03-01 00:00 UTC", RemoveURL: "/audit?actor=anna&action=message.replay"},
	}
	v.ClearURL = "/audit"
}

func auditJob(id string) *page.AuditJob {
	return &page.AuditJob{
		ID: id, URL: "/jobs/" + id, Title: "Replayed 1,300 messages", EventsURL: "/audit?job=" + id,
		Parts: []page.JobPart{
			part("1,204 delivered", "done"), part("90 failed", "fault"), part("6 skipped", "warn"),
		},
	}
}

func auditTable() page.AuditTableView {
	other := page.AuditRow{At: ago(100), Target: "…1c0e0007", TargetID: messageID(7), URL: "/messages/" + messageID(7)}
	replayed, retried, archived := other, other, other
	replayed.Number = "811"
	replayed.Actor = "mia"
	replayed.Action = "attempt.delivered"
	replayed.Sentence = "replayed"
	replayed.To = "genesys"
	replayed.Outcome, replayed.Code, replayed.Took, replayed.Attempt = "delivered", "200", "84 ms", "4"
	retried.Number = "810"
	retried.Actor = "dlqdesk"
	retried.System = true
	retried.Action = "attempt.error_response"
	retried.Sentence = "retried"
	retried.To = "cxone"
	retried.Outcome, retried.Code, retried.Took = "error_response", "503", "2.1 s"
	retried.Attempt, retried.Next, retried.Reason = "3", ago(-4), "upstream is restarting"
	retried.Changes = []page.AuditChange{
		{Name: "Status", Old: page.AuditFact{Text: "Replaying"}, New: page.AuditFact{Text: "Retrying"}},
		{Name: "Attempt", New: page.AuditFact{Text: "3"}},
		{Name: "Next delivery", New: page.AuditFact{At: ago(-4)}},
	}
	archived.Number, archived.Actor, archived.Action, archived.Sentence = "789", "ben", "message.archive", "archived"
	archived.Source, archived.Addr, archived.Reason = "cxone", "10.1.7.31", "duplicate of ticket 4711"
	rows := append(
		sampleEvents(),
		replayed,
		retried,
		archived,
		page.AuditRow{
			Number:   "788b",
			At:       ago(175),
			Actor:    "anna",
			Action:   "job.start",
			Sentence: "started job",
			Target:   "12",
			URL:      "/jobs/12",
			Addr:     "10.1.7.20",
			Reason:   "the handler is mended",
			Changes:  []page.AuditChange{{Name: "Messages", New: page.AuditFact{Text: "1300"}}},
			Job:      auditJob("12"),
		},
		page.AuditRow{
			Number:   "788",
			At:       ago(180),
			Actor:    "mallory",
			Action:   "user.sign_in_refused",
			Sentence: "failed to sign in",
			Reason:   "the name or the password is wrong (41 more times within a minute)",
			Addr:     "203.0.113.9",
			Changes: []page.AuditChange{
				{Name: "Request", New: page.AuditFact{Text: "POST /signin"}},
				{Name: "Times", New: page.AuditFact{Text: "41"}},
			},
		},
		page.AuditRow{
			Number:   "787b",
			At:       ago(180),
			Actor:    "vera",
			Action:   "access.denied",
			Sentence: "was refused an action on",
			Target:   "…1c0e0007",
			TargetID: messageID(7),
			URL:      "/messages/" + messageID(7),
			Reason:   "a viewer may not replay: ask an admin for the role that may",
			Addr:     "10.1.7.44",
		},
		causeEvent("787d", "anna", "cause.claim", "claimed", "", []page.AuditChange{
			{Name: "Claimed until", New: page.AuditFact{At: ago(-60)}},
			{Name: "Owner", New: page.AuditFact{Text: "anna"}},
			{Name: "State", Old: page.AuditFact{Text: "New"}, New: page.AuditFact{Text: "Claimed"}},
		}),
		causeEvent("787c", "dlqdesk", "cause.regressed", "found that this came back:",
			"a message failed after it was resolved", []page.AuditChange{
				{Name: "State", Old: page.AuditFact{Text: "Resolved"}, New: page.AuditFact{Text: "Regressed"}},
			}),
		page.AuditRow{
			Number:   "787",
			At:       ago(181),
			Actor:    "anna",
			Action:   "user.sign_in",
			Sentence: "signed in",
			Addr:     "10.1.7.20",
		},
		page.AuditRow{
			Number:   "786",
			At:       ago(60 * 30),
			Actor:    "anna",
			Action:   "user.add",
			Sentence: "added",
			Target:   "ben",
			Addr:     "10.1.7.20",
			Changes:  []page.AuditChange{{Name: "Role", New: page.AuditFact{Text: "operator"}}},
		},
	)
	return page.AuditTableView{
		Chain: page.ChainStatus{
			Text: "812 events, each confirmed by the next one.",
			At:   ago(1),
		},
		Rows:      rows,
		OlderURL:  "/audit?cursor=o1",
		ClearURL:  "/audit",
		ExportURL: "/audit/export",
		TimePresets: []page.Preset{
			{Label: "Today", URL: "/audit", Days: "0"},
			{Label: "Yesterday", URL: "/audit", Days: "1 0"},
			{Label: "Last 7 days", URL: "/audit", Days: "7"},
		},
		ActionPresets: []page.Preset{
			{Label: "Replays", URL: "/audit"},
			{Label: "Edits", URL: "/audit"},
			{Label: "Archived", URL: "/audit"},
			{Label: "Sign-ins", URL: "/audit"},
		},
		Filter: page.AuditFilter{
			ActorTypes: []ui.Option{{Value: "people", Label: "People"}, {Value: "program", Label: "dlqdesk itself"}},
			Sources:    []ui.Option{{Value: "genesys", Label: "genesys"}, {Value: "cxone", Label: "cxone"}},
			Actions: []ui.Option{
				{Value: "message.replay", Label: "Replays asked for"},
				{Value: "message.archive", Label: "Archived"},
				{Value: "user.sign_in", Label: "Sign-ins"},
			},
		},
	}
}

// causeEvent is an event about a cause.
func causeEvent(number, actor, action, sentence, reason string, changes []page.AuditChange) page.AuditRow {
	row := page.AuditRow{
		Number:   number,
		At:       ago(180),
		Actor:    actor,
		System:   actor == "dlqdesk",
		Action:   action,
		Sentence: sentence,
		Target:   "500: NullPointerException: order is null in OrderMapper.toCrm",
		Named:    true,
		URL:      "/causes/9f2c41d07be35a18",
		Source:   "genesys",
		Reason:   reason,
		Changes:  changes,
	}
	if !row.System {
		row.Addr = "10.1.7.20"
	}
	return row
}

package gallery

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const listQuery = "status=failed&source=genesys"

func messages() []Example {
	list := func(name string, change func(*page.MessagesTableView)) Example {
		table := messagesTable(manyRows(12))
		change(&table)
		return Example{
			Name:      "messages-" + name,
			Component: page.Messages(chromeOf(name, "Messages", "/messages"), table),
		}
	}
	filtered := list("filtered", func(v *page.MessagesTableView) { filterMessages(v); v.Rows = markedRows() })
	partial := messagesTable(manyRows(3))
	return []Example{
		list("many", func(v *page.MessagesTableView) {
			v.Rows, v.NewestURL, v.NewerURL = manyRows(50), "/messages?status=failed", "/messages?cursor=n1"
		}),
		list(
			"compact",
			func(v *page.MessagesTableView) { v.Layout.Compact, v.Layout.Columns[1].Selected = true, false },
		),
		list("grouped", func(v *page.MessagesTableView) {
			groupMessages(v, page.MessageGroup{
				Messages: "1,204 messages", Number: "1,204", AllURL: "/messages?cause=5be1&status=failed",
			})
		}),
		list("grouped-partly", func(v *page.MessagesTableView) {
			groupMessages(v, page.MessageGroup{
				Messages: "9,871+ messages", Number: "9,871+", AllURL: "/messages?cause=5be1&status=failed",
			})
			v.SearchNotes = []ui.Notice{{
				Kind: ui.Info,
				Text: "Grouped the newest 10,000 messages that match. There are more.",
				Hint: "Narrow the filter or the search.",
			}}
		}),
		list("copies", func(v *page.MessagesTableView) {
			v.CopiesTo, v.Rows[0].Selected = []string{"laptop-of-anna", "staging"}, true
			v.Notice = ui.Notice{
				Kind: ui.Warn, Text: "Sent 3 messages to staging: 2 accepted.",
				Hint: "One of the others: The handler answered: field id is missing.",
			}
		}),
		list("one", func(v *page.MessagesTableView) { v.Rows, v.OlderURL = manyRows(1), "" }),
		list("mixed", func(v *page.MessagesTableView) { v.Rows, v.Tabs = mixedRows(), tabsOf("") }),
		list("queues", func(v *page.MessagesTableView) {
			v.Redrives, v.Rows[0].Selected = true, true
			v.Rows[1].Undeleted = page.UndeletedCopy{Queue: "dlqdesk-dlq", Expires: ago(-60 * 22)}
			v.Filter.Queues = []ui.Option{
				{Value: "orders-dlq", Label: "orders-dlq", Selected: true},
				{Value: "lambda-failures", Label: "lambda-failures"},
			}
			v.Chips = []ui.Chip{{Label: "Queue", Value: "orders-dlq", RemoveURL: "/messages?status=failed"}}
		}),
		list("selected", func(v *page.MessagesTableView) { v.Rows[1].Selected, v.Rows[2].Selected = true, true }),
		list("selected-all", func(v *page.MessagesTableView) {
			v.Matching = "214 messages"
			for i := range v.Rows {
				v.Rows[i].Selected = true
			}
		}),
		list("selected-mixed", func(v *page.MessagesTableView) {
			v.Rows, v.Tabs, v.Redrives = mixedRows(), tabsOf(""), true
			for i := range 6 {
				v.Rows[i].Selected = true
			}
		}),
		list("selected-refused", func(v *page.MessagesTableView) {
			v.Rows, v.Tabs = mixedRows()[3:4], tabsOf("resolved")
			v.Rows[0].Selected = true
		}),
		filtered,
		list(
			"long",
			func(v *page.MessagesTableView) { filterMessages(v); v.Rows = longRows(); v.Filter.Text = longWord },
		),
		list("viewer", func(v *page.MessagesTableView) { v.Denied = viewer }),
		list("result", func(v *page.MessagesTableView) { v.Jobs = []page.JobView{jobDone()} }),
		list("all-done", func(v *page.MessagesTableView) {
			v.Jobs, v.Notice = []page.JobView{
				jobRunning(),
			}, ui.Notice{
				Kind: ui.Warn,
				Text: "This job was started by ben 3 s ago.",
				Hint: "Your request started nothing.",
			}
		}),
		list("on-their-way", func(v *page.MessagesTableView) { v.OnTheirWay = onTheirWay() }),
		list("search-behind", func(v *page.MessagesTableView) {
			filterMessages(v)
			v.Rows = markedRows()
			v.SearchNotes = []ui.Notice{{
				Kind: ui.Info,
				Text: "The latest 12,480 changes are not searchable yet.",
				Hint: "They will be within moments: search again then.",
			}}
		}),
		list("search-fields", func(v *page.MessagesTableView) {
			searchFields(v)
			v.Rows = markedRows()
		}),
		list("search-completing", func(v *page.MessagesTableView) {
			v.Filter.Text, v.Filter.Completions = "source:genesys -cust", searchCompletions()
		}),
		list("search-values", func(v *page.MessagesTableView) {
			v.Filter.Text = "$.customer.tier="
			for _, tier := range []string{"gold", "silver", "a very long value that does not fit into the list at all"} {
				v.Filter.Completions = append(v.Filter.Completions, page.Completion{Text: tier})
			}
		}),
		list("search-bounds", func(v *page.MessagesTableView) {
			searchFields(v)
			v.Rows = markedRows()
			v.SearchNotes = searchBounds()
		}),
		list("search-fault", func(v *page.MessagesTableView) {
			v.Filter.Text = `source:genesys code:6xx "order is null"`
			v.Filter.Error = `At character 16: "6xx" is not a status code: use 422, 5xx, >=500, 500..504 or none.`
			v.Filter.Faulty = []ui.Segment{
				{Text: "source:genesys "}, {Text: "code:6xx", Marked: true}, {Text: ` "order is null"`},
			}
			v.State, v.Rows, v.Tabs, v.OlderURL = page.StateNoMatch, nil, tabsWith("", nil), ""
		}),
		list("search-nomatch", func(v *page.MessagesTableView) {
			searchFields(v)
			v.State, v.Rows, v.Tabs, v.OlderURL = page.StateNoMatch, nil, tabsWith("", nil), ""
		}),
		list("filter-fault", func(v *page.MessagesTableView) {
			v.Filter.Error = "“yesterday” is not a time: use the form 2026-03-02T10:15."
			v.Filter.Code = "abc"
		}),
		list("nothing", func(v *page.MessagesTableView) {
			v.Tabs, v.Views, v.OlderURL = tabsWith("failed", nil), nil, ""
			v.State, v.Rows, v.Curl = page.StateNothing, nil, "curl -i -H 'Content-Type: application/json' \\\n "+
				" -d '{\"id\":\"c0ffee00\",\"eventType\":\"conversation:updated\"}' \\\n  "+
				"http://127.0.0.1:8080/webhooks/genesys"
		}),
		list(
			"nomatch",
			func(v *page.MessagesTableView) {
				filterMessages(v)
				v.State, v.Rows, v.Tabs, v.OlderURL = page.StateNoMatch, nil, tabsWith("failed", nil), ""
			},
		),
		list("nomatch-elsewhere", func(v *page.MessagesTableView) {
			filterMessages(v)
			v.State = page.StateNoMatch
			v.Rows, v.OlderURL = nil, ""
			v.Tabs = tabsWith("failed", map[string]string{"resolved": "3", "": "3"})
			v.OtherStatus = "3 messages"
			v.OtherStatusURL = "/messages?status=all"
		}),
		list(
			"tab-empty",
			func(v *page.MessagesTableView) {
				v.State, v.Rows, v.OlderURL = page.StateNoMatch, nil, ""
				v.Tabs = tabsWith("replaying", map[string]string{"failed": "214", "": "214"})
			},
		),
		list("fault", func(v *page.MessagesTableView) {
			v.State = page.StateFault
			v.Rows = nil
			v.Fault = "The store did not respond within 5 seconds."
			v.RetryURL = "/messages?" + listQuery
		}),
		{Name: "messages-partial", Component: page.MessagesTable(partial), Partial: true},
	}
}

func messagesTable(rows []page.MessageRow) page.MessagesTableView {
	return page.MessagesTableView{
		Views: []page.SavedView{
			{
				Name:      "Missing ids",
				URL:       "/messages?" + listQuery,
				DeleteURL: "/views/1/delete",
				Current:   true,
				Shared:    true,
			},
			{Name: "CXone outage", Owner: "ben", URL: "/messages?source=cxone", Shared: true},
		},
		Layout: page.ListLayout{Columns: []ui.Option{
			{Value: "source", Label: "Source", Selected: true},
			{Value: "type", Label: "Event type", Selected: true},
			{Value: "answer", Label: "Answer", Selected: true},
			{Value: "retries", Label: "Retries", Selected: true},
			{Value: "last", Label: "Last attempt", Selected: true},
		}},
		Live:     "/live?after=0",
		FirstURL: "/messages?" + listQuery,
		Query:    listQuery,
		Presets: []page.Preset{
			{Label: "Last hour", URL: "/messages", Minutes: "60"},
			{Label: "Today", URL: "/messages", Days: "0"},
			{Label: "Yesterday", URL: "/messages", Days: "1 0"},
			{Label: "Last 7 days", URL: "/messages", Days: "7"},
		},
		Group:      page.Preset{Label: "Group by cause", URL: "/messages?group=cause"},
		Tabs:       tabsOf("failed"),
		Rows:       rows,
		ByReceived: page.SortLink{Name: "receipt", Current: true},
		ByAttempt: page.SortLink{
			Name: "attempt",
			URL:  "/messages?status=failed&sort=attempt",
		},
		OlderURL: "/messages?status=failed&cursor=o1",
		ClearURL: "/messages?status=failed",
		Filter: page.MessagesFilter{
			Status:  "failed",
			Sources: []ui.Option{{Value: "genesys", Label: "genesys"}, {Value: "cxone", Label: "cxone"}},
			Codes:   []string{"422", "503"},
			Outcomes: []ui.Option{
				{Value: "error_response", Label: "error response"},
				{Value: "unreachable", Label: "unreachable"},
				{Value: "unknown", Label: "unknown"},
			},
		},
	}
}

func tabsOf(current string) []page.StatusTab {
	return tabsWith(current, map[string]string{
		"failed": "214", "retrying": "31", "replaying": "2", "resolved": "18,204", "archived": "97", "": "18,548",
	})
}

// tabsWith is a tab for each status, with the given counts; the others are 0.
func tabsWith(current string, counts map[string]string) []page.StatusTab {
	var tabs []page.StatusTab
	for _, status := range []string{"failed", "retrying", "replaying", "resolved", "redriven", "archived", ""} {
		tab := page.StatusTab{
			Status: status, Count: cmp.Or(counts[status], "0"), URL: "/messages?status=" + status,
			Current: status == current,
		}
		tabs = append(tabs, tab)
	}
	return tabs
}

func filterMessages(v *page.MessagesTableView) {
	v.Filter.Sources[0].Selected = true
	v.Filter.Code, v.Filter.Text, v.Filter.From = "422", "missing", "2026-03-02T08:00"
	v.Chips = []ui.Chip{
		{Label: "Source", Value: "genesys", RemoveURL: "/messages?status=failed&code=422&q=missing"},
		{Label: "Code", Value: "422", RemoveURL: "/messages?status=failed&source=genesys&q=missing"},
		{Label: "Text", Value: "missing", RemoveURL: "/messages?status=failed&source=genesys&code=422"},
		{
			Label:     "Received from",
			Value:     "2026-03-02 08:00 UTC",
			RemoveURL: "/messages?status=failed&source=genesys&q=missing&code=422",
		},
	}
}

func messageID(i int) string { return fmt.Sprintf("9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e%04d", i) }

// manyRows are messages that need a person, as a bad morning leaves them.
// messageCauses are causes of messages.
var messageCauses = []page.MessageCause{
	{URL: "/causes/c1", State: "new", Title: "503 upstream is restarting", Open: "1,416"},
	{URL: "/causes/c2", State: "claimed", Title: "422 field id is missing", Open: "58"},
	{URL: "/causes/c3", State: "resolved", Title: "500 deadlock detected", Open: "0"},
}

func manyRows(n int) []page.MessageRow {
	kinds := []page.MessageRow{
		{
			Source:    "genesys",
			EventType: "conversation:updated",
			Reason:    "field id is missing in conversation.participants[1]",
			Code:      "422",
			Cause:     messageCauses[1],
			Outcome:   "error_response",
			Attempts:  "1",
		},
		{
			Source:    "cxone",
			EventType: "CaseStatusChanged",
			Reason:    "upstream is restarting",
			Code:      "503",
			Cause:     messageCauses[0],
			Outcome:   "error_response",
			Attempts:  "5",
		},
		{
			Queue:     "orders",
			EventType: "Order Placed",
			Reason:    "Received too often from orders.fifo, so SQS moved it to the DLQ",
			Attempts:  "none",
		},
		{
			Source:    "genesys",
			EventType: "v2.detail.events.conversation.{id}.acw",
			Reason:    "no response within 10 s",
			Outcome:   "unknown",
			Attempts:  "5",
		},
		{Source: "cxone", Reason: "connection refused by 10.2.0.14:9090", Outcome: "unreachable", Attempts: "5"},
		{
			Source:   "genesys",
			Reason:   "400: unknown eventType \"conversation:transferred\"",
			Code:     "400",
			Outcome:  "error_response",
			Attempts: "1",
		},
	}
	var rows []page.MessageRow
	for i := range n {
		rows = append(rows, place(kinds[i*i%len(kinds)], i, "failed"))
	}
	return rows
}

// groupMessages groups the list by cause: three messages of each, the first of them with the head of its group.
func groupMessages(v *page.MessagesTableView, largest page.MessageGroup) {
	v.Group.Current, v.Grouped, v.ByReceived, v.ByAttempt = true, true, page.SortLink{}, page.SortLink{}
	heads := []page.MessageGroup{largest, {Messages: "3 messages"}, {Messages: "2 messages"}}
	v.Rows = v.Rows[:8]
	for i := range v.Rows {
		group := i / 3
		v.Rows[i].Cause, v.Rows[i].Outcome = messageCauses[group], "error_response"
		v.Rows[i].Code, v.Rows[i].Reason, _ = strings.Cut(messageCauses[group].Title, ": ")
		if i%3 == 0 {
			v.Rows[i].Group = heads[group]
			v.Rows[i].Group.MessageCause, v.Rows[i].Group.ID = messageCauses[group], strconv.Itoa(group)
		}
	}
}

// markedRows are what a search for "missing" found.
func markedRows() []page.MessageRow {
	rows := manyRows(7)
	for i := range rows {
		before, after, _ := strings.Cut(rows[i].Reason, "missing")
		if rows[i].Reason != before {
			rows[i].Marks = []ui.Segment{{Text: before}, {Text: "missing", Marked: true}, {Text: after}}
		} else {
			rows[i].Snippet = []ui.Segment{
				{Text: "…Connected the number is "},
				{Text: "missing", Marked: true},
				{Text: " cust-4711…"},
			}
		}
	}
	return rows
}

func place(row page.MessageRow, i int, status string) page.MessageRow {
	row.ID, row.Version, row.Status = messageID(i), strconv.Itoa(i%3), status
	row.URL = "/messages/" + row.ID + "?back=" + "status%3Dfailed%26source%3Dgenesys"
	row.Received, row.LastAttempt = ago(float64(i*i)/3+float64(i)), ago(float64(i*i)/4)
	return row
}

func mixedRows() []page.MessageRow {
	rows := manyRows(8)
	for i, status := range []string{"failed", "retrying", "replaying", "resolved", "redriven", "archived"} {
		rows[i].Status = status
	}
	nothing := "not archived: there is nothing to restore."
	redrive := page.Refusal{
		Actions: []string{"edit-redrive", "redrive"},
		Reason:  "Only messages from a queue under queues can be redriven, others can be replayed.",
	}
	for i := range rows {
		rows[i].Refused = []page.Refusal{
			redrive, {Actions: []string{"restore"}, Reason: "This message is " + rows[i].Status + ", " + nothing},
		}
	}
	rows[2].Refused = []page.Refusal{
		redrive,
		{
			Actions: []string{"archive", "edit", "replay", "restore"},
			Reason:  "Already requested for a replay by anna 3 s ago: wait for the result.",
		},
	}
	rows[3].Refused = []page.Refusal{redrive, {
		Actions: []string{"archive", "edit", "replay", "restore"},
		Reason:  "This message is resolved: it was delivered (replayed by anna 12 min ago).",
	}}
	rows[5].Refused = []page.Refusal{redrive, {
		Actions: []string{"archive", "edit", "replay"},
		Reason:  "This message is archived: restore it first (archived by ben 2 h ago).",
	}}
	rows[1].NextRetry, rows[1].Attempts, rows[1].Arrived = ago(-3), "2 of 5", "3"
	rows[3].Outcome, rows[3].Code, rows[3].Reason = "delivered", "200", ""
	rows[4].Source, rows[4].Reason, rows[4].Outcome, rows[4].Code = "", "", "", ""
	rows[4].LastAttempt = ui.Moment{}
	return rows
}

func longRows() []page.MessageRow {
	rows := mixedRows()
	rows[0].Reason, rows[1].Reason, rows[2].Reason, rows[3].Reason = longReason(), rtlText, emoji, longWord
	rows[0].Source, rows[1].Source = longWord, "مصدر-الرسائل"
	rows[0].EventType, rows[1].EventType = longWord, rtlText
	rows[5].ID, rows[5].Attempts, rows[5].NextRetry, rows[5].Arrived = longWord, "1,000 of 1,000", ago(
		-60*24*30,
	), "12,480"
	return rows
}

// searchFields has a query of every kind of term.
func searchFields(v *page.MessagesTableView) {
	v.Filter.Text = `source:genesys code:5xx $.customer.email=anna@example.com amount:>100 -timeout "is null" order`
	v.Tabs = tabsOf("")
	chip := func(label, value string) ui.Chip { return ui.Chip{Label: label, Value: value, RemoveURL: "/messages"} }
	v.Chips = []ui.Chip{
		chip("Source", "genesys"),
		chip("Code", "5xx"),
		chip("Field", "$.customer.email=anna@example.com"),
		chip("Field", "amount:>100"),
		chip("Not text", "timeout"),
		chip("Exact text", `"is null"`),
		chip("Text", "order"),
	}
}

// searchBounds says all that a search may not reach.
func searchBounds() []ui.Notice {
	return []ui.Notice{
		{
			Kind: ui.Info,
			Text: `No field "errror" was seen, so its words were searched for.`,
			Hint: "Choose a field from the list that opens as you type, or write a path: $.customer.email=anna@example.com.",
		},
		{
			Kind: ui.Info,
			Text: "Compared the newest 300 messages that may match, one by one. There are more.",
			Hint: "Go on with Older, or narrow the search by a word, a source or a time.",
		},
		{
			Kind: ui.Info,
			Text: "Searched the first 64 KiB and 1,000 fields of 12 larger messages.",
			Hint: "What comes later in these is not found.",
		},
	}
}

func searchCompletions() []page.Completion {
	return []page.Completion{
		{Text: "$.customer.id=", Hint: "field"},
		{Text: "$.customer.email=", Hint: "field"},
		{Text: "$.participants[*].customer.phone=", Hint: "field"},
		{Text: "header.x-customer=", Hint: "header"},
	}
}

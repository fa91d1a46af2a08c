package gallery

import (
	"fmt"
	"strconv"
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func causes() []Example {
	list := func(name string, change func(*page.CausesView)) Example {
		v := causesView(causeRows())
		change(&v)
		return Example{
			Name:      "causes-" + name,
			Component: page.Causes(chromeOf(name, "Causes", "/causes"), v),
		}
	}
	filtered := func(v *page.CausesView) {
		v.Filter.Text, v.Filter.Sources[1].Selected = "upstream", true
		v.Chips = []ui.Chip{
			{Label: "Source", Value: "cxone", RemoveURL: "/causes?q=upstream"},
			{Label: "Text", Value: "upstream", RemoveURL: "/causes?source=cxone"},
		}
	}
	none := func(v *page.CausesView, state string) {
		v.State, v.Rows, v.NextURL, v.Tabs = state, nil, "", causeTabs("unresolved", nil)
	}
	return []Example{
		list("morning", func(*page.CausesView) {}),
		list("many", func(v *page.CausesView) {
			v.Rows = manyCauses(50)
			v.StartURL, v.PrevURL = "/causes", "/causes?cursor=n1"
		}),
		list("one", func(v *page.CausesView) {
			v.Rows, v.NextURL = v.Rows[1:2], ""
			v.Tabs = causeTabs("unresolved", map[string]string{"unresolved": "1", "new": "1", "all": "1"})
		}),
		list("selected", func(v *page.CausesView) { v.Rows[0].Selected, v.Rows[2].Selected = true, true }),
		list("selected-refused", func(v *page.CausesView) {
			v.Rows[2].Selected = true
			v.Rows[2].Refused = []page.Refusal{{
				Actions: []string{"claim"}, Reason: "This cause is claimed by ben until 14:00.",
			}}
		}),
		list("filtered", func(v *page.CausesView) { filtered(v); v.Rows = v.Rows[:2] }),
		list("long", func(v *page.CausesView) { filtered(v); v.Rows = longCauses(); v.Filter.Text = longWord }),
		list("query", func(v *page.CausesView) {
			v.Filter.Text = `source:cxone code:5xx -timeout $.customer.tier=gold`
			v.Chips = []ui.Chip{
				{Label: "Source", Value: "cxone", RemoveURL: "/causes?q=code%3A5xx"},
				{Label: "Code", Value: "5xx", RemoveURL: "/causes?q=source%3Acxone"},
				{Label: "Not text", Value: "timeout", RemoveURL: "/causes?q=source%3Acxone"},
				{Label: "Field", Value: "$.customer.tier=gold", RemoveURL: "/causes?q=source%3Acxone"},
			}
			v.Rows = v.Rows[:3]
			v.Tabs = causeTabs(
				"unresolved",
				map[string]string{"unresolved": "1,240+", "open": "1,240+", "all": "1,240+"},
			)
			v.SearchNotes = []ui.Notice{
				{
					Kind: ui.Info,
					Text: "These are the causes of the newest 10,000 messages that match. More causes may match.",
					Hint: "Narrow the search by a source, a time or another term.",
				},
				{
					Kind: ui.Info, Text: "Searched the first 64 KiB and 1,000 fields of 12 larger messages.",
					Hint: "What comes later in these is not found.",
				},
			}
		}),
		list("completing", func(v *page.CausesView) {
			v.Filter.Text = "st"
			v.Filter.Completions = []page.Completion{
				{Text: "state:", Hint: "state of the cause", Query: "state:", Caret: "6"},
				{Text: "status:", Hint: "failed, retrying, resolved …", Query: "status:", Caret: "7"},
			}
		}),
		list("query-fault", func(v *page.CausesView) {
			none(v, page.StateNoMatch)
			v.Filter.Text = "timeout state:broken"
			v.Filter.Error = "At character 9: there is no state \"broken\": use " +
				"regressed, new, open, claimed, known, muted, resolved."
			v.Filter.Faulty = []ui.Segment{{Text: "timeout "}, {Text: "state:broken", Marked: true}}
		}),
		list("query-nomatch", func(v *page.CausesView) {
			none(v, page.StateNoMatch)
			v.Filter.Text = "code:5xx $.customer.tier=gold"
			v.Chips = []ui.Chip{
				{Label: "Code", Value: "5xx", RemoveURL: "/causes?q=%24.customer.tier%3Dgold"},
				{Label: "Field", Value: "$.customer.tier=gold", RemoveURL: "/causes?q=code%3A5xx"},
			}
		}),
		list("viewer", func(v *page.CausesView) { v.Denied = viewer }),
		list("job", func(v *page.CausesView) { v.Jobs = []page.JobView{jobRunning()} }),
		list("notice", func(v *page.CausesView) {
			v.Notice = ui.Notice{Kind: ui.Done, Text: "You claimed 2 causes until 16:00."}
		}),
		list("on-their-way", func(v *page.CausesView) { v.OnTheirWay = onTheirWay() }),
		list("filter-fault", func(v *page.CausesView) {
			none(v, page.StateNoMatch)
			v.Filter.Error = "There is no state “broken”."
		}),
		list("nothing", func(v *page.CausesView) {
			none(v, page.StateNothing)
			v.Curl = "curl -i -d '{\"id\":\"c0ffee00\"}' \\\n  http://127.0.0.1:8080/webhooks/genesys"
		}),
		list("nomatch", func(v *page.CausesView) { filtered(v); none(v, page.StateNoMatch) }),
		list("nomatch-elsewhere", func(v *page.CausesView) {
			filtered(v)
			none(v, page.StateNoMatch)
			v.Tabs = causeTabs("new", map[string]string{"resolved": "3", "all": "3"})
			v.OtherState, v.OtherStateURL = "3 causes", "/causes?state=all"
		}),
		list("tab-empty", func(v *page.CausesView) {
			none(v, page.StateNoMatch)
			v.Tabs = causeTabs("unresolved", map[string]string{"resolved": "480", "all": "480"})
		}),
		list("fault", func(v *page.CausesView) {
			none(v, page.StateFault)
			v.Fault, v.RetryURL = "The store did not respond within 5 seconds.", "/causes"
		}),
		{Name: "causes-partial", Component: page.CausesList(causesView(causeRows())), Partial: true},
	}
}

func causesView(rows []page.CauseRow) page.CausesView {
	return page.CausesView{
		Live:     "/live?of=causes&after=0",
		FirstURL: "/causes",
		Tabs: causeTabs("unresolved", map[string]string{
			"unresolved": "9", "regressed": "1", "new": "2", "open": "3", "claimed": "1", "known": "1", "muted": "1",
			"resolved": "480", "all": "489",
		}),
		Filter: page.CausesFilter{
			Sources: []ui.Option{{Value: "genesys", Label: "genesys"}, {Value: "cxone", Label: "cxone"}},
		},
		Owners: []page.Preset{{Label: "Mine", URL: "/causes?owner=me"}, {Label: "Unowned", URL: "/causes?owner=none"}},
		Sorts: []page.Preset{
			{Label: "Urgent", URL: "/causes", Current: true},
			{Label: "Newest", URL: "/causes?sort=newest"},
			{Label: "Oldest", URL: "/causes?sort=oldest"},
			{Label: "Largest", URL: "/causes?sort=size"},
			{Label: "Growing", URL: "/causes?sort=growing"},
		},
		Order:    "Regressed and new first, then growing, then the rest by size; muted and resolved last.",
		Rows:     rows,
		NextURL:  "/causes?cursor=o1",
		ClearURL: "/causes",
	}
}

// causeTabs are the tabs of the list, with the given counts; the others are 0.
func causeTabs(current string, counts map[string]string) []page.CauseTab {
	var tabs []page.CauseTab
	for _, name := range []string{
		"unresolved", "regressed", "new", "open", "claimed", "known", "muted", "resolved", "all",
	} {
		tab := page.CauseTab{
			Name: name, Label: strings.ToUpper(name[:1]) + name[1:], Count: "0", URL: "/causes?state=" + name,
			Current: name == current,
		}
		if n, ok := counts[name]; ok {
			tab.Count = n
		}
		tabs = append(tabs, tab)
	}
	return tabs
}

// causeRows are the causes of a morning after an outage, one in each state.
func causeRows() []page.CauseRow {
	rows := []page.CauseRow{
		{
			Code:          "500",
			Title:         "NullPointerException: order is null in OrderMapper.toCrm",
			Source:        "genesys",
			Destination:   "crm.internal:9090",
			CauseStanding: page.CauseStanding{State: "regressed"},
			Failed:        causeCount("318"),
			Retrying:      causeCount("0"),
			Arriving:      true, Growing: true, PerHour: "41",
			First: ago(60 * 24 * 9),
			Last:  ago(0.3),
			Hours: sparkOf(func(i int) (int, int) { return max(0, i-18) * 8, 0 }),
			Replays: []page.ReplayResult{
				{Delivered: "0", Tried: "20", How: "as they were", Tone: "fault"},
				{Delivered: "214", Tried: "214", How: "after “add id”", Tone: "done"},
			},
			Next: page.NextStep{Text: "edit"},
		},
		{
			Code: "503", Title: "upstream is restarting", Source: "cxone", Destination: "10.2.0.14:9090",
			CauseStanding: page.CauseStanding{State: "new"}, Failed: causeCount("1,204"), Retrying: causeCount("212"),
			Arriving: true, PerHour: "612", First: ago(60 * 9.5), Last: ago(0.1),
			Hours: sparkOf(func(i int) (int, int) {
				if i < 15 {
					return 0, 0
				}
				return 300 + i*37%211, i * 3 % 40
			}),
			Replays: []page.ReplayResult{{Delivered: "0", Tried: "20", How: "as they were", Tone: "fault"}},
			Next:    page.NextStep{Text: "breaker"},
		},
		{
			Code:          "422",
			Title:         "field id is missing in conversation.participants[1]",
			Source:        "genesys",
			Destination:   "crm.internal:9090",
			CauseStanding: page.CauseStanding{State: "new"},
			Failed:        causeCount("58"),
			Retrying:      causeCount("0"),
			Arriving:      true,
			PerHour:       "3",
			First:         ago(60 * 3),
			Last:          ago(9),
			Hours:         sparkOf(func(i int) (int, int) { return oneIf(i > 20) * i % 23, 0 }),
			Next:          page.NextStep{Text: "look"},
		},
		{
			Title: "Connection refused by 10.2.0.14:9090", Source: "cxone", Destination: "10.2.0.14:9090",
			CauseStanding: page.CauseStanding{State: "open"}, Failed: causeCount("21"), Retrying: causeCount("7"),
			First: ago(60 * 40), Last: ago(90), Hours: sparkOf(func(i int) (int, int) { return i * 5 % 7, i % 3 }),
			Replays: []page.ReplayResult{{Delivered: "12", Tried: "12", How: "as they were", Tone: "done"}},
			Next:    page.NextStep{Text: "replay"},
		},
		{
			Title: "No response within 10 s: the destination may have processed it", Source: "orders",
			Destination: "orders.internal", CauseStanding: page.CauseStanding{
				State: "claimed", Owner: "ben", OwnedUntil: ago(-120),
			},
			Failed: causeCount("14"), Retrying: causeCount("0"), First: ago(900), Last: ago(400),
			Hours: sparkOf(func(i int) (int, int) { return oneIf(i == 17) * 14, 0 }),
			Next:  page.NextStep{Text: "fix"},
		},
		{
			Code: "409", Title: "duplicate event", Source: "billing", Destination: "billing.internal",
			CauseStanding: page.CauseStanding{
				State: "claimed", Owner: "anna", Mine: true, OwnedUntil: ago(-35),
			},
			Failed: causeCount("9"), Retrying: causeCount("0"), First: ago(60 * 50), Last: ago(60 * 5),
			Hours: sparkOf(func(i int) (int, int) { return i % 4 / 3, 0 }),
		},
		{
			Code: "404", Title: "no such route", Source: "orders", Destination: "orders.internal",
			CauseStanding: page.CauseStanding{
				State: "known", Owner: "ben", Ticket: page.Ticket{ID: "OPS-1423", URL: "/causes/c7"},
			},
			Failed: causeCount("77"), Retrying: causeCount("0"), First: ago(60 * 24 * 3), Last: ago(60 * 26),
			Hours: sparkOf(func(int) (int, int) { return 0, 0 }),
			Next:  page.NextStep{Text: "test"},
		},
		{
			Code:        "429",
			Title:       "100 requests a minute are allowed",
			Source:      "billing",
			Destination: "billing.internal",
			CauseStanding: page.CauseStanding{
				State: "muted", MutedUntil: ago(-180), MutedFor: []string{"after 200 more"},
			},
			Failed:   causeCount("2"),
			Retrying: causeCount("31"),
			Arriving: true,
			PerHour:  "64",
			First:    ago(60 * 24 * 30),
			Last:     ago(1),
			Hours:    sparkOf(func(i int) (int, int) { return 40 + i*7%20, 38 + i*5%20 }),
		},
		{
			Code: "500", Title: "deadlock detected", Source: "", CauseStanding: page.CauseStanding{State: "resolved"},
			Failed: causeCount("0"), Retrying: causeCount("0"), First: ago(60 * 24 * 12), Last: ago(60 * 24 * 2),
			Hours:   sparkOf(func(i int) (int, int) { return 0, oneIf(i == 3) * 30 }),
			Replays: []page.ReplayResult{{Delivered: "30", Tried: "30", How: "as they were", Tone: "done"}},
		},
	}
	for i := range rows {
		rows[i].Fingerprint, rows[i].Version = fmt.Sprintf("%032x", i+1), strconv.Itoa(i%3)
		rows[i].URL = "/causes/" + rows[i].Fingerprint
		rows[i].Next.URL = rows[i].URL
		rows[i].Next.Text = page.StepText(rows[i].Next.Text, rows[i].Failed.Text, rows[i].Retrying.Text)
	}
	return rows
}

func manyCauses(n int) []page.CauseRow {
	var rows []page.CauseRow
	for len(rows) < n {
		rows = append(rows, causeRows()...)
	}
	for i := range rows {
		rows[i].Fingerprint = fmt.Sprintf("%032x", i+1)
	}
	return rows[:n]
}

func longCauses() []page.CauseRow {
	rows := causeRows()
	rows[0].Title, rows[1].Title, rows[2].Title, rows[3].Title = longReason(), rtlText, emoji, longWord
	rows[0].Source, rows[1].Source, rows[0].Destination = longWord, "مصدر-الرسائل", longWord
	rows[1].Failed, rows[1].Retrying = causeCount("12,345,678"), causeCount("1,234,567")
	rows[1].PerHour = "1,234,567"
	rows[2].Owner, rows[2].OwnedUntil = longWord, ago(-60*24*5)
	rows[3].Ticket.ID = longWord
	rows[3].Title, rows[4].Title = longWord, ""
	rows[4].Replays = []page.ReplayResult{
		{Delivered: "12,345", Tried: "1,234,567", How: "after “" + longWord + "”", Tone: "warn"},
	}
	rows[5].Next.Text = page.StepText("edit", "12,345,678", "0")
	return rows
}

func causeCount(text string) page.Count {
	if text == "0" {
		return page.Count{Text: text}
	}
	return page.Count{Text: text, URL: "/messages?status=failed&cause=c1"}
}

// sparkOf is the latest 24 hours.
func sparkOf(at func(hour int) (failed, recovered int)) page.Spark {
	s := page.Spark{Failed: make([]int, 24), Recovered: make([]int, 24)}
	sum, good := 0, 0
	for i := range 24 {
		s.Failed[i], s.Recovered[i] = at(i)
		sum, good = sum+s.Failed[i], good+s.Recovered[i]
	}
	s.Summary = fmt.Sprintf("%d failed and %d recovered in the last 24 hours.", sum, good)
	return s
}

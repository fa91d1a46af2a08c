package gallery

import (
	"strconv"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func alerts() []Example {
	list := func(name string, v page.AlertsView) Example {
		v.Chrome = chromeOf(name, "Alerts", "/alerts")
		v.OpenURL, v.AllURL, v.Open = "/alerts", "/alerts?which=all", v.Deleted == "" && name != "all"
		if v.Sinks.Rows == nil && v.State != page.StateFault && name != "no-sinks" {
			v.Sinks.Rows, v.Routes = alertSinks(), alertRoutes()
		}
		return Example{Name: "alerts-" + name, Component: page.Alerts(v)}
	}
	one := func(name string, change func(*page.AlertView)) Example {
		v := alertOf()
		change(&v)
		v.Chrome = chromeOf(name, v.Row.Title, v.Row.URL)
		return Example{Name: "alert-" + name, Component: page.Alert(v)}
	}
	long := alertRows()[1:2]
	long[0].Title, long[0].Text, long[0].Sources = longWord+longReason(), longReason(), longWord
	long[0].Told[1].Sink, long[0].Told[1].Error = longWord, longReason()+longWord
	long[0].Parts = []page.AlertPart{{Title: longWord, URL: "/alerts/3"}, {Title: rtlText, URL: "/alerts/4"}}
	return []Example{
		list("nothing", page.AlertsView{State: page.StateNothing}),
		list("nothing-ever", page.AlertsView{State: page.StateNothing, Deleted: alertsDeleted}),
		list("no-sinks", page.AlertsView{Rows: untold()}),
		list("one", page.AlertsView{Rows: alertRows()[:1]}),
		list("some", page.AlertsView{Rows: alertRows()[:2]}),
		list("all", page.AlertsView{
			Rows: alertRows(), OlderURL: "/alerts?which=all&cursor=o1", NewerURL: "/alerts?which=all&cursor=n1",
			NewestURL: "/alerts?which=all",
		}),
		list("last-page", page.AlertsView{
			Rows: alertRows()[3:], NewerURL: "/alerts?which=all&cursor=n1", NewestURL: "/alerts?which=all",
			Deleted: alertsDeleted,
		}),
		list("fifty", page.AlertsView{Rows: fiftyAlerts(), OlderURL: "/alerts?cursor=o1"}),
		list("failing", page.AlertsView{Rows: alertRows()[1:2], Sinks: page.AlertSinks{Rows: failingSinks()}}),
		list("partly-told", page.AlertsView{
			Rows: partlyTold(), Sinks: page.AlertSinks{Rows: partlyTellingSinks()},
		}),
		list("test-runs", page.AlertsView{
			Rows: alertRows()[:1],
			Sinks: page.AlertSinks{
				Rows: testedSinks(), PollURL: "/alerts/sinks?test=ops",
				Notice: ui.Notice{Kind: ui.Info, Text: "A test is on its way to ops."},
			},
		}),
		list("test-conflict", page.AlertsView{
			Rows: alertRows()[:1],
			Sinks: page.AlertSinks{Rows: testedSinks(), Notice: ui.Notice{
				Kind: ui.Warn, Text: "The test by anna 3 s ago is not over yet: wait for what comes of it.",
			}},
		}),
		list("viewer", page.AlertsView{Rows: alertRows()[:1], Sinks: page.AlertSinks{Rows: viewerSinks()}}),
		list("long", page.AlertsView{
			Rows: long, Sinks: page.AlertSinks{Rows: longSinks()}, Routes: []string{longReason() + longWord},
		}),
		list("fault", page.AlertsView{
			State: page.StateFault, Fault: "The store did not respond within 5 seconds.", RetryURL: "/alerts",
			Sinks: page.AlertSinks{Fault: "They could not be read. Reload the page."},
		}),
		one("open", func(*page.AlertView) {}),
		one("ended", func(v *page.AlertView) {
			v.Row.Resolved, v.Row.Why = ago(2), "it is over"
		}),
		one("part", func(v *page.AlertView) {
			v.Row.Parts, v.Row.PartsText, v.Row.PartsMore = nil, "", ""
			v.Row.Whole = &page.AlertLink{Label: "The destination of genesys is down", URL: "/alerts/8"}
			v.Row.Severity, v.Row.Title, v.Kind = "warning", "New cause in genesys: 503 shard blue is down", "New cause"
			v.Links = []page.AlertLink{
				{Label: "Cause", URL: "/causes/1f0c"},
				{Label: "Claim", URL: "/causes/1f0c?open=claim"},
				{Label: "Mute", URL: "/causes/1f0c?open=mute"},
				{Label: "Test batch", URL: "/causes/1f0c?open=test"},
			}
		}),
		one("untold", func(v *page.AlertView) {
			v.Row.Told, v.Row.Untold = nil, "No route leads it to anyone."
		}),
		one("long", func(v *page.AlertView) {
			v.Row = long[0]
			v.Facts = []page.AlertFact{{Label: longWord, Value: longWord + longReason()}}
		}),
	}
}

func alertRows() []page.AlertRow {
	told := func(sink, what string, at float64) page.AlertTold {
		return page.AlertTold{Sink: sink, State: "was told", Tone: "done", What: what, At: ago(at)}
	}
	return []page.AlertRow{
		{
			ID: "9", URL: "/alerts/9", Severity: "warning", Title: "New cause: 422 customer is required",
			Text: "12 messages of genesys failed for it.", Sources: "genesys", Since: ago(4),
			Told: []page.AlertTold{told("ops", "that it began", 4)},
		},
		{
			ID: "8", URL: "/alerts/8", Severity: "critical", Title: "The destination of genesys is down",
			Text: "Connection refused by handler.example.com", Sources: "genesys", Since: ago(31),
			Told: []page.AlertTold{
				told("ops", "that it began", 31),
				{
					Sink: "pager", State: "not told yet", Tone: "warn", What: "tried 4 times", At: ago(2),
					Next:  ago(-3),
					Error: "PagerDuty answered 429: too many notices; asked to wait 1m",
				},
			},
			PartsText: "40 causes are part of this alert",
			Parts: []page.AlertPart{
				{Title: "New cause: Connection refused by handler.example.com", URL: "/alerts/7"},
				{Title: "New cause: 503 shard blue is down", URL: "/alerts/6"},
			},
			PartsMore: "and 38 more",
		},
		{
			ID: "5", URL: "/alerts/5", Severity: "info", Title: "Job 12 is done: 1,420 of 1,431 delivered",
			Since: ago(90), Untold: "No route leads it to anyone.",
		},
		{
			ID: "4", URL: "/alerts/4", Severity: "critical", Title: "Reconciliation found a difference",
			Since: ago(600), Resolved: ago(400), Why: "it is over",
			Told: []page.AlertTold{
				told("ops", "that it began", 600), told("ops", "that it ended", 400),
				{
					Sink: "mail", State: "given up", Tone: "fault", What: "tried 130 times", At: ago(120),
					Error: "The mail server cannot be reached: dial tcp 192.0.2.7:587: i/o timeout",
				},
				{Sink: "chat", State: "not told", Tone: "plain", What: "it ended before it was sent"},
			},
		},
	}
}

func untold() []page.AlertRow {
	rows := alertRows()[:1]
	rows[0].Told, rows[0].Untold = nil, "No route leads it to anyone."
	return rows
}

func fiftyAlerts() (rows []page.AlertRow) {
	for i := range 50 {
		row := alertRows()[i%4]
		row.ID = strconv.Itoa(100 - i)
		row.URL, row.Since = "/alerts/"+row.ID, ago(float64(10*i))
		rows = append(rows, row)
	}
	return rows
}

func alertSinks() []page.AlertSinkRow {
	return []page.AlertSinkRow{
		{
			Name: "ops", Kind: "Slack", Routes: []string{"all"}, State: "took the latest alert", Tone: "done",
			Since: ago(4), Test: &page.AlertTest{By: "anna", At: ago(1500), State: "was taken", Tone: "done"},
		},
		{
			Name: "pager", Kind: "PagerDuty", Routes: []string{"all", "night"}, State: "was not told anything yet",
			Tone: "plain",
		},
	}
}

func failingSinks() []page.AlertSinkRow {
	rows := alertSinks()
	rows[1].State, rows[1].Tone, rows[1].Since = "does not take alerts", "fault", ago(2)
	rows[1].Error = "PagerDuty answered 400: Event object is invalid. If it names the routing key, configure the " +
		"integration key of an Events API v2 integration"
	rows[1].Wait, rows[1].Next, rows[1].Routes = "3 alerts wait, the next is due", ago(-3), nil
	rows[1].Test = &page.AlertTest{
		By: "ben", At: ago(1), State: "was not taken", Tone: "fault",
		Error: "PagerDuty answered 400: Event object is invalid",
	}
	return rows
}

const refusedAddresses = "Correct the addresses below alerts.sinks: the mail server refuses jo@example.com " +
	"(550 no such mailbox)"

func partlyTold() []page.AlertRow {
	rows := alertRows()[:1]
	rows[0].Told = append(rows[0].Told, page.AlertTold{
		Sink: "team", State: "told only some people", Tone: "warn", What: "that it began", At: ago(4),
		Error: refusedAddresses,
	})
	return rows
}

func partlyTellingSinks() []page.AlertSinkRow {
	return append(alertSinks()[:1], page.AlertSinkRow{
		Name: "team", Kind: "E-mail", Routes: []string{"all"}, State: "told only some people of the latest alert",
		Tone: "warn", Since: ago(4), Error: refusedAddresses,
		Test: &page.AlertTest{
			By: "anna", At: ago(9), State: "reached only some people", Tone: "warn", Error: refusedAddresses,
		},
	})
}

func testedSinks() []page.AlertSinkRow {
	rows := alertSinks()
	rows[0].Test = &page.AlertTest{By: "anna", At: ago(0), State: "is being sent", Tone: "info", Runs: true}
	return rows
}

func viewerSinks() []page.AlertSinkRow {
	rows := alertSinks()
	for i := range rows {
		rows[i].Deny = viewer
	}
	return rows
}

func longSinks() []page.AlertSinkRow {
	rows := failingSinks()
	rows[0].Name, rows[0].Routes = longWord, []string{longWord, "all"}
	rows[1].Error, rows[1].Test.Error, rows[1].Test.By = longReason()+longWord, longWord, longWord
	return rows
}

func alertRoutes() []string {
	return []string{
		"all: every alert goes to ops and pager.",
		"night: warnings and above about genesys go to pager. Between 22:00 and 07:00 in Europe/Berlin they wait, " +
			"but for critical ones.",
	}
}

func alertOf() page.AlertView {
	return page.AlertView{
		Row: alertRows()[1], Kind: "Destination down",
		Facts: []page.AlertFact{
			{Label: "Failed", Value: "1,204 messages"}, {Label: "Breaker", Value: "open for 12 minutes"},
		},
		Links: []page.AlertLink{{Label: "Source genesys", URL: "/sources/genesys"}},
	}
}

// causeTold is what was told of a cause.
func causeTold() page.CauseTold {
	rows := alertRows()[:2]
	rows[1].Whole = &page.AlertLink{Label: "alert 8", URL: "/alerts/8"}
	return page.CauseTold{Rows: rows, Deleted: alertsDeleted}
}

const alertsDeleted = "Alerts are deleted 90 days after they end, with who was told of them."

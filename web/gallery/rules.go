package gallery

import (
	"strconv"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func rules() []Example {
	list := func(name string, v page.RulesView) Example {
		v.Chrome = chromeOf(name, "Rules", "/rules")
		return Example{Name: "rules-" + name, Component: page.Rules(v)}
	}
	rule := func(name string, change func(*page.RulePage)) Example {
		v := rulePage()
		change(&v)
		v.Chrome = chromeOf(name, v.Name, "/rules/1")
		return Example{Name: "rule-" + name, Component: page.Rule(v)}
	}
	form := func(name string, change func(*page.RuleForm)) Example {
		v := ruleForm()
		change(&v)
		v.Chrome = chromeOf(name, v.Heading, "/rules/new")
		return Example{Name: "rule-form-" + name, Component: page.MakeRule(v)}
	}
	long := ruleRows()[:1]
	long[0].Name, long[0].By = longWord, longWord
	long[0].What.Cause, long[0].What.Reason = longWord+longReason(), rtlText
	long[0].Why = longReason()
	return []Example{
		list("nothing", page.RulesView{State: page.StateNothing}),
		list("nothing-viewer", page.RulesView{State: page.StateNothing, Denied: viewer}),
		list("one", page.RulesView{Rows: ruleRows()[:1]}),
		list("some", page.RulesView{Rows: ruleRows()}),
		list("fifty", page.RulesView{Rows: fiftyRules()}),
		list("long", page.RulesView{Rows: long, Denied: viewer}),
		list("fault", page.RulesView{
			State: page.StateFault, Fault: "The store did not respond within 5 seconds.", RetryURL: "/rules",
		}),
		rule("shadow", func(*page.RulePage) {}),
		rule("shadow-none", func(v *page.RulePage) {
			v.Actions = nil
			v.Preview = page.RulePreview{
				Summary: "It would have replayed no message.",
				Bound:   "Looked at all 12 messages received in these days.",
			}
		}),
		rule("fault", func(v *page.RulePage) {
			v.Preview = page.RulePreview{Fault: "The store did not respond within 5 seconds."}
		}),
		rule("on", ruleOn),
		rule("off-by-itself", func(v *page.RulePage) {
			ruleOn(v)
			v.State, v.Why = "off", "11 of its last 20 replays failed again, more than 50 %"
			v.Last = page.RuleChange{How: "switched off", By: "system", At: ago(12)}
			v.Waiting, v.Switches = "", ruleSwitches("on", "shadow", "away")
		}),
		rule("conflict", func(v *page.RulePage) {
			v.Notice = ui.Notice{
				Kind: ui.Warn, Text: "The rule was switched on by ben 12 s ago: look at it again, then decide.",
				Hint: "You changed nothing.",
			}
		}),
		rule("viewer", func(v *page.RulePage) { v.Denied = viewer }),
		rule("fifty", func(v *page.RulePage) {
			ruleOn(v)
			for i := range 50 {
				row := v.Actions[i%len(v.Actions)]
				row.ID = "…b" + strconv.Itoa(10_000_00+i)
				v.Actions = append(v.Actions, row)
			}
			v.OlderURL = "/rules/1?cursor=o1"
		}),
		rule("long", func(v *page.RulePage) {
			ruleOn(v)
			v.Name, v.By, v.What.Cause, v.What.Reason = longWord, longWord, longWord, longReason()
			v.Recipe, v.Language, v.Saved = longWord+"\n"+longReason(), "jq", longWord
			v.SavedURL = "/recipes/1"
			v.Actions[1].Text, v.Why = longWord+longReason(), longReason()
		}),
		form("cause", func(*page.RuleForm) {}),
		form("source", func(v *page.RuleForm) {
			v.Cause, v.OfCause, v.Code = "", false, ""
			v.BackURL, v.Back = "/rules", "Rules"
		}),
		form("archive", func(v *page.RuleForm) { v.Action = "archive" }),
		form("recipe", func(v *page.RuleForm) {
			v.Recipe, v.Text, v.EditReason = true, `{"customer":{"id":"4711"}}`, "The field was renamed"
			v.Saved = []ui.Option{{Value: "1@3", Label: "customer id, version 3"}}
		}),
		form("fault", func(v *page.RuleForm) {
			v.OfCause, v.Recipe = false, true
			v.Error = "There are 100 rules, as many as there can be: put one away first."
			v.Errors = map[string]string{
				"name":       "Give the rule a name.",
				"code":       "Enter a status code such as 503.",
				"after":      "Enter a wait.",
				"times":      "Enter 1 to 20 replays of a message.",
				"maxFailed":  "Enter 1 to 100 percent of failed replays.",
				"perHour":    "Enter 1 to 1000 messages an hour.",
				"patch":      "Write the recipe.",
				"editReason": "Say why.",
				"source":     "Choose the source.",
				"action":     "Choose whether the rule archives or replays.",
			}
		}),
		form("change", func(v *page.RuleForm) {
			v.Heading, v.Button, v.Version = "Change rule", "Save, and put into shadow", "3"
			v.BackURL, v.Back = "/rules/1", "Rule"
		}),
		form("long", func(v *page.RuleForm) {
			v.Name, v.Title, v.Sources[0].Label = longWord, longWord+rtlText, longWord
		}),
		form("viewer", func(v *page.RuleForm) { v.Denied = viewer }),
	}
}

func ruleRows() []page.RuleRow {
	return []page.RuleRow{
		{
			Name: "again after restarts", URL: "/rules/1", State: "on", By: "anna",
			What: page.RuleWords{
				Source: "genesys", Cause: "503 shard blue is down", CauseURL: "/causes/4f2a9c6d01b7e385",
				Then: "replay it after 10 minutes, 3 times at most", PerHour: "100 messages",
			},
			Parts: []page.JobPart{
				part("214 delivered", "done"), part("3 failed again", "fault"), part("12 waiting", "plain"),
			},
		},
		{
			Name: "archive tests", URL: "/rules/2", State: "shadow", By: "ben",
			What: page.RuleWords{
				Source: "cxone", Code: "4xx", Then: "archive it", Reason: "sent by the nightly test",
				PerHour: "1,000 messages",
			},
			Parts: []page.JobPart{part("40 in shadow", "plain")},
		},
		{
			Name: "rename the field", URL: "/rules/3", State: "off", By: "anna",
			Why: "11 of its last 20 replays failed again, more than 50 %",
			What: page.RuleWords{
				Source: "genesys", Code: "422", Then: "edit it by a recipe and replay it after 1 minute, once at most",
				Reason: "the field was renamed", PerHour: "10 messages",
			},
		},
		{
			Name: "no answer", URL: "/rules/4", State: "off", By: "anna",
			What: page.RuleWords{
				Source: "genesys", Code: "none", Then: "replay it after 1 hour, 2 times at most",
				PerHour: "50 messages",
			},
		},
	}
}

func fiftyRules() (rows []page.RuleRow) {
	for i := range 50 {
		row := ruleRows()[i%4]
		row.Name += " " + strconv.Itoa(i+1)
		rows = append(rows, row)
	}
	return rows
}

func ruleSwitches(states ...string) (list []page.RuleSwitch) {
	all := map[string]page.RuleSwitch{
		"on":     {State: "on", Label: "Switch on", Icon: "check", Primary: true},
		"shadow": {State: "shadow", Label: "Put into shadow", Icon: "eye"},
		"off":    {State: "off", Label: "Switch off", Icon: "pause"},
		"away":   {State: "away", Label: "Put away", Icon: "archive"},
	}
	for _, s := range states {
		list = append(list, all[s])
	}
	return list
}

func rulePage() page.RulePage {
	row := ruleRows()[0]
	row.State, row.Parts = "shadow", []page.JobPart{part("40 in shadow", "plain")}
	row.Last = page.RuleChange{How: "made", By: "anna", At: ago(90)}
	action := func(id, state string, minutes float64, text string) page.RuleActionRow {
		return page.RuleActionRow{
			ID: id, URL: "/messages/" + id, State: state, Failed: ago(minutes + 10), At: ago(minutes), Text: text,
		}
	}
	v := page.RulePage{
		RuleRow: row, Version: "1", Switches: ruleSwitches("on", "off", "away"), EditURL: "/rules/1/edit",
		Unknown:   "Messages that may already have been processed are left alone",
		MaxFailed: "50 %",
		Created:   page.RuleChange{By: "anna", At: ago(90)},
		Preview: page.RulePreview{
			Summary: "It would have replayed 214 messages, 240 times in all.",
			Busiest: "In the busiest hour 112 such messages failed: the rule takes 100 an hour, and the others " +
				"would have waited.",
			Bound: "Looked at all 230 messages of the cause received in these days.",
			More:  "The 50 that failed last are shown.",
		},
		Actions: []page.RuleActionRow{
			action("…8c1f22a0", "shadow", 4, ""), action("…8c1f229e", "shadow", 40, ""),
		},
		Events: []page.AuditRow{{At: ago(90), Actor: "anna", Sentence: "made this rule"}},
	}
	days := []string{"Mon 2 March", "Sun 1 March", "Sat 28 February", "Fri 27 February", "Thu 26 February"}
	for i, n := range []int{112, 31, 0, 40, 31} {
		v.Preview.Days = append(v.Preview.Days, page.RuleDay{
			Day: days[i], Messages: strconv.Itoa(n), Share: strconv.Itoa(100 * n / 112),
		})
	}
	for i, status := range []string{"failed", "resolved", "archived", "failed"} {
		v.Preview.Rows = append(v.Preview.Rows, page.RuleWouldAct{
			ID: "…8c1f22a" + strconv.Itoa(i), URL: "/messages/1", Failed: ago(float64(14 + 30*i)), Status: status,
		})
	}
	v.Preview.Rows[1].Times = "3 times"
	return v
}

// ruleOn makes the rule of a page one that is on.
func ruleOn(v *page.RulePage) {
	v.State, v.Parts, v.Preview = "on", ruleRows()[0].Parts, page.RulePreview{}
	v.Last = page.RuleChange{How: "switched on", By: "anna", At: ago(60)}
	v.Switches, v.Waiting, v.GoesOn = ruleSwitches("off", "shadow", "away"), "12 messages", ago(-22)
	row := func(id, state string, minutes float64, text string) page.RuleActionRow {
		return page.RuleActionRow{
			ID: id, URL: "/messages/" + id, State: state, Failed: ago(minutes + 10), At: ago(minutes), Text: text,
		}
	}
	v.Actions = []page.RuleActionRow{
		row("…8c1f22a0", "waiting", -8, ""),
		row("…8c1f229e", "failed", 2, "503 shard blue is down."),
		row("…8c1f2291", "skipped", 3, "Archived by ben in the meantime."),
		row("…8c1f2290", "delivered", 4, ""),
		row("…8c1f228f", "in_flight", 0.1, ""),
		row("…8c1f228e", "archived", 40, ""),
	}
	v.Events = []page.AuditRow{
		{At: ago(60), Actor: "anna", Sentence: "switched on this rule"},
		{At: ago(90), Actor: "anna", Sentence: "made this rule"},
	}
}

func ruleForm() page.RuleForm {
	return page.RuleForm{
		Heading: "New rule", PostURL: "/rules", Button: "Make rule in shadow", OfCause: true,
		Cause: "4f2a9c6d01b7e385", Title: "503 shard blue is down", CauseURL: "/causes/4f2a9c6d01b7e385",
		BackURL: "/causes/4f2a9c6d01b7e385", Back: "Cause", Code: "503",
		Sources: []ui.Option{{Value: "genesys", Label: "genesys", Selected: true}, {Value: "cxone", Label: "cxone"}},
		Action:  "replay", After: "10", Times: "3", PerHour: "100", MaxFailed: "50",
	}
}

// rulesSwitchedOff are the notices on other pages.
func rulesSwitchedOff() []page.RuleNote {
	return []page.RuleNote{{
		Name: "rename the field", URL: "/rules/3", State: "off",
		Why: "11 of its last 20 replays failed again, more than 50 %",
	}}
}

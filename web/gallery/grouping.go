package gallery

import (
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func grouping() []Example {
	rules := func(name string, change func(*page.GroupingView)) Example {
		v := groupingView()
		change(&v)
		return Example{Name: "grouping-" + name, Component: page.Grouping(chromeOf(name, "Grouping", "/causes"), v)}
	}
	merge := func(name string, change func(*page.MergeView)) Example {
		v := mergeView()
		change(&v)
		return Example{Name: "merge-" + name, Component: page.MergeCauses(chromeOf(name, "Merge causes", "/causes"), v)}
	}
	split := func(name string, change func(*page.SplitView)) Example {
		v := page.SplitView{
			Fingerprint: "4f2a9c6d01b7e385",
			Title:       "503 shard blue is down for tenant 4",
			URL:         "/causes/4f2a9c6d01b7e385",
			Examples:    []string{"shard blue is down for tenant 4", "shard blue is down for tenant 7"},
		}
		change(&v)
		return Example{Name: "split-" + name, Component: page.SplitCause(chromeOf(name, "Split a cause", "/causes"), v)}
	}
	return []Example{
		rules("rules", func(*page.GroupingView) {}),
		rules("none", func(v *page.GroupingView) { v.Rows = nil }),
		rules("viewer", func(v *page.GroupingView) {
			v.Denied = viewer
			v.Rows[0].UndoURL, v.Rows[0].Denied = "", viewer
		}),
		rules("progress", func(v *page.GroupingView) {
			v.Progress = page.GroupProgress{Done: "12,400", Of: "80,000", Percent: "15"}
		}),
		rules("tried", func(v *page.GroupingView) {
			v.Form.Open, v.Form.Pattern, v.Form.Title = true, `shard (\w+)`, "Shard $1 is down"
			v.Trial = groupTrial()
		}),
		rules("fault", func(v *page.GroupingView) {
			v.Form.Open, v.Form.Pattern = true, "shard ("
			v.Form.PatternError = "The pattern has a fault, missing closing ), at \"shard (\": close what you open, and write " +
				"\\( or \\[ for the character."
			v.Form.TitleError = "Give the cause that the pattern joins a title."
		}),
		rules("long", func(v *page.GroupingView) {
			v.Rows[0].From[0], v.Rows[1].Pattern = longWord, longWord
			v.Rows[2].Source, v.Rows[3].By = longWord, longWord
		}),
		merge("causes", func(*page.MergeView) {}),
		merge("fault", func(v *page.MergeView) { v.Error = "Select two causes at least." }),
		merge("viewer", func(v *page.MergeView) { v.Denied = viewer }),
		merge("one", func(v *page.MergeView) { v.Chosen, v.Others, v.Text = v.Chosen[:1], nil, "tenant" }),
		split("cause", func(*page.SplitView) {}),
		split("tried", func(v *page.SplitView) { v.Text, v.Trial = "tenant 7", groupTrial() }),
		split("fault", func(v *page.SplitView) {
			v.Text, v.Error = "shard", "Every message of this cause has that in its error: choose a word that only some have."
		}),
		split("viewer", func(v *page.SplitView) { v.Denied = viewer }),
	}
}

func groupTrial() *page.GroupTrial {
	return &page.GroupTrial{
		Summary: "Joins 3 causes, 1,204 messages; splits 1 cause, from which 200 messages would move.",
		Looked:  "Looked at 4,031 stored messages.",
		Moves: []page.GroupMove{
			{URL: "/causes/1", Title: "503 shard blue is down", Messages: "1,100 messages", To: "Shard blue is down"},
			{URL: "/causes/2", Title: "503 shard red is down", Messages: "104 messages", To: "Shard red is down"},
			{
				URL:      "/causes/3",
				Title:    "500 upstream failed",
				Messages: "200 messages",
				Stay:     "210",
				To:       "Shard red is down",
			},
		},
	}
}

func groupingView() page.GroupingView {
	sources := []ui.Option{{Value: "genesys", Label: "genesys"}, {Value: "cxone", Label: "cxone"}}
	return page.GroupingView{
		Sources: sources,
		Form:    page.GroupRuleForm{Kind: "join", Sources: sources},
		Rows: []page.GroupRuleRow{
			{
				Kind:    "merge",
				Source:  "genesys",
				Into:    "503 shard blue is down",
				From:    []string{"503 shard red is down"},
				By:      "olga",
				At:      ago(12),
				UndoURL: "/causes/grouping/4/undo",
			},
			{
				Kind: "split", Source: "genesys", Pattern: `(?i)tenant 7`, Title: "Tenant 7",
				Into: "503 shard blue is down", By: "ben", At: ago(60), Undone: "olga",
			},
			{
				Kind: "join", Source: "cxone", Pattern: `contact list \S+ is full`, Title: "Contact list is full",
				At: ago(600), Denied: "This rule is in the configuration: remove it there, and reload.",
			},
			{Kind: "ignore", Source: "cxone", Pattern: `shard-[a-z]+`, By: "root", At: ago(900)},
		},
	}
}

func mergeView() page.MergeView {
	cause := func(n, title, messages string) page.MergeCause {
		return page.MergeCause{
			Fingerprint: n, Title: title, URL: "/causes/" + n, Open: "12", Messages: messages, State: "open",
			AddURL: "/causes/merge?cause=" + n,
		}
	}
	v := page.MergeView{
		Source: "genesys",
		Chosen: []page.MergeCause{
			cause("1", "503 shard blue is down", "410 messages"), cause("2", "503 shard red is down", "12 messages"),
		},
		Others: []page.MergeCause{
			cause("3", "422 field id is missing in conversation.participants[1]", "214 messages"),
			cause("4", "404 no such route", "3 messages"),
		},
	}
	v.Chosen[0].Into = true
	return v
}

package gallery

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func overview() []Example {
	overview := func(name string, change func(*page.OverviewFigures)) Example {
		figures := overviewFiguresOf()
		change(&figures)
		return Example{
			Name:      "overview-" + name,
			Component: page.Overview(chromeOf(name, "Overview", "/overview"), figures),
		}
	}
	figures := overviewFiguresOf()
	return []Example{
		overview("breaker", func(*page.OverviewFigures) {}),
		overview("breakers", func(v *page.OverviewFigures) { v.Breakers = breakers() }),
		overview("breakers-viewer", func(v *page.OverviewFigures) {
			v.Breakers = nil
			for _, o := range breakers() {
				if o.Probe != "" && o.Denied == "" {
					o.Denied = viewer
				}
				v.Breakers = append(v.Breakers, o)
			}
		}),
		overview("breakers-long", func(v *page.OverviewFigures) {
			v.Breakers = breakers()
			v.Breakers[0].Source, v.Breakers[0].LastOutcome = longWord, longReason()
			v.Breakers[0].Waiting = link("12,345,678")
			v.Breakers[1].Source, v.Breakers[1].LastOutcome = rtlText, rtlText
			v.Breakers[2].LastOutcome = longWord + longWord
		}),
		overview("on-their-way", func(v *page.OverviewFigures) {
			n := onTheirWay()
			v.Notices = []page.StandingNotice{{Kind: n.Kind, Text: n.Text, Hint: n.Hint}}
		}),
		overview("notices", func(v *page.OverviewFigures) { v.Notices = notices() }),
		overview("rules-off", func(v *page.OverviewFigures) {
			v.RulesOff, v.Suggested = rulesSwitchedOff(), suggestionRows()
		}),
		overview("grouping", func(v *page.OverviewFigures) {
			v.Grouping = page.GroupProgress{Done: "12,400", Of: "80,000", Percent: "15"}
		}),
		overview("notices-long", func(v *page.OverviewFigures) {
			v.Notices = notices()
			v.Notices[0].Items = []string{longWord + longWord, longReason(), rtlText}
			v.Notices[1].Items = []string{"queues." + longWord + ".url"}
		}),
		overview("one", func(v *page.OverviewFigures) {
			v.Source, v.Sources, v.Plot = "genesys", v.Sources[:1], plotOf(
				96, func(i int) (int, int, int) { return oneIf(i == 90), 0, 0 },
			)
			v.Headlines = headlinesOf("1", "0", "1", "0", "0")
			v.Causes = v.Causes[:1]
		}),
		overview("quiet", func(v *page.OverviewFigures) {
			v.Breakers = nil
			v.Plot, v.Steps, v.Causes = plotOf(96, func(int) (int, int, int) { return 0, 0, 0 }), nil, nil
			v.Headlines = headlinesOf("0", "0", "0", "0", "0")
			zero := page.Count{Text: "0"}
			for i := range v.Sources {
				v.Sources[i] = page.SourceRow{
					Name: v.Sources[i].Name,
					URL:  v.Sources[i].URL,
					Plot: v.Plot,
					SourceHealth: page.SourceHealth{
						Destination: v.Sources[i].Destination,
						Health:      page.HealthUnknown,
						Note:        "No delivery since dlqdesk started.",
					},
					Failed: zero, ByRetries: zero, ByPeople: zero, Retrying: zero, FailedNow: zero,
				}
			}
			for i := range v.Ages {
				v.Ages[i] = page.AgeRow{Age: v.Ages[i].Age, FailedNow: zero, Retrying: zero}
			}
			v.Queues[0].Waiting, v.Queues[0].Oldest, v.Queues[0].NoOldestReason = zero, ui.Moment{}, "empty"
		}),
		overview("long", longOverview),
		overview("nothing", func(v *page.OverviewFigures) {
			*v = page.OverviewFigures{
				State: page.StateNothing,
				Curl:  "curl -i -d '{\"id\":\"c0ffee00\"}' \\\n  http://127.0.0.1:8080/webhooks/genesys",
				URL:   "/overview",
			}
		}),
		overview("fault", func(v *page.OverviewFigures) {
			*v = page.OverviewFigures{
				State:    page.StateFault,
				Fault:    "The store did not respond within 5 seconds.",
				RetryURL: "/overview",
			}
		}),
		{Name: "overview-partial", Component: page.OverviewContent(figures), Partial: true},
	}
}

// onTheirWay says that webhooks fail faster than they can be shown.
func onTheirWay() ui.Notice {
	return ui.Notice{
		Kind: ui.Info, Text: "1,204 failed webhooks are on their way to the desk.",
		Hint: "They are safe on the queue. While very many fail, receiving goes before showing.",
	}
}

// notices returns what a reload of the configuration left to do.
func notices() []page.StandingNotice {
	return []page.StandingNotice{
		{
			Kind: ui.Fault, Text: "The changed configuration was not applied.", At: ago(4),
			Hint: "The settings from before stay in force. Mend the file, then reload again.",
			Items: []string{
				"/etc/dlqdesk.yaml:14: sources.genesys.timeout: must be under 30s (got 2m)",
				"/etc/dlqdesk.yaml:19: sources.genesys.retyr: is no key here: did you mean retry?",
			},
		},
		{
			Kind: ui.Warn, Text: "Restart dlqdesk to apply 2 changed keys.",
			Hint: "Everything else that changed is in force.", Items: []string{"listen", "queue.dlq_url"},
		},
	}
}

// overviewFiguresOf is a day with failures for two hours and the recovery from it.
func overviewFiguresOf() page.OverviewFigures {
	day := plotOf(96, func(i int) (int, int, int) {
		failed, itself, people := 2+i*7%4, 1+i*5%3, oneIf(i%11 == 0)
		if i >= 50 && i < 58 {
			failed, itself = 60+i*13%25, 0
		}
		if i >= 58 && i < 66 {
			itself, people = 40+i*11%17, 15+i*7%9
		}
		return failed, itself, people
	})
	v := page.OverviewFigures{
		URL:       "/overview?range=24+h",
		Span:      "24 hours",
		AsOf:      ago(0),
		Plot:      day,
		Breakers:  breakers()[:1],
		Headlines: headlinesOf("214", "31", "1,204", "731", "182"),
		Queues: []page.QueueRow{
			{
				Name:     "dlqdesk-dlq",
				Content:  "Failed messages",
				Waiting:  page.Count{Text: "12", URL: "/overview/queues/dlq"},
				InFlight: page.Count{Text: "4", URL: "/overview/queues/dlq?tab=in-flight"},
				Oldest:   ago(3),
			},
			{
				Name:           "processing",
				Content:        "Buffered webhooks",
				Waiting:        page.Count{Text: "1,204"},
				InFlight:       page.Count{Text: "10"},
				Delayed:        "3",
				NoOldestReason: "not reported by SQS",
				Expires:        ago(-60 * 22),
				NoListReason: "SQS cannot list messages: each appears under Messages once it is received. " +
					"A message expires 4 days after it was sent.",
			},
		},
		Causes: []page.TopCause{
			{
				Text:      "503 upstream is restarting",
				URL:       "/causes/c1",
				Source:    "cxone",
				FailedNow: link("121"),
				Retrying:  link("24"),
				First:     ago(64),
				Newest:    ago(4),
				Share:     100,
				Replays:   "0 of 20 unedited replays succeeded",
			},
			{
				Text:      "422 field id is missing in conversation.participants[1]",
				URL:       "/causes/c2",
				Source:    "genesys",
				FailedNow: link("58"),
				Retrying:  page.Count{Text: "0"},
				First:     ago(60 * 30),
				Newest:    ago(12),
				Share:     40,
			},
			{
				Text:      "Connection refused by 10.2.0.14:9090",
				URL:       "/causes/c3",
				Source:    "cxone",
				FailedNow: link("21"),
				Retrying:  link("7"),
				First:     ago(300),
				Newest:    ago(90),
				Share:     19,
			},
			{
				URL:       "/causes/c4",
				Text:      "No response within 10 s: the destination may have processed it",
				FailedNow: link("14"),
				Retrying:  page.Count{Text: "0"},
				First:     ago(900),
				Newest:    ago(400),
				Share:     9,
			},
		},
		Ages: []page.AgeRow{
			{Age: "Under 1 hour", FailedNow: link("38"), Retrying: link("24"), Share: 31},
			{Age: "1 to 24 hours", FailedNow: link("121"), Retrying: link("7"), Share: 100},
			{Age: "1 to 7 days", FailedNow: link("41"), Retrying: page.Count{Text: "0"}, Share: 34},
			{Age: "Over 7 days", FailedNow: link("14"), Retrying: page.Count{Text: "0"}, Share: 12},
		},
		Sources: []page.SourceRow{
			{
				Name:         "genesys",
				SourceHealth: page.SourceHealth{Health: page.HealthUp, Destination: "handler.internal:9090"},
			},
			{
				Name: "cxone",
				SourceHealth: page.SourceHealth{
					Health:      page.HealthOpen,
					Since:       ago(62),
					Note:        "212 deliveries in a row: 503: upstream is restarting",
					Destination: "10.2.0.14:9090",
				},
			},
			{
				Name: "orders",
				SourceHealth: page.SourceHealth{
					Health:      page.HealthErrors,
					Note:        "The latest 3 deliveries: 404: no such route",
					Destination: "orders.internal",
				},
			},
			{
				Name: "billing",
				SourceHealth: page.SourceHealth{
					Health:      page.HealthFailing,
					Since:       ago(3),
					Note:        "2 deliveries in a row: 429: 100 requests a minute are allowed",
					Destination: "billing.internal",
				},
			},
			{Name: "old-crm"},
		},
	}
	for _, r := range []page.RangeLink{
		{Value: "1h", Label: "1 h", Name: "hour"},
		{Value: "24h", Label: "24 h", Name: "24 hours", Current: true},
		{Value: "7d", Label: "7 d", Name: "7 days"},
		{Value: "30d", Label: "30 d", Name: "30 days"},
	} {
		r.URL = "/overview?range=" + r.Value
		v.Ranges = append(v.Ranges, r)
	}
	for i := range v.Sources {
		row := &v.Sources[i]
		row.URL, row.Plot = "/overview?source="+row.Name, plotOf(96, func(k int) (int, int, int) {
			wave := int(4 + 4*math.Sin(float64(k)/9+float64(i)))
			return wave, wave / 2, wave % 3
		})
		row.Failed, row.ByRetries = link(strconv.Itoa(311+i*97)), link(strconv.Itoa(190+i*11))
		row.ByPeople = link(strconv.Itoa(44 - i*9))
		row.FailedNow, row.Retrying = link(strconv.Itoa(70+i*21)), page.Count{Text: "0"}
	}
	for i := range 40 {
		v.Steps = append(v.Steps, page.StepRow{
			From:      ago(float64(15 * i)),
			Failed:    link(strconv.Itoa(2 + i*i%80)),
			ByRetries: link(strconv.Itoa(1 + i*7%50)),
			ByPeople:  page.Count{Text: "0"},
		})
	}
	return v
}

// breakers are in every state.
func breakers() []page.BreakerView {
	list := []page.BreakerView{
		{
			Source:        "cxone",
			State:         page.BreakerOpen,
			Since:         ago(62),
			Waiting:       link("312"),
			Messages:      "messages waiting",
			LastDelivery:  ago(0.1),
			Next:          ago(-0.15),
			LastOutcome:   "503: upstream is restarting",
			Note:          "Next probe",
			Probe:         "/destinations/cxone/probe",
			WithoutSource: link("3 without a source"),
			Job:           "job 17",
			JobURL:        "/jobs/17",
		},
		{
			Source:       "orders",
			State:        page.BreakerOpen,
			Since:        ago(60 * 26),
			Waiting:      page.Count{Text: "0"},
			Messages:     "messages waiting",
			LastDelivery: ago(14),
			LastOutcome:  "Connection refused by 10.2.0.14:9090",
			Note:         "The next webhook or replay probes it.",
			Probe:        "/destinations/orders/probe",
			Denied:       "No message waits for a retry: there is nothing to probe it with.",
		},
		{
			Source:       "billing",
			State:        page.BreakerPaused,
			Since:        ago(-12),
			Waiting:      link("1"),
			Messages:     "message waiting",
			LastDelivery: ago(3),
			LastOutcome:  "429: 100 requests a minute are allowed",
			Note:         "Retries and jobs continue then.",
			Probe:        "/destinations/billing/probe",
		},
		{
			Source:   "genesys",
			State:    page.BreakerHalfOpen,
			Since:    ago(2),
			Waiting:  link("180"),
			Messages: "messages waiting",
			Note:     "Waiting messages are sent: 20 a second now, more while deliveries succeed.",
		},
	}
	for i := range list {
		list[i].Position, list[i].Back = strconv.Itoa(i), "range=24h"
	}
	return list
}

func longOverview(v *page.OverviewFigures) {
	v.Source = longWord
	v.Headlines = headlinesOf("12,345,678", "1,234,567", "98,765,432", "87,654,321", "1,234,567")
	v.Sources[0].Name, v.Sources[0].Destination, v.Sources[0].FailedNow = longWord, longWord, link("12,345,678")
	v.Sources[1].Name, v.Sources[1].Note = rtlText, "3 deliveries in a row: "+longReason()
	v.Sources[2].Note = emoji
	v.Causes[0].Text, v.Causes[1].Text, v.Causes[2].Text, v.Causes[3].Text = longReason(), rtlText, emoji, longWord
	v.Causes[0].Source = longWord
	v.Ages[0].FailedNow, v.Ages[1].FailedNow = link("10,000+"), link("10,000+")
	v.Queues[0].Name = longWord
	v.Queues[1].Fault.Text = "The queue cannot be read. It is tried again in a few seconds."
}

func link(text string) page.Count {
	return page.Count{Text: text, URL: "/messages?status=all&source=genesys&from=2026-03-02T08:00"}
}

func headlinesOf(open, retrying, failed, itself, people string) []page.Headline {
	list := []page.Headline{
		{Label: "Failed now", Count: link(open), Tone: "tone-failed"},
		{Label: "Retrying now", Count: link(retrying), Tone: "tone-retrying"},
		{Label: "Failed, last 24 hours", Count: link(failed)},
		{Label: "Recovered by retries", Count: link(itself), Note: "80 % of what recovered", Tone: "tone-resolved"},
		{Label: "Recovered by people", Count: link(people), Note: "20 %", Tone: "tone-replaying"},
	}
	for i := range list {
		if list[i].Count.Text == "0" {
			list[i].Count, list[i].Tone, list[i].Note = page.Count{Text: "0"}, "", ""
		}
	}
	return list
}

// plotOf draws steps of a quarter of an hour that end in the gallery's present.
func plotOf(steps int, at func(step int) (failed, byItself, byPeople int)) page.Plot {
	const step = 15 * time.Minute
	data := struct {
		From      int64  `json:"from"`
		Step      int64  `json:"step"`
		Failed    []int  `json:"failed"`
		ByRetries []int  `json:"byRetries"`
		ByPeople  []int  `json:"byPeople"`
		URL       string `json:"url"`
	}{Step: step.Milliseconds(), URL: "/messages?status=all"}
	data.From = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC).Add(-step * time.Duration(steps)).UnixMilli()
	total := 0
	for i := range steps {
		failed, itself, people := at(i)
		data.Failed, data.ByRetries = append(data.Failed, failed), append(data.ByRetries, itself)
		data.ByPeople = append(data.ByPeople, people)
		total += failed
	}
	text, err := json.Marshal(data)
	if err != nil {
		return page.Plot{}
	}
	return page.Plot{Summary: fmt.Sprintf("In the last 24 hours %d failed.", total), Data: string(text)}
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

package gallery

import "dlqdesk/web/page"

import "strconv"

func queue() []Example {
	queue := func(name string, change func(*page.QueueView)) Example {
		v := page.QueueView{
			Chrome:   chromeOf(name, "On disk, until SQS confirms", "/overview/queues/dlq"),
			Name:     "dlq",
			Content:  "On disk, until SQS confirms",
			NextStep: "A message moves to SQS as soon as SQS confirms it.",
			Tabs: []page.QueueTab{
				{Label: "Waiting", Count: "312", URL: "/overview/queues/dlq", Current: true},
				{Label: "In flight", Count: "1", URL: "/overview/queues/dlq?tab=in-flight", Current: false},
			},
			NextURL: "/overview/queues/dlq?after=50",
		}
		for i := range 50 {
			v.Rows = append(v.Rows, page.QueuedRow{
				ID:       "c0ffee00-7a1d-4e5b-9c3f-0000000000" + strconv.Itoa(10+i),
				Source:   "genesys",
				Reason:   "The CRM is down for maintenance",
				Size:     "1.2 KiB",
				QueuedAt: ago(50 - float64(i)),
			})
		}
		change(&v)
		return Example{Name: "queue-" + name, Component: page.Queue(v)}
	}
	return []Example{
		queue("waiting", func(*page.QueueView) {}),
		queue("work", func(v *page.QueueView) {
			v.InFlight, v.Tabs[0].Current, v.Tabs[1].Current, v.NextURL, v.Rows = true, false, true, "", v.Rows[:1]
			v.Rows[0].Receives, v.Rows[0].VisibleAt, v.Rows[0].Reason = "2", ago(-0.5), ""
		}),
		queue("long", func(v *page.QueueView) {
			v.Name, v.NextURL, v.FirstURL, v.Rows = longWord, "", "/overview/queues/dlq", v.Rows[:5]
			v.Rows[0].ID, v.Rows[0].Source, v.Rows[0].Reason = longWord, longWord, longReason()
			v.Rows[1].Source, v.Rows[1].Reason = "", rtlText
			v.Rows[2].Source, v.Rows[2].Reason, v.Rows[2].Receives = emoji, emoji, "1,204"
			v.Rows[3].TooLarge, v.Rows[3].Size = true, "92.4 MiB"
			v.Rows[4].Reason = longWord
		}),
		queue(
			"nothing",
			func(v *page.QueueView) {
				v.State, v.Rows, v.Tabs[0].Count, v.Tabs[1].Count = page.StateNothing, nil, "0", "0"
			},
		),
		queue("fault", func(v *page.QueueView) {
			v.State = page.StateFault
			v.Rows = nil
			v.Fault = "The store did not respond within 5 seconds."
			v.RetryURL = "/overview/queues/dlq"
		}),
	}
}

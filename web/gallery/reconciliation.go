package gallery

import (
	"strconv"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func reconciliation() []Example {
	reconciliation := func(name string, change func(*page.ReconciliationTableView)) Example {
		v := reconciliationBook()
		change(&v)
		frame := chromeOf(name, "Reconciliation", "/reconciliation")
		frame.Unbalanced = len(v.Imbalances) > 0
		return Example{Name: name, Component: page.Reconciliation(frame, v)}
	}
	return []Example{
		reconciliation("reconciliation", func(*page.ReconciliationTableView) {}),
		reconciliation("reconciliation-imbalanced", imbalanced),
		reconciliation("reconciliation-explained", func(v *page.ReconciliationTableView) {
			v.Explained = []page.ImbalanceView{
				imbalanceOf(
					"2 messages more than was counted",
					"genesys",
					"dlqdesk was killed: it was heard of last at 09:14:07 UTC on 2 March, and had not saved the "+
						"counts of its last second. The messages are here; a loss of up to 2 in the same hour "+
						"would not show beside them.",
					"",
				),
			}
			v.Rows[4].Difference, v.Rows[4].Explained = "2 more", true
		}),
		reconciliation("reconciliation-acknowledged", func(v *page.ReconciliationTableView) {
			imbalanced(v)
			v.Result = page.ReconciliationResult{
				Tone: ui.Info, Text: "Every hour balances, but for what is acknowledged: 2 imbalances.",
				Hint: "Everything else that was answered 200 is delivered, waits, or is a message.", At: ago(0.1),
			}
			v.Acknowledged, v.Imbalances = v.Imbalances, nil
			for i := range v.Acknowledged {
				a := &v.Acknowledged[i]
				a.AckURL, a.AckAmount, a.AckBy, a.AckAt, a.AckNote = "", "", "ben", ago(47), longReason()
			}
			v.Rows[5].Explained, v.Rows[6].Explained = true, true
		}),
		{Name: "reconciliation-acknowledge", Component: page.Acknowledge(acknowledgeView())},
		{Name: "reconciliation-acknowledge-refused", Component: page.Acknowledge(func() page.AcknowledgeView {
			v := acknowledgeView()
			v.Note, v.Fault = longReason(), "Say what you found out: the note is kept with this hour."
			return v
		}())},
		{Name: "reconciliation-acknowledge-viewer", Component: page.Acknowledge(func() page.AcknowledgeView {
			v := acknowledgeView()
			v.Denied = viewer
			return v
		}())},
		reconciliation("reconciliation-unchecked", func(v *page.ReconciliationTableView) {
			v.Result = page.ReconciliationResult{
				Tone: ui.Warn,
				Text: "The ledger cannot be checked now: a queue does not report its depth.",
				Hint: "It is tried again every few seconds. Until then this is what was counted.",
				At:   ago(12),
			}
			v.Queues[0].Fault = page.QueueFault{
				Text:  "SQS does not confirm messages: they wait on this machine's disk",
				Since: ago(12),
			}
			v.Queues = append(v.Queues, page.ReconciliationQueue{
				Name:      "dlq",
				Content:   "On disk, until SQS confirms",
				Waiting:   "312",
				Retention: "until processed",
				Oldest:    ago(12),
			})
		}),
		reconciliation("reconciliation-waiting", func(v *page.ReconciliationTableView) {
			v.Queues[0].Waiting, v.Queues[0].Note = "1,204", "Not reported by SQS. A message expires 4 days after "+
				"it was sent."
			v.Queues[0].Undeleted = []page.UndeletedMessage{
				{
					ID:      messageID(1),
					URL:     "/messages/" + messageID(1),
					Reason:  "is kept, and waits to be deleted from the queue",
					Expires: ago(-60 * 24 * 3),
				},
				{ID: messageID(2), Reason: "could not be written to the store yet", Expires: ago(-60 * 22)},
			}
			v.Rows[0].Waiting = "1,204"
			v.Queues[1].Shared = "Other receivers may deliver from here: a webhook is accounted for by the one " +
				"that does, so one that is lost here does not show."
		}),
		reconciliation("reconciliation-many", func(v *page.ReconciliationTableView) {
			v.Rows = nil
			for hour := range 24 {
				for source := range 10 {
					v.Rows = append(v.Rows, reconciliationRowOf(hour, "source-"+strconv.Itoa(source)))
				}
			}
		}),
		reconciliation("reconciliation-long", func(v *page.ReconciliationTableView) {
			imbalanced(v)
			v.Imbalances[0].Source, v.Imbalances[1].Source = longWord, rtlText
			v.Rows[0].Source, v.Rows[1].Source, v.Rows[2].Source = longWord, rtlText, emoji
			v.Rows[0].Received = "1,234,567"
			v.Rows[0].Delivered = "1,234,001"
			v.Rows[0].Refused = "12,345"
			v.Rows[0].Difference = "1,234 missing, 12 more"
			v.Rows[0].Explained = false
			for i := range v.Rows[0].Messages {
				v.Rows[0].Messages[i] = link("12,345")
			}
			v.Queues[0].Name = longWord
		}),
		reconciliation("reconciliation-nothing", func(v *page.ReconciliationTableView) {
			v.State, v.Rows, v.OlderURL = page.StateNothing, nil, ""
		}),
		reconciliation("reconciliation-new", func(v *page.ReconciliationTableView) {
			v.Result = page.ReconciliationResult{
				Tone: ui.Info,
				Text: "The ledger has not been checked yet.",
				Hint: "That takes a few seconds after a start.",
			}
		}),
		reconciliation("reconciliation-fault", func(v *page.ReconciliationTableView) {
			*v = page.ReconciliationTableView{
				State:    page.StateFault,
				Fault:    "The store did not respond within 5 seconds.",
				RetryURL: "/reconciliation",
			}
		}),
		{Name: "reconciliation-partial", Component: page.ReconciliationTable(reconciliationBook()), Partial: true},
	}
}

func reconciliationBook() page.ReconciliationTableView {
	v := page.ReconciliationTableView{
		URL: "/reconciliation",
		Result: page.ReconciliationResult{
			Tone: ui.Done,
			Text: "Every hour balances.",
			Hint: "Each webhook that was answered 200 is delivered, waits, or is a message.",
			At:   ago(0.1),
		},
		Queues: []page.ReconciliationQueue{
			{
				Name:      "dlqdesk-dlq",
				Content:   "Failed messages",
				Waiting:   "0",
				Retention: "4 days",
				Note:      "Nothing waits.",
			},
			{
				Name:      "processing",
				Content:   "Buffered webhooks",
				Waiting:   "12",
				Retention: "until processed",
				Oldest:    ago(1),
			},
		},
		Sources: []ui.Option{
			{Value: "genesys", Label: "genesys"},
			{Value: "cxone", Label: "cxone"},
		},
		OlderURL: "/reconciliation?before=2026-03-01T12:00",
	}
	for hour := range 8 {
		v.Rows = append(v.Rows, reconciliationRowOf(hour, "cxone"), reconciliationRowOf(hour, "genesys"))
	}
	v.Rows[2].Refused = "4"
	return v
}

func reconciliationRowOf(hour int, source string) page.ReconciliationRow {
	failed, resolved, archived, delivered := hour*7%5, 40+hour*31%90, hour%3, 210+hour*37%400
	return page.ReconciliationRow{
		From:       hourOf(hour),
		Source:     source,
		Received:   "1," + strconv.Itoa(100+delivered+failed+resolved+archived),
		Delivered:  "1," + strconv.Itoa(100+delivered),
		Waiting:    "0",
		Duplicates: "0",
		Expired:    "0",
		Messages: []page.Count{
			{Text: "0"},
			countOf(failed),
			{Text: "0"},
			countOf(resolved),
			countOf(archived),
			{Text: "0"},
		},
	}
}

func acknowledgeView() page.AcknowledgeView {
	v := reconciliationBook()
	imbalanced(&v)
	return page.AcknowledgeView{
		Chrome:    chrome("Acknowledge an imbalance", "/reconciliation"),
		Imbalance: v.Imbalances[1],
		Hour:      "2026-03-02T09:00",
		Stage:     "messages",
		Kind:      "expired",
		Amount:    "31",
	}
}

func countOf(n int) page.Count {
	if n == 0 {
		return page.Count{Text: "0"}
	}
	return link(strconv.Itoa(n))
}

func hourOf(back int) ui.Moment {
	return ui.At(time.Date(2026, time.March, 2, 11, 0, 0, 0, time.UTC).Add(-time.Duration(back) * time.Hour))
}

func imbalanceOf(what, source, why, do string) page.ImbalanceView {
	return page.ImbalanceView{
		From:    hourOf(2),
		To:      hourOf(1),
		Source:  source,
		Summary: what,
		Meaning: why,
		Remedy:  do,
		URL:     "/messages?status=all",
	}
}

func imbalanced(v *page.ReconciliationTableView) {
	v.Result.Tone, v.Result.Text = ui.Fault, "The ledger does not balance."
	v.Result.Hint = "What was received in these hours is not what is delivered, waits, or is a message."
	v.Imbalances = []page.ImbalanceView{
		imbalanceOf(
			"1 message is missing",
			"genesys",
			"The queue confirmed that it had it, and it is missing from the queue and the desk: deleted from the "+
				"queue, taken by another program that reads it, or gone because desk.db was restored from an "+
				"older copy.",
			"Look who else may receive, delete or purge on this queue. Ask the platform to send what it sent in "+
				"that hour again.",
		),
		imbalanceOf(
			"31 messages expired on SQS",
			"",
			"The queue confirmed that it had them, and had them for as long as it keeps a message; they never "+
				"reached the desk.",
			"Ask the platform to send what it sent in that hour again. Lengthen the queue's "+
				"MessageRetentionPeriod, and see in the log why messages were not taken off it.",
		),
	}
	v.Imbalances[0].AckBy, v.Imbalances[0].AckAt, v.Imbalances[0].AckAmount, v.Imbalances[0].AckNote = "ben", ago(
		47,
	), "3", "A colleague purged the queue: ticket 4711."
	for i := range v.Imbalances {
		v.Imbalances[i].AckURL = "/reconciliation/acknowledge"
	}
	v.Rows[5].Difference, v.Rows[6].Expired = "1 missing", "31"
}

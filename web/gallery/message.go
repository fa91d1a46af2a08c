package gallery

import (
	"cmp"
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const prettyBody = `{
  "id": "9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e8b41",
  "channel": {
    "platform": "Open",
    "type": "Private",
    "to": { "id": "cust-4711", "idType": "Opaque" },
    "from": { "nickname": "Acme Support", "token": "•••" },
    "time": "2026-03-02T10:15:05.427Z"
  },
  "type": "Text",
  "text": "Your order ships tomorrow. Größe M, 2 × 19,90 €",
  "retries": 3,
  "urgent": false,
  "direction": "Outbound"
}`

const hexBody = `00000000  89 50 4e 47 0d 0a 1a 0a  00 00 00 0d 49 48 44 52  |.PNG........IHDR|
00000010  00 00 00 10 00 00 00 10  08 06 00 00 00 1f f3 ff  |................|`

func message() []Example {
	message := func(name string, change func(*page.MessageView)) Example {
		v := messageView()
		change(&v)
		return Example{Name: "message-" + name, Component: page.Message(v)}
	}
	state := func(status string) func(*page.MessageView) {
		return func(v *page.MessageView) { setStatus(v, status) }
	}
	question := messageView()
	asks(&question)
	return []Example{
		message("failed", func(*page.MessageView) {}),
		message("rule", func(v *page.MessageView) {
			v.Panel.Rule = page.MessageRule{Name: longWord, URL: "/rules/1", Does: "replays it", Due: ago(-8)}
			v.Panel.Attempts[0].Trigger, v.Panel.Attempts[0].Actor = "rule", "rule 'again after restarts' of anna"
		}),
		message("cause-known", func(v *page.MessageView) {
			v.Panel.Cause.Standing = page.CauseStanding{
				State: "known", Ticket: page.Ticket{ID: "OPS-1423", URL: "https://tracker.example/OPS-1423"},
			}
		}),
		message("cause-muted", func(v *page.MessageView) {
			v.Panel.Cause.Standing = page.CauseStanding{
				State: "muted", Owner: longWord, Ticket: page.Ticket{ID: longWord},
				MutedUntil: ago(-180), MutedFor: []string{"after 200 more"},
			}
		}),
		message("copy", func(v *page.MessageView) {
			v.Panel.CopiesTo = []page.CopyTo{{Name: "staging", Masked: true}}
			v.Panel.Notice = ui.Notice{
				Kind: ui.Done, Text: "Sent to staging: 200 in 12 ms", Hint: "The message stays as it is.",
			}
			v.Panel.Events = append([]page.AuditRow{
				{
					Number:   "1300",
					At:       ago(0),
					Actor:    "anna",
					Action:   "message.copied",
					Sentence: "sent to staging (200 in 12 ms)",
					Addr:     "192.0.2.7",
					Changes: []page.AuditChange{
						{Name: "Response", New: page.AuditFact{Text: `{"ok":true}`}},
						{Name: "Masked", New: page.AuditFact{Text: "true"}},
					},
				},
			}, v.Panel.Events...)
		}),
		message("copy-failed", func(v *page.MessageView) {
			v.Panel.CopiesTo = []page.CopyTo{{Name: "staging", Masked: true}, {Name: "laptop-of-anna"}}
			v.Panel.Notice = ui.Notice{
				Kind: ui.Warn, Text: "Sent to staging: 422 in 40 ms",
				Hint: "The handler answered: field id is missing. The message stays as it is.",
			}
		}),
		message("copy-denied", func(v *page.MessageView) {
			v.Panel.CopiesTo = []page.CopyTo{{Name: "staging", Masked: true}}
			v.Panel.DenyCopy = "a viewer may not replay: ask an admin for the role that may"
			v.Panel.DenyReplay, v.Panel.DenyEdit, v.Panel.DenyArchive = v.Panel.DenyCopy, v.Panel.DenyCopy, v.Panel.DenyCopy
		}),
		message("retrying", state("retrying")),
		message("replaying", state("replaying")),
		message("resolved", state("resolved")),
		message("archived", state("archived")),
		message("redriven", state("redriven")),
		message("still-on", func(v *page.MessageView) {
			v.Panel.Undeleted = page.UndeletedCopy{Queue: "dlqdesk-dlq", Expires: ago(-60 * 22)}
		}),
		message("breaker", func(v *page.MessageView) { v.Panel.Breaker = breakerNotice() }),
		message("breaker-viewer", func(v *page.MessageView) {
			v.Panel.Breaker, v.Panel.DenyProbe = breakerNotice(), viewer
		}),
		message("probe-confirm", func(v *page.MessageView) {
			v.Panel.Breaker, v.Panel.Confirm, v.Panel.Outcome = breakerNotice(), "probe", "unknown"
		}),
		message("unmask", func(v *page.MessageView) {
			v.Unmask = page.Unmask{
				URL:   "/messages/" + v.Panel.ID + "/unmask",
				Names: []string{"Authorization", "ssn", longWord},
			}
		}),
		message("unmasked", func(v *page.MessageView) {
			unmask := strings.NewReplacer("•••", "tok_4711")
			v.Payload.Masked = false
			v.Payload.Pretty, v.Payload.Raw = unmask.Replace(v.Payload.Pretty), unmask.Replace(v.Payload.Raw)
			for i, h := range v.Headers {
				v.Headers[i].Value, v.Headers[i].Masked = unmask.Replace(h.Value), false
			}
			v.Unmask = page.Unmask{
				Notices: []page.UnmaskNotice{
					{
						By: "anna", Until: ago(-4), Reason: "the customer is on the phone",
						EndURL: "/messages/" + v.Panel.ID + "/mask",
					},
					{By: longWord, Name: longWord, Until: ago(-1), Reason: longWord + " " + longWord},
				},
			}
		}),
		message("unknown", func(v *page.MessageView) {
			v.Panel.Code, v.Panel.Outcome, v.Panel.Reason = "", "unknown", "no response within 10 s"
		}),
		message("asks", asks),
		message("late", late),
		message("late-asks", func(v *page.MessageView) {
			late(v)
			v.Panel.Confirm, v.Panel.ConfirmRevision = "replay", "0"
		}),
		message("late-and-unknown", func(v *page.MessageView) {
			late(v)
			asks(v)
			v.Panel.Order.Thing, v.Panel.Order.Value = longWord, longWord
		}),
		{Name: "message-question", Component: page.MessageConfirm(question)},
		message("record", func(v *page.MessageView) {
			fromQueue(v, "failures", "")
			v.RecordURL = "/messages/" + messageID(1) + "/body?form=record"
			v.Panel.AttemptCount, v.Panel.Reason = "3 by Lambda", "NotFound: customer not found"
			v.Panel.DenyRedrive = "Lambda wrote this record in the place of a message, so it came from no queue, " +
				"and a redrive would send the record itself: replay the payload to a destination, or invoke the " +
				"function with it again (aws lambda invoke)."
			v.Facts = append(
				v.Facts,
				page.Fact{Label: "AWS service", Value: "Lambda"},
				page.Fact{
					Label: "Was meant for",
					Value: "arn:aws:lambda:us-east-1:123456789012:function:orders:$LATEST",
				},
				page.Fact{Label: "Request id", Value: "r-77"},
				page.Fact{Label: "Condition", Value: "RetriesExhausted"},
			)
		}),
		message("same-id", func(v *page.MessageView) { v.SameID = sameIDs(1, "evt_1") }),
		message("same-id-many", func(v *page.MessageView) {
			v.SameID = sameIDs(5, longWord)
			v.SameID.Others, v.SameID.Shared = "1,000+ messages", true
		}),
		message("merged-arrivals", func(v *page.MessageView) {
			v.Arrivals = []page.Arrival{
				{At: ago(70), Other: otherContent("4", `{"order":3}`, "")},
				{At: ago(80), Other: otherContent("3", longWord+" "+rtlText+" "+emoji, "/messages/"+messageID(2))},
				{At: ago(95)},
			}
			v.Arrivals[0].Other.SeparateURL = "/messages/" + messageID(1) + "/arrivals/4/separate"
		}),
		message("queue", func(v *page.MessageView) { fromQueue(v, "orders-dlq", "orders") }),
		message("queue-only", func(v *page.MessageView) {
			noDestination(v)
			fromQueue(v, "orders-dlq", "orders.fifo")
			v.Panel.DenyReplay = "Messages of the queue orders-dlq have no HTTP destination: set " +
				"queues.orders-dlq.source, and restart."
			v.Panel.DenyEdit = ""
			withRevisions(v)
		}),
		message("queue-no-way-back", func(v *page.MessageView) {
			fromQueue(v, "orders-dlq", "")
			v.Panel.DenyRedrive = "There is no queue to redrive to: this queue names no source queue: set " +
				"queues.orders-dlq.source_queue_url and restart."
		}),
		message("queue-viewer", func(v *page.MessageView) {
			fromQueue(v, "orders-dlq", "orders")
			v.Panel.DenyReplay = viewer
			v.Panel.DenyRedrive = viewer
			v.Panel.DenyEdit = viewer
			v.Panel.DenyArchive = viewer
		}),
		message("queue-redriven", func(v *page.MessageView) {
			setStatus(v, "redriven")
			fromQueue(v, "orders-dlq", "orders")
			v.Panel.DenyRedrive, v.Panel.Code, v.Panel.Outcome = v.Panel.DenyReplay, "", "redriven"
			addRedrive(v, page.AttemptView{Trigger: "redrive", At: ago(0), Outcome: "redriven"})
			v.Panel.Result = ui.Notice{
				Kind: ui.Done,
				Text: "Redriven to its queue in 41 ms.",
				Hint: "If its consumer fails again, this message continues with the new error.",
			}
		}),
		message("queue-returned", func(v *page.MessageView) {
			fromQueue(v, "orders-dlq", "orders")
			v.Panel.Code, v.Panel.Outcome, v.Panel.Arrived = "", "", "2 times"
			addRedrive(v, page.AttemptView{Trigger: "job_redrive", At: ago(5), Outcome: "redriven"})
			v.Panel.Result = ui.Notice{
				Kind: ui.Warn,
				Text: "It was redriven, and came to the DLQ again.",
				Hint: v.Panel.Reason,
			}
		}),
		message("queue-asks", func(v *page.MessageView) {
			fromQueue(v, "orders-dlq", "orders")
			v.Panel.Code, v.Panel.Outcome, v.Panel.LastWasRedrive = "", "unknown", true
			v.Panel.Confirm, v.Panel.ConfirmRevision = "redrive", "0"
			addRedrive(v, page.AttemptView{
				Trigger: "redrive", At: ago(1), Outcome: "unknown", Latency: "15.0 s",
				Error: "SQS did not confirm it: the message may be on its queue",
			})
		}),
		message("replay-failed", func(v *page.MessageView) {
			v.Panel.Result = ui.Notice{
				Kind: ui.Fault,
				Text: "Error response: 422 in 84 ms",
				Hint: "field id is missing",
			}
		}),
		message("conflict", func(v *page.MessageView) {
			v.Panel.Notice = ui.Notice{
				Kind: ui.Warn,
				Text: "ben replayed this message 3 s ago.",
				Hint: "You changed nothing. This is the message as it is now.",
			}
		}),
		message("viewer", func(v *page.MessageView) {
			v.Panel.DenyReplay = viewer
			v.Panel.DenyEdit = viewer
			v.Panel.DenyArchive = viewer
			v.Payload.DownloadURL = ""
		}),
		message("no-destination", noDestination),
		message("revisions", withRevisions),
		message("binary", func(v *page.MessageView) {
			v.Payload = page.Payload{
				Name:        "original",
				ContentType: "image/png",
				Size:        "1.4 MiB",
				Hex:         hexBody,
				Note:        "The first 4 KiB of 1.4 MiB are shown.",
				DownloadURL: "/messages/x/body?revision=0",
			}
			v.Panel.DenyEdit = "The body is binary: it cannot be edited as text."
		}),
		message("empty", func(v *page.MessageView) {
			v.Payload = page.Payload{Name: "original", Size: "0 B"}
			v.Headers = nil
			v.Arrivals = nil
			v.Facts = nil
			v.Panel.Attempts = nil
			v.Panel.Events = nil
			v.Panel.Reason = ""
		}),
		message("long", longMessage),
		message("large", func(v *page.MessageView) {
			v.Payload.Pretty = strings.Repeat(prettyBody+"\n", 550)
			v.Payload.Raw, v.Payload.Note = v.Payload.Pretty, "The first 256 KiB of 1.0 MiB are shown."
		}),
		message("form", func(v *page.MessageView) {
			v.Payload = formPayload()
			v.Headers[0].Value = "application/x-www-form-urlencoded"
		}),
		message("encoded", func(v *page.MessageView) {
			v.Payload.ContentType = "multipart/form-data; charset=ISO-8859-1; boundary=" + longWord
			v.Headers[0].Value = v.Payload.ContentType
			v.Payload.Size = "gzip, br, 1.2 KiB → more than 256.0 KiB"
			v.Payload.Form = []string{"multipart, more than 212 parts", "ISO-8859-1"}
			v.Payload.DecodedURL = "/messages/x/body?form=decoded&revision=0"
			v.Payload.Note = "The gzip, br data of the body is broken. The first 64.0 KiB of the content are shown."
			v.Panel.DenyEdit = "The gzip, br data of the body is broken. It cannot be edited."
		}),
		message("text", func(v *page.MessageView) {
			v.Payload.Pretty = ""
			v.Payload.Raw = rtlText + "\n" + emoji + "\n" + longReason()
			v.Payload.ContentType = "text/plain"
			v.Payload.Note = "The first 64.0 KiB of 1.0 MiB are shown."
			v.Payload.FullURL = "/messages/x/body?form=pretty&revision=0"
		}),
		{Name: "message-panel", Component: page.MessagePanel(messageView().Panel), Partial: true},
	}
}

// formPayload is a form of Twilio.
func formPayload() page.Payload {
	return page.Payload{
		Name:        "original",
		ContentType: "application/x-www-form-urlencoded",
		Size:        "gzip, 98 B → 104 B",
		Form:        []string{"form, 4 fields"},
		Pretty: "{\n  \"From\": \"+15557654321\",\n  \"Email\": \"anna@example.com\",\n  \"Name\": \"Jürgen Groß\",\n" +
			"  \"Body\": \"Where is order A-1001?\"\n}",
		Raw: "From=%2B15557654321&Email=anna%40example.com&Name=J%C3%BCrgen+Gro%C3%9F&Body=Where+is+order+" +
			"A-1001%3F",
		JSON:        true,
		DownloadURL: "/messages/x/body?revision=0",
		DecodedURL:  "/messages/x/body?form=decoded&revision=0",
	}
}

func asks(v *page.MessageView) {
	v.Panel.Code, v.Panel.Outcome, v.Panel.Reason = "", "unknown", "no response within 10 s"
	v.Panel.Confirm, v.Panel.ConfirmRevision = "replay", "0"
}

// late is a message that newer events of its conversation have overtaken.
func late(v *page.MessageView) {
	v.Panel.Order = page.MessageOrder{
		Thing: "conversation",
		Value: "5d0d1c7e-11aa-4c3b-9c55-6a7b8c9d0e1f",
		Newer: "3 newer events of this conversation were delivered",
		URL:   "/messages?order=0b5c1f2a77e3&status=all",
	}
}

// addRedrive adds a redrive as the latest attempt.
func addRedrive(v *page.MessageView, a page.AttemptView) {
	a.Number, a.Actor, a.Latency = "4", "anna", cmp.Or(a.Latency, "41 ms")
	v.Panel.Attempts = append([]page.AttemptView{a}, v.Panel.Attempts...)
}

func messageView() page.MessageView {
	id := messageID(1)
	return page.MessageView{
		Chrome:  chrome("field id is missing", "/messages/"+id),
		BackURL: "/messages?" + listQuery,

		Differences: oneMessage(),
		Panel: page.MessagePanelView{
			ID:           id,
			Version:      "2",
			Back:         listQuery,
			Status:       "failed",
			Source:       "genesys",
			Destination:  "handler.internal:9090",
			Reason:       "field id is missing in conversation.participants[1]",
			Code:         "422",
			Outcome:      "error_response",
			AttemptCount: "1",
			Received:     ago(95),
			LastAttempt:  ago(12),
			Arrived:      "3 times",
			Signature: page.SignatureNote{
				Text: "The handler may refuse a replay: the signature is from ", At: ago(95),
				Rest: ". Set verify.resign to sign it anew.",
			},
			Choices: []ui.Option{{Value: "0", Label: "original", Selected: true}},
			Cause: page.Cause{
				PageURL:  "/causes/4f2a9c6d01b7e385",
				Standing: page.CauseStanding{State: "claimed", Owner: "ben", OwnedUntil: ago(-120)},
				Others:   "311 other messages",
				URL:      "/messages?cause=5f2d8a901c3b4e7f&status=all",
				Since:    ago(300),
				Unedited: "none of 20 unedited replays succeeded",
				Edited:   "all 12 edited replays succeeded",
			},
			Attempts: sampleAttempts(),
			Events:   sampleEvents(),
		},
		NewerURL: "/messages/" + messageID(0),
		OlderURL: "/messages/" + messageID(2),
		Curl: page.Curl{
			Command: curlCommand(`--data-raw '{"id":"9b1f6c1e"}'`),
			Masked:  []string{"the header Authorization", "values in the body"},
		},
		Ticket: "## Webhook not delivered: `field id is missing`\n\n- Message: " +
			"<https://desk.example.com/messages/" + id + ">\n- Source: `genesys`\n",
		Payload: page.Payload{
			Name:        "original",
			ContentType: "application/json; charset=utf-8",
			Size:        "1.2 KiB",
			Pretty:      prettyBody,
			Masked:      true,
			Raw:         strings.Join(strings.Fields(prettyBody), ""),
			DownloadURL: "/messages/" + id + "/body?revision=0",
		},
		Headers: []page.HeaderRow{
			{Name: "Content-Type", Value: "application/json; charset=utf-8"},
			{Name: "User-Agent", Value: "GenesysCloud-Webhooks/1.0"},
			{Name: "X-Hub-Signature-256", Value: "sha256=•••", Masked: true},
			{Name: "Authorization", Value: "Bearer •••", Masked: true},
			{Name: "Webhook-Id", Value: id},
			{Name: "Traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		},
		Facts: []page.Fact{
			{
				Label: "Queue",
				Value: "embedded",
			},
			{Label: "Message id", Value: "5f2d8a90-1c3b-4e7f-a6d5-9b8c7d6e5f40"},
			{Label: "Received from queue", Value: "1 time"},
			{Label: "Format", Value: "envelope"},
		},
		Arrivals: []page.Arrival{{At: ago(95)}, {At: ago(80)}, {At: ago(70)}},
	}
}

func sameIDs(n int, webhookID string) page.SameID {
	v := page.SameID{
		WebhookID: webhookID, Delivered: messageID(1), Others: "1 message",
		ListURL: "/messages?same=" + messageID(1) + "&status=all",
	}
	for i := range n {
		id := messageID(i + 2)
		v.Rows = append(v.Rows, page.SameIDRow{
			ID:         id,
			URL:        "/messages/" + id,
			CompareURL: "/messages/" + messageID(1) + "/compare?with=" + id,
			Status:     []string{"failed", "resolved", "archived", "retrying", "redriven"}[i%5],
			Received:   ago(30 * float64(i+1)),
		})
	}
	return v
}

func otherContent(number, excerpt, messageURL string) *page.OtherContent {
	return &page.OtherContent{
		Number: number, Excerpt: excerpt, MessageURL: messageURL,
		CompareURL:  "/messages/" + messageID(1) + "/compare?arrival=" + number,
		DownloadURL: "/messages/" + messageID(1) + "/body?arrival=" + number,
	}
}

// curlCommand is a command with such a body.
func curlCommand(body string) string {
	return "curl -q -i --globoff --path-as-is --proto '=http,https' --request POST \\\n" +
		"  -H 'Accept:' -H 'Expect:' \\\n  -H 'Authorization: •••' \\\n  -H 'Content-Type: application/json' \\\n" +
		"  -H 'User-Agent: GenesysCloud-Webhooks/1.0' \\\n  -H 'Webhook-Id: " + messageID(1) + "' \\\n  " + body +
		" \\\n  --url 'http://handler.internal:9090/genesys'"
}

func sampleAttempts() []page.AttemptView {
	answer := []page.HeaderRow{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "Set-Cookie", Value: "•••", Masked: true},
	}
	return []page.AttemptView{
		{
			Number:          "3",
			Trigger:         "replay",
			Actor:           "anna",
			At:              ago(12),
			Outcome:         "error_response",
			Code:            "422",
			Latency:         "84 ms",
			Error:           "field id is missing in conversation.participants[1]",
			ResponseHeaders: answer,
			ResponseBody:    "{\"error\":\"field id is missing\",\"path\":\"conversation.participants[1]\"}",
		},
		{
			Number:  "2",
			Trigger: "auto",
			Actor:   "system",
			At:      ago(94),
			Outcome: "unreachable",
			Error:   "connection refused by 10.2.0.14:9090",
		},
		{
			Number:       "1",
			Trigger:      "receive",
			Actor:        "system",
			At:           ago(95),
			Outcome:      "error_response",
			Code:         "503",
			Latency:      "2.1 s",
			Error:        "upstream is restarting",
			ResponseBody: "<html><body><h1>503 Service Unavailable</h1></body></html>",
			ResponseNote: "The first 4 KiB of the response are stored.",
		},
	}
}

func sampleEvents() []page.AuditRow {
	status := func(before, after string) []page.AuditChange {
		return []page.AuditChange{{Name: "Status", Old: page.AuditFact{Text: before}, New: page.AuditFact{Text: after}}}
	}
	return []page.AuditRow{
		{
			Number:   "812",
			At:       ago(12),
			Actor:    "anna",
			Action:   "message.replay",
			Sentence: "asked to replay",
			Target:   "…1c0e0001",
			TargetID: messageID(1),
			Addr:     "10.1.7.20",
			Source:   "genesys",
			URL:      "/messages/" + messageID(1),
			Changes:  status("Failed", "Replaying"),
		},
		{
			Number:   "790",
			At:       ago(95),
			Actor:    "dlqdesk",
			System:   true,
			Action:   "message.received",
			Sentence: "received",
			Target:   "…1c0e0001",
			TargetID: messageID(1),
			Source:   "genesys",
			URL:      "/messages/" + messageID(1),
			Reason:   "upstream is restarting",
			Changes:  status("", "Retrying"),
		},
	}
}

func setStatus(v *page.MessageView, status string) {
	p := &v.Panel
	p.Status = status
	closed := "This message is " + status + "."
	switch status {
	case "retrying":
		p.AttemptCount, p.NextRetry = "2 of 5", ago(-3)
	case "replaying":
		p.DenyReplay = "A delivery is under way."
		p.DenyEdit = "A delivery is under way."
		p.DenyArchive = "A delivery is under way."
		p.Attempts = append(
			[]page.AttemptView{{Number: "4", Trigger: "replay", Actor: "anna", At: ago(0), InFlight: true}},
			p.Attempts...)
		p.Notice = ui.Notice{Kind: ui.Info, Text: "Replay requested: waiting for the response."}
	case "resolved":
		p.DenyReplay, p.DenyEdit = closed, closed
		p.Code, p.Outcome, p.Result = "200", "delivered", ui.Notice{Kind: ui.Done, Text: "Delivered: 200 in 84 ms"}
		p.Attempts = append(
			[]page.AttemptView{
				{
					Number:  "4",
					Trigger: "replay",
					Actor:   "anna",
					At:      ago(0),
					Outcome: "delivered",
					Code:    "200",
					Latency: "84 ms",
				},
			},
			p.Attempts...)
	case "archived":
		p.DenyReplay = "This message is archived: restore it first."
		p.DenyEdit = "This message is archived: restore it first."
	case "redriven":
		p.DenyReplay, p.DenyEdit = closed, closed
	}
}

func noDestination(v *page.MessageView) {
	why := "Its message named no source, and no default source is configured."
	v.Panel.Source, v.Panel.Destination, v.Panel.Reason, v.Panel.Outcome, v.Panel.Code = "", "", "", "", ""
	v.Panel.DenyReplay, v.Panel.DenyEdit, v.Panel.AttemptCount, v.Panel.LastAttempt = why, why, "none", ui.Moment{}
}

func withRevisions(v *page.MessageView) {
	url := "/messages/" + v.Panel.ID + "?revision="
	v.Panel.Choices = []ui.Option{
		{Value: "2", Label: "edit 2 by anna", Selected: true},
		{Value: "1", Label: "edit 1 by ben", Selected: false},
		{Value: "0", Label: "original", Selected: false},
	}
	v.Panel.Revisions = []page.RevisionView{
		{
			Name:    "edit 2 by anna",
			By:      "anna",
			Reason:  "participant ids added, ticket 4711",
			At:      ago(11),
			URL:     url + "2",
			Compare: "/messages/x/compare?from=1&to=2",
			Current: true,
		},
		{
			Name:    "edit 1 by ben",
			By:      "ben",
			Reason:  longReason(),
			At:      ago(20),
			URL:     url + "1",
			Compare: "/messages/x/compare?from=0&to=1",
		},
		{Name: "original", At: ago(95), URL: url + "0"},
	}
	v.Payload.Name = "edit 2 by anna"
	for i := range v.Panel.Attempts {
		v.Panel.Attempts[i].Revision = "original"
	}
}

func longMessage(v *page.MessageView) {
	v.Panel.ID = longWord
	v.Panel.Source = longWord
	v.Panel.Destination = longWord + ".example.com:9090"
	v.Panel.Reason = longReason()
	v.Payload.Pretty = "{\n  \"" + longWord + "\": \"" + rtlText + emoji + "\"\n}"
	v.Payload.Raw = longWord + rtlText + emoji
	v.Payload.ContentType = longWord
	v.Headers = append(
		v.Headers, page.HeaderRow{Name: "X-" + longWord, Value: longWord},
		page.HeaderRow{Name: "X-Rtl", Value: rtlText}, page.HeaderRow{Name: "X-Emoji", Value: emoji},
	)
	v.Facts = append(
		v.Facts, page.Fact{Label: longWord, Value: longWord}, page.Fact{Label: "Attribute", Value: rtlText},
	)
	v.Panel.Attempts[0].Error, v.Panel.Attempts[0].Actor, v.Panel.Attempts[1].Error = longReason(), longWord, rtlText
	v.Panel.Events[0].Reason, v.Panel.Events[0].Actor = longReason(), longWord
	v.Curl = page.Curl{
		Command: curlCommand("--data-binary '@" + longWord + "-0.json'"),
		Masked: []string{
			"the header X-" + longWord,
			"the header Authorization",
			"values in the URL",
			"values in the body",
		},
		File:    longWord + "-0.json",
		FileURL: "/messages/" + longWord + "/body?revision=0",
	}
	v.Panel.Choices = []ui.Option{
		{Value: "1", Label: "edit 1 by " + longWord, Selected: true},
		{Value: "0", Label: "original", Selected: false},
	}
}

// fromQueue makes a message one of a queue of the list.
func fromQueue(v *page.MessageView, queue, to string) {
	v.Panel.Queue, v.Panel.RedrivesTo = queue, to
	v.Panel.Reason = "Received too often from orders, so SQS moved it to the DLQ"
	v.Facts = []page.Fact{
		{Label: "Queue", Value: "orders-dlq"},
		{Label: "AWS service", Value: "SQS"},
		{Label: "Came from", Value: "arn:aws:sqs:eu-west-1:123456789012:orders"},
		{Label: "Message id", Value: messageID(1)},
		{Label: "Format", Value: "foreign"},
		{Label: "Group", Value: "customer-4711"},
		{Label: "Sent to the queue", Value: "2026-03-02 10:15:05 UTC"},
		{Label: "Received from the queue", Value: "4 times"},
		{Label: "Attribute tenant (String)", Value: "acme"},
		{Label: "Attribute weight (Number.kg)", Value: "12.5"},
		{Label: "Attribute trace (Binary)", Value: "12 bytes: 0a1b2c3d4e5f60718293a4b5"},
	}
}

package gallery

import (
	"fmt"
	"strconv"

	"dlqdesk/web/page"
)

func sources() []Example {
	list := func(name string, v page.SourcesView) Example {
		v.Chrome = chromeOf(name, "Sources", "/sources")
		return Example{Name: "sources-" + name, Component: page.Sources(v)}
	}
	one := func(name string, change func(*page.SourceView)) Example {
		v := sourceOf(0)
		change(&v)
		return Example{Name: "source-" + name, Component: page.Source(v)}
	}
	var few, many []page.SourceLine
	for i := range 50 {
		many = append(many, sourceLineOf(i))
	}
	few = append(few, many[:4]...)
	long := sourceLineOf(1)
	long.Name, long.Endpoint = longWord, "https://"+
		"webhooks.production.eu-central-1.customer-experience.example.com/webhooks/"+longWord
	long.Health.Destination = longWord
	long.Health.Note = "3 deliveries in a row: " + longReason()
	long.Verification.Text = longReason()
	look := sourceOf(0)
	look.Role = "viewer"
	return []Example{
		list("nothing", page.SourcesView{State: page.StateNothing}),
		list("one", page.SourcesView{AsOf: ago(0), Rows: few[:1]}),
		list("few", page.SourcesView{AsOf: ago(0), Rows: few}),
		list("fifty", page.SourcesView{AsOf: ago(0), Rows: many}),
		list("long", page.SourcesView{AsOf: ago(0), Rows: []page.SourceLine{long, sourceLineOf(0)}}),
		list("refused", page.SourcesView{AsOf: ago(0), Rows: few, Refusals: []page.RefusalRow{{
			Code: "404", Reason: "Unknown source", Hint: "Compare the URL at the platform with the names above.",
			Count: "12", Since: ago(90), Latest: ago(2), Why: `There is no source named "genesis"`,
		}}}),
		list(
			"fault",
			page.SourcesView{
				State:    page.StateFault,
				Fault:    "This took too long: try again in a moment.",
				RetryURL: "/sources",
			},
		),
		one("open-messaging", func(*page.SourceView) {}),
		{Name: "source-viewer", Component: page.Source(look)},
		one("refused", func(v *page.SourceView) {
			v.Refusals = []page.RefusalRow{
				{
					Code: "413", Reason: "Body too large", Hint: "Raise max_body of the source.", Count: "1",
					Since: ago(1), Latest: ago(1), Why: "The body has 3,145,728 bytes, and 1,048,576 are accepted",
				},
				{
					Code: "401", Reason: "Signed too long ago", Hint: "Compare the clocks, or raise verify.tolerance.",
					Count: "1,204,331", Since: ago(60 * 24 * 90), Latest: ago(4),
					Why: "The signed time is 6m12s from ours, which is over 5m0s",
				},
				{
					Code: "401", Reason: "Wrong signature or credential",
					Hint:  "Compare the secret here and at the platform.",
					Count: "7", Since: ago(70), Latest: ago(60), Why: longReason() + longWord,
				},
			}
		}),
		one("unverified", func(v *page.SourceView) {
			v.Line, v.Platform, v.SignCommand = sourceLineOf(3), page.SourcePlatform{}, ""
			v.Settings[0] = page.Setting{
				Name: "Mode",
				Text: "Buffered",
				Hint: "The platform is answered once the webhook is on the queue; then it is delivered.",
			}
		}),
		one("tutorial", func(v *page.SourceView) {
			v.Platform = page.SourcePlatform{
				Name:   "tutorial",
				Title:  "Genesys Cloud, as in the tutorial",
				Status: "tutorial",
				About: "The webhook registration that the tutorial shows, for gateways and mock servers that " +
					"implement it.",
				Warning:  "/api/v2/integration/webhooks is not in the vendor's published API; expect 404 there.",
				Register: "dlqdesk platform register genesys --config /etc/dlqdesk.yaml",
				Doctor:   "dlqdesk platform doctor genesys --config /etc/dlqdesk.yaml",
			}
		}),
		one("byoc", func(v *page.SourceView) {
			v.Settings[1] = page.Setting{
				Name: "Answer",
				Text: "200 application/json",
				Code: `{"idOnExternalPlatform":"{message_id}"}`,
				Hint: "Whether it was delivered or is kept as a message.",
			}
			v.Platform = page.SourcePlatform{
				Name:   "cxone-byoc",
				Title:  "NICE CXone, bring your own channel",
				Status: "verified",
				About:  "CXone posts the outbound messages of a channel of your own.",
				Doctor: "dlqdesk platform doctor cxone --config /etc/dlqdesk.yaml",
				Fields: []page.Setting{
					{Name: "Token URL", Text: "https://hooks.example.com/webhooks/cxone/token"},
					{Name: "Endpoint (base URL)", Text: "https://hooks.example.com/webhooks/cxone"},
					{Name: "Client id", Hint: "the client id of the source's verify settings"},
				},
			}
		}),
		one("no-figures", func(v *page.SourceView) {
			v.State = page.StateFault
			v.Fault = "This took too long: try again in a moment."
			v.RetryURL = "/sources/genesys"
		}),
		one("down", func(v *page.SourceView) { v.Line.Health = sourceLineOf(1).Health }),
		one("long", func(v *page.SourceView) {
			v.Line = long
			v.Settings[3].Text, v.Settings[4].Text = longReason(), longReason()
			v.TestCommand = "dlqdesk platform doctor " + longWord + " --send"
			v.Platform.Register = "dlqdesk platform register " + longWord + " --config /etc/" + longWord + ".yaml"
		}),
	}
}

func sourceLineOf(i int) page.SourceLine {
	names := []string{"genesys", "cxone", "stripe", "orders"}
	proofs := []page.Verification{
		{Scheme: "genesys-open-messaging", Text: "HMAC-SHA256 of the body in X-Hub-Signature-256"},
		{Scheme: "cxone-byoc", Text: "a token that dlqdesk issues to the client"},
		{Scheme: "stripe", Text: "HMAC-SHA256 of time and body in Stripe-Signature"},
		{Unverified: true, Scheme: "none", Text: "nothing proves who sent a webhook"},
	}
	health := []page.SourceHealth{
		{Destination: "crm.internal:9090", Health: page.HealthUp},
		{
			Destination: "routing.internal:9090",
			Health:      page.HealthOpen,
			Since:       ago(34),
			Note:        "14 deliveries in a row: Connection refused by routing.internal:9090",
		},
		{
			Destination: "billing.internal",
			Health:      page.HealthErrors,
			Note:        "The latest delivery: the customer is not known",
		},
		{Destination: "orders.internal:8443", Health: page.HealthUnknown, Note: "No delivery since dlqdesk started."},
	}
	name := names[i%4]
	if i >= 4 {
		name += "-" + strconv.Itoa(i/4)
	}
	return page.SourceLine{
		Name:         name,
		URL:          "/sources/" + name,
		Endpoint:     "https://hooks.example.com/webhooks/" + name,
		Verification: proofs[i%4],
		Health:       health[i%4],
		Received:     link(fmt.Sprintf("%d,%03d", 12+i, 87*i%1000)),
		Failed:       link(strconv.Itoa(41 + 7*i)),
		ByRetries:    link(strconv.Itoa(30 + i)),
		ByPeople:     page.Count{Text: "0"},
		FailedNow:    link(strconv.Itoa(9 + i)),
		FailedShare:  "0." + strconv.Itoa(3+i%4) + " %",
	}
}

func sourceOf(i int) page.SourceView {
	line := sourceLineOf(i)
	return page.SourceView{
		Chrome:      chrome("Source "+line.Name, "/sources/"+line.Name),
		Line:        line,
		Retrying:    page.Count{Text: "0"},
		TestCommand: "dlqdesk platform doctor genesys --config /etc/dlqdesk.yaml --send",
		SignCommand: "dlqdesk sign --source genesys --config /etc/dlqdesk.yaml < body.json",
		Settings: []page.Setting{
			{Name: "Mode", Text: "Direct", Hint: "It is delivered, then the platform is answered."},
			{
				Name: "Answer",
				Text: `200 {"status":"accepted"}`,
				Hint: `For a failed webhook that is stored: 200 {"status":"queued_for_retry","messageId":"…"}`,
			},
			{
				Name: "Verification",
				Text: "HMAC-SHA256 of the body in X-Hub-Signature-256",
				Hint: "Secrets: env:GENESYS_SECRET",
			},
			{
				Name: "Handshake",
				Text: "Meta: GET with hub.challenge and hub.verify_token",
				Hint: "It gets its response from dlqdesk, and is neither delivered nor stored.",
			},
			{
				Name: "Signatures of replays",
				Text: "Made anew",
				Hint: "For edited and late deliveries, by the first secret.",
			},
			{
				Name: "Repeats", Text: "Detected by $.id",
				Hint: "For 3 days: a webhook that is sent again within it creates no new message.",
			},
			{
				Name: "Retries",
				Text: "Up to 5 times",
				Hint: "Waits: about 5 s, 20 s, 1 min, 5 min, 15 min. The destination can demand more by Retry-After.",
			},
			{Name: "One delivery", Text: "10s at most", Hint: "Up to 64 at once"},
			{Name: "Largest webhook", Text: "1 MiB"},
		},
		Platform: page.SourcePlatform{
			Name:     "genesys-open-messaging",
			Title:    "Genesys Cloud, Open Messaging",
			Status:   "verified",
			About:    "A direct, signed webhook with the outbound messages of one Open Messaging integration.",
			Register: "dlqdesk platform register genesys --config /etc/dlqdesk.yaml",
			Doctor:   "dlqdesk platform doctor genesys --config /etc/dlqdesk.yaml",
			DeliveryPolicy: "The platform waits 10 s for the response and retries up to 5 times, 5 s apart, after a " +
				"timeout, 429 or 5xx: an outage over about 85 s loses the message.",
		},
	}
}

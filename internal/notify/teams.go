package notify

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/redact"
)

// The limits of a card. Teams permits 28 KB for a whole message
// (learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using): even if every
// character takes three bytes, these stay below it.
const (
	teamsTitle   = 200
	teamsText    = 1500
	teamsFact    = 100
	teamsFacts   = 12
	teamsCauses  = 5
	teamsActions = 6
)

// Teams sends to a workflow of Microsoft Teams that posts a card when a webhook comes.
type Teams struct{ endpoint endpoint }

// NewTeams returns a sink for the URL of a workflow.
func NewTeams(client *delivery.Client, address redact.Secret) Teams {
	return Teams{newEndpoint(client, "Teams", address, teamsFix)}
}

// Send posts a card. Workflows know no ids: a card that is sent again is there twice.
func (t Teams) Send(ctx context.Context, n Notice) error {
	return t.endpoint.post(ctx, n.ID, nil, encode(card{
		"type": "message",
		"attachments": []card{{
			"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": teamsCard(n),
		}},
	}))
}

// card is an object of an Adaptive Card (adaptivecards.microsoft.com).
type card map[string]any

// teamsCard returns a card in which all text is in runs, the one kind of text in which Teams reads no Markdown: what a
// stranger wrote is shown as it is.
func teamsCard(n Notice) card {
	color := map[deadletter.Severity]string{
		deadletter.SeverityCritical: "Attention", deadletter.SeverityWarning: "Warning",
		deadletter.SeverityInfo: "Accent",
	}[n.Alert.Severity]
	if n.Event == deadletter.AlertResolved {
		color = "Good"
	}
	title := run(headline(n), teamsTitle)
	title["size"], title["weight"], title["color"] = "Large", "Bolder", color
	body := []card{paragraph(title)}
	add := func(runs ...card) { body = append(body, paragraph(runs...)) }
	if told := text(n); told != "" {
		add(run(told, teamsText))
	}
	list := facts(n)
	for _, f := range list[:min(len(list), teamsFacts)] {
		label := run(f.Label+": ", teamsFact)
		label["weight"] = "Bolder"
		add(label, run(f.Value, teamsFact))
	}
	if heading, lines := causes(n, teamsCauses, teamsTitle); heading != "" {
		add(run(heading, teamsTitle))
		for _, line := range lines {
			add(run("• "+line, teamsTitle))
		}
	}
	footer := run("dlqdesk "+n.Desk, teamsTitle)
	footer["isSubtle"], footer["size"] = true, "Small"
	add(footer)
	var actions []card
	for _, l := range n.Links[:min(len(n.Links), teamsActions)] {
		actions = append(actions, card{"type": "Action.OpenUrl", "title": l.Label, "url": l.URL})
	}
	c := card{
		"type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.4",
		"body": body, "msteams": card{"width": "Full"},
	}
	if len(actions) > 0 {
		c["actions"] = actions
	}
	return c
}

func run(text string, limit int) card { return card{"type": "TextRun", "text": cut(text, limit, asIs)} }

func paragraph(runs ...card) card { return card{"type": "RichTextBlock", "inlines": runs} }

// teamsFix says what an error of Power Automate, which runs the workflow, means.
func teamsFix(a deadletter.Attempt) string {
	switch a.StatusCode {
	case 400, 413:
		return "The workflow does not take the card: it must begin with \"When a Teams webhook request is received\" " +
			"and post an Adaptive Card"
	case 401, 403:
		return "The workflow refuses the URL: copy it from the workflow again, whole, and let anyone trigger it"
	case 404, 410:
		return "The workflow is no more or is turned off: turn it on, or make a new one and configure its URL"
	}
	return ""
}

package mcp

import (
	"context"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// causeURI is the beginning of the addresses of causes as resources.
const causeURI = "dlqdesk://causes/"

// Explanation has the facts from which a model explains a cause.
type Explanation struct {
	Cause       CauseFacts  `json:"cause"`
	Differences Differences `json:"differences"`
	Messages    []Message   `json:"messages" jsonschema:"the newest failed ones"`
	Body        *Body       `json:"body,omitempty" jsonschema:"of the newest"`
}

// explanationMessages is how many messages an Explanation has.
const explanationMessages = 5

func (t tools) addExplanation() {
	t.server.AddResourceTemplate(&sdk.ResourceTemplate{
		Name:        "cause",
		Title:       "A cause",
		URITemplate: causeURI + "{id}",
		MIMEType:    "text/plain",
		Description: "A cause of failures: its counts and notes, how failed webhooks differ from delivered ones, and " +
			"the newest messages.",
	}, func(ctx context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		text, err := t.explain(ctx, strings.TrimPrefix(r.Params.URI, causeURI))
		if deadletter.KindOf(err) == deadletter.NotFound {
			return nil, sdk.ResourceNotFoundError(r.Params.URI)
		}
		if err != nil {
			return nil, t.refusal(ctx, err)
		}
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{
			{URI: r.Params.URI, MIMEType: "text/plain", Text: text},
		}}, nil
	})
	t.server.AddPrompt(&sdk.Prompt{
		Name:        "explain_cause",
		Title:       "Explain this cause",
		Description: "Asks why messages fail for a cause, and what to do next.",
		Arguments: []*sdk.PromptArgument{
			{Name: "cause", Title: "Cause", Description: "The id of the cause.", Required: true},
		},
	}, func(ctx context.Context, r *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		text, err := t.explain(ctx, r.Params.Arguments["cause"])
		if err != nil {
			return nil, t.refusal(ctx, err)
		}
		return &sdk.GetPromptResult{Messages: []*sdk.PromptMessage{
			{Role: "user", Content: &sdk.TextContent{Text: question}},
			{Role: "user", Content: &sdk.TextContent{Text: text}},
		}}, nil
	})
}

const question = "Explain why messages fail for the cause below: since when, for which of them, and what differs " +
	"from webhooks that were delivered. Say how sure you are, and which facts say so. Then say what to do next. If " +
	"that is a job, a recipe, a note or a mute, draft it with the tool for it, and give me the address of its page."

// explain returns the Explanation of a cause as text, marked as data.
func (t tools) explain(ctx context.Context, id string) (string, error) {
	by := t.Caller(ctx)
	facts, err := t.cause(ctx, by, CauseRef{id})
	if err != nil {
		return "", err
	}
	out := Explanation{Cause: facts}
	if out.Differences, err = t.differences(ctx, by, compared{Cause: facts.ID}); err != nil {
		return "", err
	}
	found, _, err := t.Desk.Messages(ctx, by, store.MessageQuery{
		Filter: store.Filter{Cause: facts.ID, Status: deadletter.Failed, At: t.Now()}, Limit: explanationMessages,
	})
	if err != nil {
		return "", err
	}
	for _, m := range found.Items {
		out.Messages = append(out.Messages, messageOf(ctx, m))
	}
	if len(found.Items) > 0 {
		body, err := t.body(ctx, by, bodyRef{MessageRef: MessageRef{string(found.Items[0].ID)}})
		switch deadletter.KindOf(err) {
		case deadletter.TooLarge: // it is left out
		default:
			if err != nil {
				return "", err
			}
			out.Body = &body
		}
	}
	return marked(answerOf(out).Data)
}

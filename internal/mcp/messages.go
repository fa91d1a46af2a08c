package mcp

import (
	"context"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// Message is a webhook whose delivery failed.
type Message struct {
	ID          string `json:"id"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Status      string `json:"status"            jsonschema:"failed, retrying, replaying, resolved, redriven or archived"`
	Cause       string `json:"cause"             jsonschema:"the id of its cause"`
	Error       string `json:"error"             jsonschema:"why the latest failed attempt failed"`
	Outcome     string `json:"outcome"           jsonschema:"of the latest attempt; unknown: it may have been processed"`
	StatusCode  int    `json:"statusCode"`
	EventType   string `json:"eventType"`
	ContentType string `json:"contentType"`
	Attempts    int    `json:"attempts"`
	Revision    int    `json:"revision"          jsonschema:"the latest; 0 is what was received"`
	ReceivedAt  string `json:"receivedAt"`
	AttemptedAt string `json:"attemptedAt,omitempty"`
	DueAt       string `json:"dueAt,omitempty"   jsonschema:"when the next automatic delivery is due"`
	Page        string `json:"page"              jsonschema:"its address, for people"`
}

func messageOf(ctx context.Context, m deadletter.Message) Message {
	return Message{
		ID: string(m.ID), Source: m.Source, Destination: m.Destination, Status: string(m.Status), Cause: m.Fingerprint,
		Error: m.Reason, Outcome: string(m.Outcome), StatusCode: m.StatusCode, EventType: m.EventType,
		ContentType: m.ContentType, Attempts: m.Attempts, Revision: m.Revision, ReceivedAt: when(m.ReceivedAt),
		AttemptedAt: when(m.LastAttemptAt), DueAt: when(m.DueAt), Page: pageAt(ctx, "/messages/"+string(m.ID)),
	}
}

type messageSearch struct {
	Query  string `json:"query,omitempty"  jsonschema:"as in the search box: words, source:genesys, code:5xx, cause:ID"`
	Status string `json:"status,omitempty" jsonschema:"one of the statuses of a message; empty: all"`
	Limit  int    `json:"limit,omitempty"  jsonschema:"how many, 20 unless given, 50 at most"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next of the page before; empty: the first page"`
}

// MessageList is a page of messages.
type MessageList struct {
	Messages []Message `json:"messages"`
	Counts   []Count   `json:"counts" jsonschema:"how many match, by status; of large numbers at least so many"`
	Next     string    `json:"next,omitempty" jsonschema:"the cursor of the next page"`
}

// Count counts messages of a status.
type Count struct {
	Status   string `json:"status"`
	Messages int    `json:"messages"`
}

// MessageRef names a message.
type MessageRef struct {
	Message string `json:"message" jsonschema:"its id"`
}

type bodyRef struct {
	MessageRef
	Revision *int `json:"revision,omitempty" jsonschema:"its number; absent: the latest"`
	Offset   int  `json:"offset,omitempty"   jsonschema:"where to begin, in bytes of the decoded text"`
}

// Body is a part of the body of a revision.
type Body struct {
	Revision int      `json:"revision"`
	Headers  []Header `json:"headers"          jsonschema:"masked"`
	Text     string   `json:"text"             jsonschema:"masked and decoded; empty if it is no text" max:"40000"`
	IsText   bool     `json:"isText"`
	Size     int      `json:"size"             jsonschema:"bytes of the body as it came"`
	Next     int      `json:"next,omitempty"   jsonschema:"the offset of the next part; absent: this is the last"`
	Fault    string   `json:"fault,omitempty"  jsonschema:"why the body cannot be read to its end"`
}

// Header is a header of a webhook.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Attempt is one delivery.
type Attempt struct {
	Number     int    `json:"number"`
	Trigger    string `json:"trigger" jsonschema:"receive, auto, replay, edit, job, probe, rule, redrive or job_redrive"`
	Actor      string `json:"actor"`
	Revision   int    `json:"revision"`
	StartedAt  string `json:"startedAt"`
	LatencyMS  int64  `json:"latencyMs"`
	Outcome    string `json:"outcome"`
	StatusCode int    `json:"statusCode"`
	Error      string `json:"error"`
	Response   string `json:"response" jsonschema:"the beginning of the answer's body, masked"`
}

// AttemptList has the latest attempts of a message.
type AttemptList struct {
	Attempts []Attempt `json:"attempts" jsonschema:"the latest 50, newest first"`
}

// Revision is a version of a message's body and headers.
type Revision struct {
	Number int    `json:"number"`
	By     string `json:"by,omitempty"     jsonschema:"who edited it"`
	Reason string `json:"reason,omitempty"`
	At     string `json:"at"`
	Size   int    `json:"size"             jsonschema:"bytes of the body"`
}

// RevisionList has the latest revisions of a message.
type RevisionList struct {
	Revisions []Revision `json:"revisions" jsonschema:"the latest 50, newest first"`
}

const (
	// bodyPart is how much of a body one call returns, and maxBody how much can be read at all, in bytes.
	bodyPart = 16 << 10
	maxBody  = 4 << 20

	maxListed  = 50
	maxHeaders = 100
)

func (t tools) addMessages() {
	addRead(t, "search_messages", "Search messages", "Lists failed webhooks, newest first, by a query and a status.",
		t.searchMessages)
	addRead(t, "get_message", "Read a message", "Returns one message without its body.",
		func(ctx context.Context, by deadletter.Actor, in MessageRef) (Message, error) {
			v, err := t.Desk.Message(ctx, by, deadletter.ID(in.Message))
			return messageOf(ctx, v.Message), err
		})
	addRead(
		t,
		"get_body",
		"Read a body",
		"Returns headers and a part of the body of a message, masked. Secrets are shown as •••.",
		t.body,
	)
	addRead(t, "list_attempts", "List attempts", "Lists the deliveries of a message with their outcomes.", t.attempts)
	addRead(t, "list_revisions", "List revisions", "Lists the edits of a message.", t.revisions)
}

func (t tools) searchMessages(ctx context.Context, by deadletter.Actor, in messageSearch) (out MessageList, err error) {
	found, counts, err := t.Desk.Messages(ctx, by, store.MessageQuery{
		Filter: store.Filter{Status: deadletter.Status(in.Status), Text: in.Query, At: t.Now()}, Cursor: in.Cursor,
		Limit: limitOf(in.Limit),
	})
	out = MessageList{Messages: make([]Message, len(found.Items)), Counts: []Count{}, Next: found.Older}
	for i, m := range found.Items {
		out.Messages[i] = messageOf(ctx, m)
	}
	for _, s := range deadletter.Statuses() {
		if n := counts.ByStatus[s]; n > 0 {
			out.Counts = append(out.Counts, Count{string(s), n})
		}
	}
	return out, err
}

// masked returns who looks at the answers of the tools: to an assistant nothing is unmasked, whatever its token unmasked
// by the API.
func masked(by deadletter.Actor) desk.Viewer { return desk.Viewer{Actor: by} }

func (t tools) body(ctx context.Context, by deadletter.Actor, in bodyRef) (out Body, err error) {
	v, err := t.Desk.Message(ctx, by, deadletter.ID(in.Message))
	if err != nil {
		return out, err
	}
	number := v.Message.Revision
	if in.Revision != nil {
		number = *in.Revision
	}
	r, err := t.Desk.Body(ctx, masked(by), v.Message.ID, number)
	if err != nil {
		return out, err
	}
	text := payload.Decode(r.Headers, r.Body, maxBody)
	out = Body{
		Revision: number,
		Headers:  []Header{},
		IsText:   text.Kind != payload.Binary,
		Size:     len(r.Body),
		Fault:    text.Fault,
	}
	for _, name := range r.Headers.Names() {
		for _, value := range r.Headers[name] {
			if len(out.Headers) < maxHeaders {
				out.Headers = append(out.Headers, Header{name, deadletter.ReadableValue(value)})
			}
		}
	}
	if !out.IsText {
		return out, nil
	}
	from := min(max(in.Offset, 0), len(text.Bytes))
	to := min(from+bodyPart, len(text.Bytes))
	out.Text = strings.ToValidUTF8(string(text.Bytes[from:to]), "\uFFFD")
	if to < len(text.Bytes) {
		out.Next = to
	}
	return out, nil
}

func (t tools) attempts(ctx context.Context, by deadletter.Actor, in MessageRef) (out AttemptList, err error) {
	list, err := t.Desk.Attempts(ctx, by, deadletter.ID(in.Message))
	out.Attempts = []Attempt{}
	for _, a := range list[:min(len(list), maxListed)] {
		out.Attempts = append(out.Attempts, Attempt{
			Number: a.Number, Trigger: string(a.Trigger), Actor: a.Actor, Revision: a.Revision,
			StartedAt: when(a.StartedAt), LatencyMS: a.Latency.Milliseconds(), Outcome: string(a.Outcome),
			StatusCode: a.StatusCode, Error: a.Error, Response: string(a.ResponseBody),
		})
	}
	return out, err
}

func (t tools) revisions(ctx context.Context, by deadletter.Actor, in MessageRef) (out RevisionList, err error) {
	list, err := t.Desk.Revisions(ctx, masked(by), deadletter.ID(in.Message))
	out.Revisions = []Revision{}
	for _, r := range list[:min(len(list), maxListed)] {
		out.Revisions = append(out.Revisions, Revision{
			Number: r.Number, By: r.By, Reason: r.Reason, At: when(r.At), Size: max(r.Size, len(r.Body)),
		})
	}
	return out, err
}

package console

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
)

// orderView says what a message is about, and how many newer events of that were delivered.
func (c *Console) orderView(ctx context.Context, m deadletter.Message) (page.MessageOrder, error) {
	if m.OrderKey == 0 {
		return page.MessageOrder{}, nil
	}
	newer, err := c.Desk.Newer(ctx, m)
	if err != nil {
		return page.MessageOrder{}, err
	}
	v := page.MessageOrder{
		Thing: printable(cmp.Or(newer.Thing, "order key")),
		URL:   listPath(url.Values{"status": {allStatus}, "order": {m.OrderKey.String()}}.Encode()),
	}
	if newer.Count > 0 {
		v.Newer = printable(newer.String())
	}
	v.Value, err = c.orderValue(ctx, m)
	return v, err
}

// orderValue returns the id of the thing that a message is about, masked; "" where its source names it elsewhere now.
func (c *Console) orderValue(ctx context.Context, m deadletter.Message) (string, error) {
	received, err := c.Store.RevisionHead(ctx, m.ID, 0)
	if err != nil {
		return "", err
	}
	source := c.Desk.SourceOf(m)
	value := source.OrderKey.Value(received.Headers, received.Body)
	return printable(source.Masks.Secrets(received.Headers, m.Query, received.Body).HideText(value)), nil
}

// jobOrderView asks what a job does with messages that come too late, if some of its messages have order keys.
func (c *Console) jobOrderView(ctx context.Context, j deadletter.Job) (page.JobOrder, error) {
	if !j.Delivers() {
		return page.JobOrder{}, nil
	}
	sources, err := c.Store.OrderedSources(ctx, j.ID)
	if err != nil || len(sources) == 0 && j.Overtaken == 0 {
		return page.JobOrder{}, err
	}
	v := page.JobOrder{Thing: c.thingOf(sources), Choice: string(deadletter.OrderSkip)}
	if j.Overtaken > 0 {
		v.Overtaken = number(j.Overtaken)
	}
	return v, nil
}

// thingOf returns a noun for what the order keys of sources identify.
func (c *Console) thingOf(sources []string) (thing string) {
	for _, name := range sources {
		source, _ := c.Desk.Source(name)
		switch noun := source.OrderKey.Name(); thing {
		case "", noun:
			thing = noun
		default:
			return "order key"
		}
	}
	return printable(cmp.Or(thing, "order key"))
}

// orderText says what a job does with messages that come too late; "" for a job whose messages have no order.
func (c *Console) orderText(ctx context.Context, j deadletter.Job) (string, error) {
	v, err := c.jobOrderView(ctx, j)
	if err != nil || v.Thing == "" {
		return "", err
	}
	switch j.Order {
	case deadletter.OrderAsk:
		return "Pauses at messages that come too late for their " + v.Thing, nil
	case deadletter.OrderSend:
		return "Sends messages that come too late for their " + v.Thing + " as well", nil
	case deadletter.OrderSkip:
	}
	return "Skips messages that come too late for their " + v.Thing, nil
}

// affectedView counts the things that the messages of a cause are about, and shows those with the most messages.
func (c *Console) affectedView(ctx context.Context, cause deadletter.Cause) (page.Affected, error) {
	a, err := c.Store.Affected(ctx, cause.Fingerprint)
	if err != nil || a.Keys == 0 {
		return page.Affected{}, err
	}
	thing := c.thingOf([]string{cause.Source})
	over := ""
	if a.AtLeast {
		over = "+"
	}
	v := page.Affected{
		Things: strings.TrimSuffix(thing, "s") + "s", Count: number(a.Keys) + over, Most: page.CauseFacet{Name: thing},
	}
	for _, key := range a.Most {
		m, err := c.Store.Message(ctx, key.Sample)
		if err != nil {
			return v, err
		}
		value, err := c.orderValue(ctx, m)
		if err != nil {
			return v, err
		}
		v.Most.Values = append(v.Most.Values, page.CauseValue{
			Text: cmp.Or(value, key.Key.String()), Count: number(key.Messages),
			Share: max(1, key.Messages*100/a.Messages),
			URL: address("/messages", url.Values{
				"cause": {cause.Fingerprint}, "status": {allStatus}, "order": {key.Key.String()},
			}),
		})
	}
	if more := a.Keys - len(a.Most); more > 0 {
		v.Most.More = "and " + number(more) + over + " more"
	}
	return v, nil
}

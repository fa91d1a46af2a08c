package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/search"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// What the page of a cause reads at most, so that it costs the same with ten messages and with a million.
const (
	causeSampleSize = 500 // messages
	maxCauseJobs    = 20
	maxCauseMarks   = 20 // of a kind
	maxFacetValues  = 6
)

// causeRead is what was read of a cause for its page.
type causeRead struct {
	newest   []deadletter.SampledMessage
	examples []deadletter.Example
	messages map[deadletter.ID]deadletter.Message // of the examples
}

func (c *Console) readCause(ctx context.Context, cause deadletter.Cause) (read causeRead, err error) {
	first, newest, err := c.Store.CauseSample(ctx, cause.Fingerprint, causeSampleSize)
	if err != nil {
		return read, err
	}
	read.newest, read.examples = newest, deadletter.Examples(first, newest)
	var ids []deadletter.ID
	for _, e := range read.examples {
		ids = append(ids, e.ID)
	}
	list, err := c.Store.MessagesAmong(ctx, ids, store.Filter{})
	if err == nil {
		err = c.Desk.Hider().Messages(ctx, list)
	}
	if err != nil {
		return read, err
	}
	read.messages = map[deadletter.ID]deadletter.Message{}
	for _, m := range list {
		read.messages[m.ID] = m
	}
	return read, nil
}

var exampleNames = map[deadletter.ExampleKind]string{
	deadletter.FirstExample: "First", deadletter.LatestExample: "Latest", deadletter.TypicalExample: "Typical",
	deadletter.LargestExample: "Largest", deadletter.OddestExample: "Oddest",
}

// exampleViews shows the messages that stand for all of a cause.
func exampleViews(cause deadletter.Cause, read causeRead) (list []page.CauseExample) {
	sizes := map[deadletter.ID]int{}
	for _, m := range read.newest {
		sizes[m.ID] = m.Size
	}
	for _, e := range read.examples {
		m, ok := read.messages[e.ID]
		if !ok {
			continue // it was deleted meanwhile
		}
		v := page.CauseExample{
			URL:      messageURL(m.ID, "cause="+cause.Fingerprint+"&status="+allStatus),
			Status:   string(m.Status),
			Code:     code(m.StatusCode),
			Outcome:  string(m.Outcome),
			Type:     printable(m.EventType),
			Received: ui.At(m.ReceivedAt),
			Why:      whyExample(e, len(read.newest)),
		}
		if n, ok := sizes[m.ID]; ok {
			v.Size = size(n)
		}
		for _, kind := range e.Kinds {
			v.Names = append(v.Names, exampleNames[kind])
		}
		if m.StatusCode != cause.StatusCode {
			v.Reason = printable(m.Reason)
		}
		list = append(list, v)
	}
	return list
}

// whyExample says why a message is shown.
func whyExample(e deadletter.Example, sampled int) string {
	of := "the newest " + number(sampled)
	if sampled < causeSampleSize {
		of = "all " + number(sampled)
	}
	var parts []string
	for _, kind := range e.Kinds {
		switch kind {
		case deadletter.FirstExample:
			parts = append(parts, "the oldest message")
		case deadletter.LatestExample:
			parts = append(parts, "the newest message")
		case deadletter.TypicalExample:
			parts = append(
				parts,
				fmt.Sprintf("code, event type and destination as %s of %s, and a size in their middle",
					number(e.Alike), of),
			)
		case deadletter.LargestExample:
			parts = append(parts, "the largest body of "+of)
		case deadletter.OddestExample:
			parts = append(parts, fmt.Sprintf("its code, event type and destination are the rarest: %s of %s",
				number(e.Alike), of))
		}
	}
	return sentence(strings.Join(parts, "; "))
}

// causeSample shows what the newest messages have in common.
func (c *Console) causeSample(cause deadletter.Cause, read causeRead) (v page.CauseSample) {
	v.Size = "all " + plural(len(read.newest), "message")
	if len(read.newest) == causeSampleSize {
		v.Size = "the newest " + number(causeSampleSize) + " messages"
	}
	add := func(name, none, param string, valueOf func(deadletter.SampledMessage) string) {
		if f := facetOf(cause, read.newest, name, none, param, valueOf); len(f.Values) > 0 {
			v.Facet = append(v.Facet, f)
		}
	}
	add("Status code", "no response", "code", func(m deadletter.SampledMessage) string { return code(m.StatusCode) })
	add("Event type", "no event type", "type", func(m deadletter.SampledMessage) string { return m.EventType })
	if slices.ContainsFunc(read.newest, func(m deadletter.SampledMessage) bool { return m.Source != cause.Source }) {
		add("Source", "no source", "source", func(m deadletter.SampledMessage) string { return m.Source })
	}
	add("Destination", "no destination", "destination", func(m deadletter.SampledMessage) string {
		return redact.Host(m.Destination)
	})
	return v
}

// facetOf counts the values of a property. param is the filter of the list of messages by it.
func facetOf(
	cause deadletter.Cause, newest []deadletter.SampledMessage, name, none, param string,
	valueOf func(deadletter.SampledMessage) string,
) page.CauseFacet {
	counts := map[string]int{}
	for _, m := range newest {
		counts[valueOf(m)]++
	}
	values := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	f := page.CauseFacet{Name: name}
	for _, value := range values[:min(len(values), maxFacetValues)] {
		n := counts[value]
		shown := page.CauseValue{
			Text: printable(value), None: none, Count: number(n), Share: max(1, n*100/len(newest)),
		}
		if query := (url.Values{"cause": {cause.Fingerprint}, "status": {allStatus}}); value != "" {
			if param == "destination" { // the form has no menu of them
				t := search.Term{Kind: search.Operator, Name: param, Op: search.Is, Value: value}
				query.Set("q", t.String())
			} else {
				query.Set(param, value)
			}
			shown.URL = address("/messages", query)
		}
		f.Values = append(f.Values, shown)
	}
	if more := len(values) - len(f.Values); more > 0 {
		f.More = "and " + number(more) + " more"
	}
	return f
}

// triedView shows what was tried and what it came to.
func triedView(cause deadletter.Cause, jobs []store.CauseJob) page.CauseTried {
	v := page.CauseTried{Replays: causeReplays(cause)}
	for _, j := range jobs {
		v.Jobs = append(v.Jobs, jobResult(j))
	}
	if len(jobs) == maxCauseJobs {
		v.More = "These are the newest " + number(maxCauseJobs) + "."
	}
	return v
}

// jobResult shows a job with what became of some of its messages.
func jobResult(j store.CauseJob) page.CauseJob {
	v := page.CauseJob{
		ID: j.ID.String(), URL: jobPath(j.ID), Action: wordsOf(j.Action).verb, By: printable(j.By.Name),
		Reason: printable(j.Reason), Started: ui.At(j.StartedAt),
	}
	add := func(n int, text, tone string, result deadletter.ItemState) {
		if n > 0 {
			v.Parts = append(v.Parts, page.JobPart{
				Text: number(n) + " " + text, Tone: tone, URL: jobMessages(j.ID, result),
			})
		}
	}
	add(j.Done, wordsOf(j.Action).each, ui.Done, deadletter.ItemDone)
	add(j.Failed, "failed", ui.Fault, deadletter.ItemFailed)
	add(j.Skipped, "skipped", ui.Warn, deadletter.ItemSkipped)
	if len(v.Parts) == 0 {
		v.Parts = []page.JobPart{{Text: "no result yet", Tone: "plain"}}
	}
	return v
}

// causeRange is a time that the plot of a cause looks back on.
type causeRange struct {
	value, label, name string
	span, step         time.Duration
}

func causeRanges() []causeRange {
	const day = 24 * time.Hour
	return []causeRange{
		{"24h", "24 h", "24 hours", day, time.Hour},
		{"7d", "7 d", "7 days", 7 * day, 3 * time.Hour},
		{"30d", "30 d", "30 days", 30 * day, 12 * time.Hour},
	}
}

// rangeOf returns the range that is asked for or, for "", the shortest that has the beginning of a cause.
func rangeOf(asked string, first, now time.Time) (causeRange, error) {
	ranges := causeRanges()
	if asked == "" {
		for _, b := range ranges {
			if now.Sub(first) < b.span {
				return b, nil
			}
		}
		return ranges[len(ranges)-1], nil
	}
	for _, b := range ranges {
		if b.value == asked {
			return b, nil
		}
	}
	return causeRange{}, deadletter.Errorf(deadletter.Invalid, "there is no range %q: use 24h, 7d or 30d", asked)
}

// causePlot is what the plot of a cause draws.
type causePlot struct {
	From      int64       `json:"from"`
	Step      int64       `json:"step"`
	Failed    []int       `json:"failed"`
	Recovered []int       `json:"recovered"`
	Marks     []causeMark `json:"marks"`
}

type causeMark struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
}

// causeTrend counts failures and recoveries by steps of time.
func (c *Console) causeTrend(
	ctx context.Context, cause deadletter.Cause, jobs []store.CauseJob, asked string,
) (v page.CauseTrend, err error) {
	now := c.Now().UTC()
	back, err := rangeOf(asked, cause.FirstAt, now)
	if err != nil {
		return v, err
	}
	from := now.Truncate(back.step).Add(back.step - back.span)
	hours, err := c.Store.CauseHours(ctx, []string{cause.Fingerprint}, from)
	if err != nil {
		return v, err
	}
	if v.Marks, err = c.causeMarks(ctx, cause, jobs, from); err != nil {
		return v, err
	}
	n := int(back.span / back.step)
	plot := causePlot{
		From: from.UnixMilli(), Step: back.step.Milliseconds(), Failed: make([]int, n), Recovered: make([]int, n),
		Marks: []causeMark{},
	}
	failed, recovered := 0, 0
	for _, h := range hours[cause.Fingerprint] {
		if i := int(h.At.Sub(from) / back.step); i >= 0 && i < n {
			plot.Failed[i] += h.Failed
			plot.Recovered[i] += h.Recovered
			failed, recovered = failed+h.Failed, recovered+h.Recovered
		}
	}
	for _, m := range v.Marks {
		if at, err := time.Parse(time.RFC3339, m.At.ISO); err == nil {
			plot.Marks = append(plot.Marks, causeMark{at.UnixMilli(), m.Text})
		}
	}
	data, err := json.Marshal(plot)
	v.Span, v.Ranges = back.name, causeRangeLinks(cause, back)
	v.Plot = page.Plot{Data: string(data), Summary: fmt.Sprintf("In the last %s %s failed and %s recovered.",
		back.name, number(failed), number(recovered))}
	for i := range slices.Backward(plot.Failed) {
		if plot.Failed[i]+plot.Recovered[i] > 0 {
			v.Steps = append(v.Steps, page.CauseStep{
				From:   ui.At(from.Add(time.Duration(i) * back.step)),
				Failed: number(plot.Failed[i]), Recovered: number(plot.Recovered[i]),
			})
		}
	}
	return v, err
}

func causeRangeLinks(cause deadletter.Cause, current causeRange) (list []page.RangeLink) {
	for _, b := range causeRanges() {
		list = append(list, page.RangeLink{
			Value: b.value, Label: b.label, Name: b.name, Current: b.value == current.value,
			URL: address(page.CauseURL(cause.Fingerprint), url.Values{"range": {b.value}}),
		})
	}
	return list
}

// causeMarks returns the moments since a time that may explain a change of a cause, newest first: its jobs, changes of
// the configuration, and outages of its destination.
func (c *Console) causeMarks(
	ctx context.Context, cause deadletter.Cause, jobs []store.CauseJob, from time.Time,
) (list []page.CauseMark, err error) {
	for _, j := range jobs {
		if !j.StartedAt.Before(from) {
			list = append(list, page.CauseMark{
				At: ui.At(j.StartedAt), Kind: "job", URL: jobPath(j.ID),
				Text: fmt.Sprintf("Job %s started: %s, by %s", j.ID, wordsOf(j.Action).verb, printable(j.By.Name)),
			})
		}
	}
	for _, kind := range []struct{ kind, action, target, text string }{
		{"configuration", "config.reload", "", "The configuration was changed"},
		{"outage", delivery.ActionBreakerOpen, cause.Source, "The circuit breaker opened: the destination is down"},
		{"outage", delivery.ActionBreakerRecover, cause.Source, "The destination responds again"},
	} {
		events, err := c.Store.Events(ctx, store.EventQuery{Limit: maxCauseMarks, EventFilter: store.EventFilter{
			Action: kind.action, Target: kind.target, From: from, // a source has too many events
		}})
		if err != nil {
			return nil, err
		}
		query := url.Values{"action": {kind.action}}
		if kind.target != "" {
			query.Set("source", kind.target)
		}
		for _, e := range events.Items {
			list = append(list, page.CauseMark{
				At: ui.At(e.At), Kind: kind.kind, URL: address("/audit", query), Text: kind.text + changedKeys(e),
			})
		}
	}
	slices.SortStableFunc(list, func(a, b page.CauseMark) int { return strings.Compare(b.At.ISO, a.At.ISO) })
	return list, nil
}

// maxChangedKeys bounds how many keys of the configuration a mark names.
const maxChangedKeys = 3

// changedKeys names the keys of the configuration that an event changed, without their values.
func changedKeys(e store.EventRow) string {
	if e.Action != "config.reload" {
		return ""
	}
	var after map[string]any
	if json.Unmarshal(e.After, &after) != nil || len(after) == 0 {
		return ""
	}
	keys := slices.Sorted(maps.Keys(after))
	text := ": " + strings.Join(keys[:min(len(keys), maxChangedKeys)], ", ")
	if more := len(keys) - maxChangedKeys; more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return text
}

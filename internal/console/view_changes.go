package console

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// maxFact bounds one fact of an event on a page, in bytes.
const maxFact = 4 << 10

// changesOf compares the facts before an event to those after it, name by name, and keeps what differs.
func changesOf(before, after json.RawMessage) []page.AuditChange {
	old, now := factsOf(before), factsOf(after)
	names := slices.Collect(maps.Keys(old))
	for name := range now {
		if _, ok := old[name]; !ok {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, statusFirst)
	var rows []page.AuditChange
	for _, name := range names {
		if !bytes.Equal(old[name], now[name]) {
			rows = append(
				rows,
				page.AuditChange{Name: factName(name), Old: factOf(name, old[name]), New: factOf(name, now[name])},
			)
		}
	}
	return rows
}

const statusFact = "status"

// statusFirst orders names: the status says most.
func statusFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == statusFact:
		return -1
	case b == statusFact:
		return 1
	}
	return strings.Compare(a, b)
}

// factsOf are the fields of an object; what is none is one fact without a name.
func factsOf(text json.RawMessage) map[string]json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	var facts map[string]json.RawMessage
	if err := json.Unmarshal(text, &facts); err != nil {
		return map[string]json.RawMessage{"": text}
	}
	return facts
}

// factName is the name of a field as a person reads it.
func factName(name string) string {
	switch name {
	case "":
		return "Value"
	case "statusCode":
		return "Status code"
	case "latencyMs":
		return "Latency"
	case "dueAt":
		return "Next delivery"
	case "bodySha256":
		return "SHA-256 of the body"
	}
	return strings.TrimSuffix(sentence(printable(name)), ".")
}

func factOf(name string, value json.RawMessage) page.AuditFact {
	if len(value) == 0 || string(value) == "null" {
		return page.AuditFact{}
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		text = string(value)
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil && strings.HasSuffix(name, "At") {
		return page.AuditFact{At: ui.At(at)}
	}
	switch name {
	case statusFact:
		text = ui.StatusWord(text)
	case "latencyMs":
		text += " ms"
	}
	return page.AuditFact{Text: printable(string(cutText([]byte(text), maxFact)))}
}

package console_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

func (a answer) csv() [][]string {
	a.t.Helper()
	lines, err := csv.NewReader(strings.NewReader(a.text)).ReadAll()
	if err != nil {
		a.t.Fatal(err)
	}
	return lines
}

func (p person) export(query, format string) answer {
	p.t.Helper()
	return p.post("/audit/export?"+query, form("format", format))
}

// An export holds what its filter matches, whole, across the chunks in which it is read, and is itself on record.
func TestExportContainsTheMatchingEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "vera", deadletter.Viewer)
	const events = 1234
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range events {
			e := deadletter.Event{
				At:         b.clock.Now(),
				Actor:      deadletter.ActorUser,
				By:         "mia",
				Addr:       "10.0.0.1",
				Action:     "message.archive",
				TargetKind: "message",
				Target:     fmt.Sprintf("a-%d", i),
				Source:     "genesys",
				Reason:     "line\nbreak, \"quote\"",
				After:      json.RawMessage(`{"status":"archived"}`),
			}
			if err := tx.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := p.export("actor=mia", "csv")
	lines := a.csv()
	if a.status != http.StatusOK || len(lines) != 1+events || lines[0][0] != "event" {
		t.Fatalf("answers %d with %d lines", a.status, len(lines))
	}
	if got := a.header.Get("Content-Disposition"); got != `attachment; filename="dlqdesk-audit-20260302T101505Z.csv"` {
		t.Errorf("it is named %s", got)
	}
	for i, line := range lines[1:] {
		if want := fmt.Sprintf(
			"a-%d", events-1-i,
		); line[7] != want || line[9] != "line\nbreak, \"quote\"" || line[11] != `{"status":"archived"}` ||
			line[1] != "2026-03-02T10:15:05.000Z" {
			t.Fatalf("line %d is %q, want message %s", i, line, want)
		}
	}

	a = p.export("actor=mia&message=a-7", "jsonl")
	var one map[string]any
	if err := json.Unmarshal(
		[]byte(a.text), &one,
	); err != nil || one["target"] != "a-7" || one["reason"] != "line\nbreak, \"quote\"" ||
		strings.Count(a.text, "\n") != 1 {
		t.Errorf("%s: %v", a.text, err)
	}
	if after, ok := one["after"].(map[string]any); !ok || after["status"] != "archived" {
		t.Errorf("after is %v", one["after"])
	}
	if none := p.export("message=nothing", "csv").csv(); len(none) != 1 {
		t.Errorf("nothing has %d lines", len(none))
	}
	recorded := p.export("action=audit.export", "jsonl")
	scanner := bufio.NewScanner(strings.NewReader(recorded.text))
	n := 0
	for ; scanner.Scan(); n++ {
		if !strings.Contains(scanner.Text(), `"actor":"vera"`) {
			t.Errorf("recorded %s", scanner.Text())
		}
	}
	if n != 4 || !strings.Contains(recorded.text, `"filter":{"actor":"mia","message":"a-7"},"format":"jsonl"`) {
		t.Errorf("%d exports are on record: %s", n, recorded.text)
	}
	if got := p.get("/audit?action=audit.export").
		says(".sentence"); !strings.Contains(got, "vera exported the audit trail") {
		t.Errorf("the page says %q", got)
	}
}

// A spreadsheet never evaluates text that outsiders wrote.
func TestExportHasNoFormulas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "vera", deadletter.Viewer)
	formulas := []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"}
	for _, formula := range formulas {
		b.clock.Add(time.Second)
		event, err := deadletter.NewEvent(
			deadletter.User(formula, "", ""), "user.sign_in_refused", "user", formula, formula, nil, nil,
			b.clock.Now(),
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.store.Write(
			t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, event) },
		); err != nil {
			t.Fatal(err)
		}
	}
	lines := p.export("action=user.sign_in_refused", "csv").csv()[1:]
	if len(lines) != len(formulas) {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		for _, field := range line {
			if strings.ContainsAny(field[:min(1, len(field))], "=+-@\t\r\n") {
				t.Errorf("a field begins like a formula: %q", field)
			}
		}
		if line[3][0] != '\'' || line[9][0] != '\'' {
			t.Errorf("a formula was changed otherwise: %q", line)
		}
	}
}

func TestExportReportsWrongQueries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "vera", deadletter.Viewer)
	before := len(b.events(t))
	for query, want := range map[string]string{
		"": "no format", "from=now": "is not a time", "action=eat": "no action",
	} {
		t.Run(query, func(t *testing.T) {
			format := "csv"
			if query == "" {
				format = "xml"
			}
			if a := p.export(query, format); a.status != http.StatusUnprocessableEntity ||
				!strings.Contains(a.says("main"), want) ||
				a.header.Get("Content-Disposition") != "" {
				t.Errorf("%q answers %d: %s", query, a.status, a.says("main"))
			}
		})
	}
	if n := len(b.events(t)); n != before {
		t.Errorf("%d exports that were none are on record", n-before)
	}
	if a := b.stranger(t).export("", "csv"); a.status != http.StatusSeeOther ||
		strings.Contains(a.text, "vera") {
		t.Errorf("a stranger gets %d", a.status)
	}
}

package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// fielded has messages that differ in what a query can ask for. Their ids are a to h, the newest last.
func fielded(t *testing.T) *store.Store {
	t.Helper()
	s, _ := setup(t)
	path, err := payload.ParsePath("$.customer.ssn")
	if err != nil {
		t.Fatal(err)
	}
	desktest.Search(t, s, desktest.Masks("genesys", redact.Options{Paths: []payload.Path{path}}))
	for i, c := range []struct {
		code            int
		kind, body      string
		source, headers string
	}{
		{
			422, "conversation.started", `{"customer":{"email":"Anna@example.com","ssn":"secret-1","tier":"gold"},"amount":100}`,
			"genesys", "X-Tenant: acme",
		},
		{
			503, "conversation.ended", `{"customer":{"email":"bob@example.com","tier":"silver"},"amount":101,"at":"2026-03-01T08:00:00Z"}`,
			"genesys", "X-Tenant: other",
		},
		{
			500, "order.created", `{"items":[{"sku":"A1","qty":2},{"sku":"B2","qty":30}],"amount":99.5,"ref":"anna@example.com"}`,
			"shop", "X-Tenant: acme;X-Tries: 7",
		},
		{0, "order.created", `{"items":[{"sku":"B2"}],"amount":"250.00","note":"order is null here","zip":"00123"}`, "shop", ""},
		{422, "", "From=%2B1555&Name=J%C3%BCrgen+Gro%C3%9F&Body=null+is+order", "forms", ""},
		{422, "chat", `{"text":"查询客户信息","reply":"ありがとうございます","th":"สวัสดีครับ","amount":-5,"ok":true}`, "chat", ""},
		{422, "chat", `{"amount":1e3,"at":"2026-03-02T09:30:00+01:00","id":"c0ffee00-1111-4222-8333-444455556666"}`, "chat", ""},
		{422, "big", `{"first":"early","rest":"` + strings.Repeat("filler ", 12_000) + `","last":"late"}`, "big", ""},
	} {
		f := failure(string(rune('a'+i)), c.code, start.Add(time.Duration(i)*time.Hour))
		f.Source, f.EventType, f.Body = c.source, c.kind, []byte(c.body)
		if c.source == "forms" {
			f.Headers = deadletter.Headers{"Content-Type": {"application/x-www-form-urlencoded"}}
		}
		for header := range strings.SplitSeq(c.headers, ";") {
			if name, value, ok := strings.Cut(header, ": "); ok {
				f.Headers[name] = []string{value}
			}
		}
		receive(t, s, f)
	}
	searched(t, s)
	return s
}

// finds returns the ids of the messages that a query finds, as one word, and compares the counts with them.
func finds(t *testing.T, s *store.Store, text string) string {
	t.Helper()
	f := store.Filter{Text: text, At: start.Add(10 * time.Hour), By: "anna"}
	found := strings.Join(ids(t, s, store.MessageQuery{Filter: f, Limit: 2}), "")
	counts, err := s.Counts(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if n, atLeast := counts.Total(); f.Status == "" && !strings.Contains(text, "status:") &&
		(n != len(found) || atLeast) {
		t.Errorf("%s finds %q, and %d are counted", text, found, n)
	}
	return found
}

func TestEveryOperatorFindsItsMessages(t *testing.T) {
	t.Parallel()
	s := fielded(t)
	for text, want := range map[string]string{
		"source:shop": "dc", "-source:shop": "hgfeba", "source:sh*": "dc", "source:none": "", "missing source:shop": "dc",
		"source:shop -missing": "", "missing -source:shop": "hgfeba", "source:shop source:chat": "",
		"status:failed": "hgfeda", "status:retrying": "cb", "-status:failed": "cb", "missing status:retrying": "cb",
		"code:422": "hgfea", "code:5xx": "cb", "code:>=503": "b", "code:500..502": "c", "code:none": "d", "-code:422": "dcb",
		"code:5xx missing": "cb", "code:503 missing": "b", "code:<500 missing": "hgfea",
		"outcome:error_response": "hgfedcba", "outcome:unreachable": "",
		"type:order.created": "dc", "type:conversation.*": "ba", "-type:conversation.*": "hgfedc", "type:none": "e",
		"type:conversation.* missing": "ba", "type:chat missing": "gf",
		"received:>8h": "ba", "received:<3h": "h", "received:3h": "h", "received:4h..6h": "fe", "-received:>8h": "hgfedc",
		"received:2026-03-02": "hgfedcba", "received:>2026-03-02": "", "received:2026-03-02T12:00..": "hgfedc",
		"queue:other": "", "cause:missing": "hgfedcba", "cause:503": "b", "-cause:503": "hgfedca", "state:new": "hgfedcba",
		"assignee:me": "", "assignee:none": "hgfedcba", "-assignee:none": "", "assignee:me missing": "",

		"$.customer.email=anna@example.com": "a", "$.customer.email:ANNA@example.com": "a", "email=anna@example.com": "a",
		"-$.customer.email=anna@example.com": "hgfedcb", "$..email=anna@example.com": "a", "$.ref=anna@example.com": "c",
		"$.customer.email=anna*": "a", "$.customer.email=b*": "b", "$.customer.*=gold": "a", "email=example.com": "",
		"$.customer.tier=gold": "a", "tier=silver": "b", "tier=gold*": "a", "tier:g*": "a", "-tier=gold missing": "hgfedcb",
		"$.customer.ssn=secret-1": "", "ssn=secret-1": "", "secret-1": "", "$.customer.tier=*": "ba",
		"amount:>100": "gdb", "amount>=100": "gdba", "amount:<100": "fc", "amount:<=99.5": "fc", "amount:99..101": "cba",
		"amount=100": "a", "amount=100.0": "a", "$.amount=250": "d", "amount=1000": "g", "amount:>=96 amount:<104": "cba",
		"amount:<0": "f", "amount:>-6": "gfdcba", "-amount:>100": "hfeca", "amount:..99": "f", "amount:250..": "gd",
		"$.items[0].sku=B2": "d", "$.items[1].sku=B2": "c", "$.items.sku=b2": "dc", "$.items[*].qty:>20": "c", "sku=A1": "c",
		"zip=00123": "d", "zip=123": "", "ok=true": "f", "$.ok=false": "",
		"at:2026-03-01": "b", "at:>2026-03-01": "g", "at:<2026-03-02T08:30:00Z": "b", "at:2026-03-02T08:30": "g", "$.at:>=2026-03-01": "gb",
		"$.Name=\"Jürgen Groß\"": "e", "name=jürgen*": "e", "From=+1555": "e",
		"id=c0ffee00-1111-4222-8333-444455556666": "g", "$.id=c0ffee*": "g",
		"header.x-tenant=acme": "ca", "header.X-Tenant:ac*": "ca", "-header.x-tenant=acme": "hgfedb", "header.x-tries:>5": "c",
		"header.x-tries:>7": "", "header.none=a": "", "header.x-tenant=acme -source:shop": "a",

		"-missing": "", "-timeout": "hgfedcba", `"order is null"`: "d", `"null is order"`: "e", `order null`: "ed", `-"order is null"`: "hgfecba",
		`"order is nul"*`: "d", `"order is nul"`: "", `"missing"`: "hgfedcba", `order -"is null"`: "ec", `"field id" code:503`: "b",
		"客户": "f", "查": "f", "客户信息": "f", "信客": "", "ありが": "f", "สวัส": "f", "ครับ": "f", `"查询客户信息"`: "f", "客户 missing": "f",
		"early": "h", "late": "", "conversation:upd": "", "conversation:started": "a",
		"source:genesys status:retrying code:5xx type:conversation.* $.customer.email=bob@example.com amount:>100 header.x-tenant=other received:>2h -timeout \"field id\" assignee:none": "b",
	} {
		t.Run(text, func(t *testing.T) {
			if got := finds(t, s, text); got != want {
				t.Errorf("%s finds %q, want %q", text, got, want)
			}
		})
	}
}

// A field is found after an edit as it was received and as it is now, and a cause by its owner.
func TestQueryFollowsChanges(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	c := failure("a", 422, start)
	c.Body = []byte(`{"name":"before"}`)
	m := receive(t, s, c)
	change, err := m.EditAndReplay(anna, deadletter.TriggerEdit,
		deadletter.Revision{Body: []byte(`{"name":"after","n":5}`), Reason: "fix"}, m.Version, start)
	apply(t, s, change, err)
	cause, err := s.Cause(t.Context(), m.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := cause.Claim(anna, time.Hour, cause.Version, start)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.ApplyCause(ctx, claim)
	}); err != nil {
		t.Fatal(err)
	}
	searched(t, s)
	for text, want := range map[string]string{
		"name=before": "a", "name=after": "a", "n:>4": "a", "assignee:me": "a", "assignee:anna before": "a", "-assignee:anna": "",
		"assignee:none": "", "state:claimed": "a",
	} {
		t.Run(text, func(t *testing.T) {
			if got := finds(t, s, text); got != want {
				t.Errorf("%s finds %q, want %q", text, got, want)
			}
		})
	}
}

// What a query does not reach is said: parts of large messages, messages beyond those that are read, and names that
// are no fields.
func TestReportSaysWhatAQueryDoesNotReach(t *testing.T) {
	t.Parallel()
	s := fielded(t)
	for text, want := range map[string]store.Report{
		"late":                       {Larger: 1},
		"late source:shop":           {},
		"late source:big":            {Larger: 1},
		"source:big":                 {},
		"header.x-tenant=acme":       {},
		"conversation:upd missing":   {AsText: []string{"conversation"}, Larger: 1},
		"late received:>20h":         {},
		`"order is null" source:big`: {Larger: 1},
	} {
		t.Run(text, func(t *testing.T) {
			f, err := s.Lookup(t.Context(), store.Filter{Text: text, At: start.Add(10 * time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Report(t.Context(), f)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %+v, want %+v, %v", text, got, want, err)
			}
		})
	}
}

// Of more messages that may match than a page reads, it shows those that do, says so, and leads on.
func TestQueryReadsABoundedNumberOfMessages(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	desktest.Search(t, s, nil)
	const n = 1200
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range n {
			c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second))
			c.Body = []byte(`{"note":"null is order"}`)
			if i == 0 || i == n-1 {
				c.Body = []byte(`{"note":"order is null"}`)
			}
			if err := tx.Apply(ctx, deadletter.NewMessage(c, policy, 0.5, c.ReceivedAt)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	searched(t, s)
	q := store.MessageQuery{Filter: store.Filter{Text: `"order is null"`}, Limit: 10}
	if q.Filter, err = s.Lookup(t.Context(), q.Filter); err != nil {
		t.Fatal(err)
	}
	first, err := s.Messages(t.Context(), q)
	if err != nil || len(first.Items) != 1 || first.Older == "" {
		t.Fatalf("the first page has %d messages, and then %q, %v", len(first.Items), first.Older, err)
	}
	counts, err := s.Counts(t.Context(), q.Filter)
	if total, atLeast := counts.Total(); total != 1 || !atLeast || err != nil {
		t.Errorf("%d are counted, perhaps more: %v, %v", total, atLeast, err)
	}
	if report, err := s.Report(t.Context(), q.Filter); report.Read != 300 || err != nil {
		t.Errorf("the report is %+v, %v", report, err)
	}
	if all := ids(t, s, store.MessageQuery{Filter: store.Filter{Text: `"order is null"`}, Limit: 10}); len(all) != 2 {
		t.Errorf("all pages have %v", all)
	}
	q.Cursor = store.FromOldest
	if last, err := s.Messages(t.Context(), q); err != nil || len(last.Items) != 1 || last.Items[0].ID != "a-0" {
		t.Errorf("the last page has %d messages, %v", len(last.Items), err)
	}
	draft, err := deadletter.NewJob(anna, deadletter.ActReplay, start)
	if err != nil {
		t.Fatal(err)
	}
	job, err := s.DraftJob(t.Context(), draft, store.Filter{Text: `"order is null"`})
	if err != nil || job.Items.Pending != 2 {
		t.Errorf("a job has %d messages, %v", job.Items.Pending, err)
	}
	if late, err := s.CountNotInJob(
		t.Context(),
		job.ID,
		store.Filter{Text: `"order is null"`},
	); late != 0 || err != nil {
		t.Errorf("%d match and are not in the job, %v", late, err)
	}
	among, err := s.MessagesAmong(t.Context(), []deadletter.ID{"a-0", "a-1"}, store.Filter{Text: `"order is null"`})
	if err != nil || len(among) != 1 || among[0].ID != "a-0" {
		t.Errorf("%d of two messages match, %v", len(among), err)
	}
}

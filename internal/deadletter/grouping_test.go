package deadletter_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

const shopURL = "http://127.0.0.1:9090/shop"

func shopFailure(text string) deadletter.Failure {
	return deadletter.Failure{Source: "shop", Destination: shopURL, Error: text}
}

func rule(id int64, kind deadletter.GroupKind, pattern, title string) deadletter.GroupRule {
	return deadletter.GroupRule{ID: id, Kind: kind, Source: "shop", Pattern: pattern, Title: title}
}

func merge(id int64, into string, from ...string) deadletter.GroupRule {
	r := deadletter.GroupRule{ID: id, Kind: deadletter.GroupMerge, Source: "shop", Into: shopFailure(into)}
	for _, text := range from {
		r.From = append(r.From, shopFailure(text))
	}
	return r
}

func split(id int64, of, pattern, title string) deadletter.GroupRule {
	return deadletter.GroupRule{
		ID: id, Kind: deadletter.GroupSplit, Source: "shop", Into: shopFailure(of), Pattern: pattern, Title: title,
	}
}

// Each test lists errors that are grouped: those of one inner list are of one cause, whose title it is.
func TestRulesOfPeopleGroupFailures(t *testing.T) {
	t.Parallel()
	const (
		ignore = deadletter.GroupIgnore
		join   = deadletter.GroupJoin
	)
	for name, test := range map[string]struct {
		rules  []deadletter.GroupRule
		causes map[string][]string // by title; those without one by their number
	}{
		"no rule": {nil, map[string][]string{
			"1": {"503 shard blue is down"}, "2": {"503 shard green is down"},
		}},
		"ignore": {[]deadletter.GroupRule{rule(1, ignore, `shard [a-z]+`, "")}, map[string][]string{
			"1": {"503 shard blue is down", "503 shard green is down", "503 is down"}, "2": {"500 shard blue is down"},
		}},
		"join": {[]deadletter.GroupRule{rule(1, join, `^5\d\d .*down`, "Shop is down")}, map[string][]string{
			"Shop is down": {"503 shard blue is down", "500 shard green went down"}, "2": {"400 shard blue is down"},
		}},
		"join by a group": {[]deadletter.GroupRule{rule(1, join, `shard (\w+)`, "Shard $1")}, map[string][]string{
			"Shard blue": {"503 shard blue is down", "500 shard blue is slow"}, "Shard green": {"503 shard green is down"},
		}},
		"the first join counts": {[]deadletter.GroupRule{
			rule(1, join, "blue", "Blue"), rule(2, join, "down", "Down"),
		}, map[string][]string{"Blue": {"503 shard blue is down"}, "Down": {"503 shard green is down"}}},
		"a rule of the configuration comes first": {[]deadletter.GroupRule{
			rule(1, join, "blue", "Blue"),
			{ID: 2, Kind: join, Source: "shop", Pattern: "down", Title: "Down", Configured: true},
		}, map[string][]string{"Down": {"503 shard blue is down", "503 shard green is down"}}},
		"ignore before join": {[]deadletter.GroupRule{
			rule(1, join, "^503 is down", "Down"), rule(2, ignore, `shard \w+`, ""),
		}, map[string][]string{"Down": {"503 shard blue is down"}}},
		"merge": {[]deadletter.GroupRule{merge(1, "500 a", "500 b", "400 c")}, map[string][]string{
			"1": {"500 a", "500 b", "400 c"}, "2": {"500 d"},
		}},
		"merges follow one another": {
			[]deadletter.GroupRule{merge(1, "500 a", "500 b"), merge(2, "500 c", "500 a")},
			map[string][]string{"1": {"500 a", "500 b", "500 c"}},
		},
		"split": {[]deadletter.GroupRule{split(1, "500 shard 1 is down", "shard [1-3] ", "Old shards")}, map[string][]string{
			"Old shards": {"500 shard 1 is down", "500 shard 3 is down"}, "2": {"500 shard 4 is down"},
		}},
		"split of a merged cause": {[]deadletter.GroupRule{
			merge(1, "500 a of blue", "500 b of blue"), split(2, "500 a of blue", "^500 b", ""),
		}, map[string][]string{"1": {"500 a of blue"}, "2": {"500 b of blue"}}},
		"merge after a split": {[]deadletter.GroupRule{
			split(1, "500 row 1", "row 7", ""), merge(2, "500 row 7", "500 row 1"),
		}, map[string][]string{"1": {"500 row 1", "500 row 7"}}},
		"merge of what a split made": {[]deadletter.GroupRule{
			split(1, "500 row 1", "row 7", ""), merge(2, "500 other", "500 row 7"),
		}, map[string][]string{"1": {"500 row 1"}, "2": {"500 row 7", "500 other"}}},
		"two splits of one cause": {[]deadletter.GroupRule{
			split(1, "500 row 1", "row 7", ""), split(2, "500 row 1", "row 8", ""),
		}, map[string][]string{"1": {"500 row 1"}, "2": {"500 row 7"}, "3": {"500 row 8"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := deadletter.NewGrouping(test.rules)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]string{}
			for title, texts := range test.causes {
				first, got := g.Cause(shopFailure(texts[0]), "")
				if other, ok := seen[first]; ok {
					t.Errorf("%q and %q are one cause", texts[0], other)
				}
				seen[first] = texts[0]
				if len(title) > 1 && got != title {
					t.Errorf("%q has the title %q, want %q", texts[0], got, title)
				}
				for _, text := range texts[1:] {
					if found, _ := g.Cause(shopFailure(text), ""); found != first {
						t.Errorf("%q and %q are two causes", texts[0], text)
					}
				}
			}
			for _, text := range seen {
				elsewhere := deadletter.Failure{Source: "crm", Destination: shopURL, Error: text}
				found, _ := g.Cause(elsewhere, "")
				if want := deadletter.Fingerprint("crm", shopURL, text); found != want {
					t.Errorf("a rule applies to another source: %q", text)
				}
			}
		})
	}
}

// A rule that is undone leaves no trace, and the order in which rules are given does not matter.
func TestUndoneRuleDoesNotApply(t *testing.T) {
	t.Parallel()
	undone := merge(1, "500 a", "500 b")
	undone.UndoneBy, undone.UndoneAt = "ana", now
	g, err := deadletter.NewGrouping(
		[]deadletter.GroupRule{merge(3, "500 d", "500 c"), merge(2, "500 c", "500 b"), undone},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"500 b", "500 c"} {
		if found, _ := g.Cause(shopFailure(text), ""); found != deadletter.Fingerprint("shop", shopURL, "500 d") {
			t.Errorf("%q is not of the cause of 500 d", text)
		}
	}
	if found, _ := g.Cause(shopFailure("500 a"), ""); found != deadletter.Fingerprint("shop", shopURL, "500 a") {
		t.Error("500 a is of another cause")
	}
}

func TestPatternsOfPeopleAreBounded(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"":                               "is empty",
		"   ":                            "is empty",
		"order (":                        "close what you open",
		"[a-":                            "close what you open",
		"a**":                            "before a character that stands for itself",
		"(?=a)b":                         "patterns have no",
		`(a)\1`:                          "patterns have no",
		".*":                             "matches every error",
		"(a{1000}){1000}":                "repeat less",
		strings.Repeat("a", 301):         "shorten it to 300",
		strings.Repeat("(", 200) + "a(x": "close what you open",
	} {
		t.Run(pattern[:min(len(pattern), 20)], func(t *testing.T) {
			t.Parallel()
			_, err := rule(1, deadletter.GroupIgnore, pattern, "").CheckOwn()
			if deadletter.KindOf(err) != deadletter.Invalid || !strings.Contains(deadletter.TextOf(err), want) {
				t.Errorf("%v, want %q in it", err, want)
			}
			if deadletter.FieldOf(err) != deadletter.FieldPattern {
				t.Errorf("it is about the field %q", deadletter.FieldOf(err))
			}
		})
	}
	for title, want := range map[string]string{
		"":                       "a title",
		"Shard $2":               "no such group",
		"Shard ${name}":          "no such group",
		strings.Repeat("a", 201): "shorten it to 200",
	} {
		_, err := rule(1, deadletter.GroupJoin, `shard (\w+)`, title).CheckOwn()
		if !strings.Contains(deadletter.TextOf(err), want) || deadletter.FieldOf(err) != deadletter.FieldTitle {
			t.Errorf("the title %q: %v, want %q in it", title, err, want)
		}
	}
	if r, err := rule(
		1,
		deadletter.GroupJoin,
		`shard (?P<shard>\w+)`,
		" Shard  ${shard} or $1 ",
	).CheckOwn(); err != nil ||
		r.Title != "Shard ${shard} or $1" {
		t.Errorf("%+v, %v", r, err)
	}
}

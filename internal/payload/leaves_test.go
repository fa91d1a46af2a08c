package payload_test

import (
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/payload"
)

func TestLeavesOfADocument(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"a":{"b":[1,{"c":"x"},[true]],"d.e":null},"f":"","g":{}}`: {
			"$.a.b[*]=1", "$.a.b[*].c=x", "$.a.b[*][*]=true", "$.a['d.e']=null", "$.f=",
		},
		`["a",["b"]]`:        {"$[*]=a", "$[*][*]=b"},
		`"alone"`:            nil,
		`{"a":1,"b":"cut of`: {"$.a=1"},
		`{"a":`:              nil,
		"":                   nil,
	} {
		t.Run(text, func(t *testing.T) {
			var got []string
			payload.EachLeaf([]byte(text), func(l payload.Leaf) bool {
				got = append(got, string(l.Path)+"="+l.Value)
				return true
			})
			if !slices.Equal(got, want) {
				t.Errorf("%s has %q, want %q", text, got, want)
			}
		})
	}
}

func TestPathLeadsToLeaves(t *testing.T) {
	t.Parallel()
	const text = `{"items":[{"sku":"s0","tags":["t"]},{"SKU":"s1"}],"sku":"s","deep":{"items":{"sku":"d"}}}`
	for path, want := range map[string]string{
		"$.items[*].sku": "s0 s1", "$.items.sku": "s0 s1", "$.items[1].sku": "s1", "$.sku": "s", "$..sku": "s0 s1 s d",
		"$.items..sku": "s0 s1", "$.*.sku": "s0 s1", "$.items.tags": "t", "$.items[0].tags[0]": "t", "$.items": "",
		"$.deep": "", "$..items.sku": "s0 s1 d", "$.deep..tags": "",
	} {
		t.Run(path, func(t *testing.T) {
			steps, err := payload.ParseMask(path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			payload.EachLeaf([]byte(text), func(l payload.Leaf) bool {
				if l.Matches(steps) {
					got = append(got, l.Value)
				}
				return true
			})
			if strings.Join(got, " ") != want {
				t.Errorf("%s leads to %q, want %q", path, got, want)
			}
		})
	}
}

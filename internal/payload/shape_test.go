package payload_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

const hidden = "•••"

// shapeOf returns the shape of n bodies, which format makes of their numbers.
func shapeOf(t *testing.T, n int, format func(i int) string) *payload.Shape {
	t.Helper()
	all := &payload.Shape{}
	for i := range n {
		one := payload.ShapeOf(payload.Decode(deadletter.Headers{}, []byte(format(i)), payload.MaxShaped), hidden)
		if one == nil {
			t.Fatalf("body %d has no shape", i)
		}
		all.Add(one)
	}
	return all
}

func always(text string) func(int) string { return func(int) string { return text } }

// said writes differences in short: kind path here/of there/of detail.
func said(list []payload.Difference) string {
	var lines []string
	for _, d := range list {
		line := fmt.Sprintf("%s %s %d/%d %d/%d", d.Kind, d.Path, d.Here.Count, d.Here.Of, d.There.Count, d.There.Of)
		switch d.Kind {
		case payload.OtherType:
			line += fmt.Sprintf(" %d usual %d in %d", d.Type, d.Usual, d.UsualIn)
		case payload.OtherValue:
			line += " " + d.Value
		case payload.OutOfRange:
			line += fmt.Sprintf(" %s %v", d.Limit.Side(), d.Limit.Bound)
		case payload.Missing, payload.Extra:
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestDifferencesSayWhatSetsFailuresApart(t *testing.T) {
	t.Parallel()
	channel := func(i int) string { return map[bool]string{true: "sms", false: "chat"}[i%50 == 0] }
	for name, test := range map[string]struct {
		failed, delivered func(int) string
		want              string
	}{
		"missing member": {
			always(`{"customer":{"name":"x"}}`),
			func(i int) string {
				if i < 2 {
					return `{"customer":{"name":"x"}}`
				}
				return `{"customer":{"id":7,"name":"x"}}`
			},
			"missing customer.id 40/40 2/1000",
		},
		"a missing object says nothing of its members": {
			always(`{"a":1}`), always(`{"a":1,"b":{"c":{"d":1},"e":2}}`), "missing b 40/40 0/1000",
		},
		"a member that is new": {
			always(`{"a":1,"b":{"c":{"d":1},"e":2}}`), always(`{"a":1}`), "extra b 40/40 0/1000",
		},
		"type": {
			always(`{"amount":"12"}`), func(i int) string { return fmt.Sprintf(`{"amount":%d}`, i) },
			"type amount 40/40 0/1000 3 usual 2 in 1000",
		},
		"null": {always(`{"a":null}`), always(`{"a":{"b":1}}`), "type a 40/40 0/1000 0 usual 4 in 1000"},
		"value": {
			always(`{"channel":"sms"}`), func(i int) string { return `{"channel":"` + channel(i) + `"}` },
			"value channel 40/40 20/1000 sms",
		},
		"number beyond a limit": {
			func(i int) string { return fmt.Sprintf(`{"n":%d}`, 60_000+i) },
			func(i int) string { return fmt.Sprintf(`{"n":%d}`, i) },
			"limit n 40/40 0/1000 over 1000",
		},
		"negative number": {
			func(i int) string { return fmt.Sprintf(`{"n":-%d.5}`, 60_000+i) },
			func(i int) string { return fmt.Sprintf(`{"n":%d}`, i) },
			"limit n 40/40 0/1000 below -50000",
		},
		"empty text": {
			always(`{"note":""}`), func(i int) string { return fmt.Sprintf(`{"note":"number %d"}`, i) },
			"limit note 40/40 0/1000 at most 0",
		},
		"an entry of a list that lacks a member": {
			always(`{"items":[{"sku":"a"},{"q":1}]}`), always(`{"items":[{"sku":"a","q":1},{"sku":"a","q":1}]}`),
			"missing items[].q 40/40 0/1000\nmissing items[].sku 40/40 0/1000",
		},
		"no JSON":  {always(`{"a":`), always(`{"a":1}`), "type  40/40 0/1000 3 usual 4 in 1000"},
		"the same": {always(`{"a":1}`), always(`{"a":1}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := payload.Differences(shapeOf(t, 40, test.failed), shapeOf(t, 1000, test.delivered))
			if got := said(list); got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

// Few bodies say little: a difference that may be chance is left out, and one among more bodies comes first.
func TestDifferencesAreHonestAboutFewBodies(t *testing.T) {
	t.Parallel()
	without, with := always(`{"a":1}`), always(`{"a":1,"b":1}`)
	for _, test := range []struct {
		failed, delivered int
		want              string
	}{
		{410, 3, "missing b 410/410 0/3"},
		{1, 1000, "missing b 1/1 0/1000"},
		{1, 3, ""},
		{2, 2, ""},
	} {
		list := payload.Differences(shapeOf(t, test.failed, without), shapeOf(t, test.delivered, with))
		if got := said(list); got != test.want {
			t.Errorf("%d failed, %d delivered: got %q, want %q", test.failed, test.delivered, got, test.want)
		}
	}
	// Every message has one of many values, and each of them is rare: that is nothing unusual.
	few := func(i int) string { return fmt.Sprintf(`{"agent":"agent %d"}`, i%40) }
	if got := said(payload.Differences(shapeOf(t, 1, few), shapeOf(t, 1000, few))); got != "" {
		t.Errorf("one of 40 values is shown as unusual: %s", got)
	}
	odd := always(`{"agent":"nobody"}`)
	if got := said(
		payload.Differences(shapeOf(t, 1, odd), shapeOf(t, 1000, few)),
	); got != "value agent 1/1 0/1000 nobody" {
		t.Errorf("a value that was never delivered: %q", got)
	}
}

func TestDifferencesAreAtMostSevenAndTheClearestFirst(t *testing.T) {
	t.Parallel()
	delivered := `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}`
	list := payload.Differences(
		shapeOf(t, 100, func(i int) string {
			if i < 90 {
				return `{"a":1}`
			}
			return `{"a":1,"i":1}`
		}),
		shapeOf(t, 100, always(delivered)),
	)
	if len(list) != payload.MaxDifferences {
		t.Fatalf("%d differences", len(list))
	}
	for i, d := range list {
		if d.Path == "i" || i > 0 && d.Score > list[i-1].Score {
			t.Errorf("row %d is %s with the score %.3f", i, d.Path, d.Score)
		}
	}
}

// No shape, stored or not, has values that are masked, belong to one person or never repeat.
func TestShapeHasNoValueThatMustNotBeKnown(t *testing.T) {
	t.Parallel()
	all := shapeOf(t, 60, func(i int) string {
		return fmt.Sprintf(`{"secret":"•••","bearer":"token •••","mail":"anna@example.com","phone":"+49 171 555 %04d",
			"name":"Person %c%c","once":"alone","rare":"value %d","channel":"sms","long":"%s",
			"by":{"anna@example.com":1}}`, i, 'a'+i%26, 'a'+i/26, i/50, strings.Repeat("x", 41))
	})
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"sms":60`) {
		t.Errorf("the channel is not among the values: %s", text)
	}
	for _, secret := range []string{"•", "token", "anna", "555", "Person", "xxx"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the shape has %q: %s", secret, text)
		}
	}
	one, err := json.Marshal(shapeOf(t, 1, always(`{"name":"Anna"}`)))
	if err != nil || strings.Contains(string(one), "Anna") {
		t.Errorf("a value that one body has is stored: %s (%v)", one, err)
	}
}

// A stored shape goes on where it stood.
func TestShapeIsStoredAndGoesOn(t *testing.T) {
	t.Parallel()
	body := func(i int) string { return fmt.Sprintf(`{"n":%d,"kind":"k%d","list":[{"a":1}]}`, i%7, i%3) }
	whole, stored := shapeOf(t, 100, body), &payload.Shape{}
	for i := range 100 {
		stored.Add(shapeOf(t, 1, func(int) string { return body(i) }))
		text, err := json.Marshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		stored = &payload.Shape{}
		if err := json.Unmarshal(text, stored); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := json.Marshal(whole)
	b, _ := json.Marshal(stored)
	if string(a) != string(b) {
		t.Errorf("in one go:\n%s\nstored in between:\n%s", a, b)
	}
	if err := json.Unmarshal([]byte(`{"version":99,"root":{}}`), stored); err == nil {
		t.Error("a shape of another version is read")
	}
}

func TestShapeOfManyBodiesGoesWithTheTime(t *testing.T) {
	t.Parallel()
	all := &payload.Shape{}
	add := func(n int, text string) {
		one := shapeOf(t, 1, always(text))
		for range n {
			all.Add(one)
		}
	}
	add(20_000, `{"old":1}`)
	add(20_000, `{"new":1}`)
	if all.Bodies > 10_000 || all.Bodies < 5000 {
		t.Errorf("it is of %d bodies", all.Bodies)
	}
	list := payload.Differences(shapeOf(t, 40, always(`{"old":1}`)), all)
	if len(list) != 2 || list[0].Here.Count != 40 || list[0].There.Of != all.Bodies {
		t.Errorf("got:\n%s", said(list))
	}
}

// Bodies of attackers: a shape stays small, and takes no longer than to read them.
func TestShapeOfHostileBodiesIsBounded(t *testing.T) {
	t.Parallel()
	wide := func(format string, n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, string(rune('a'+i%26))+strings.Repeat("z", i/26%20)+string(rune('a'+i/520)))
		}
		return strings.Join(parts, ",")
	}
	for name, body := range map[string]string{
		"deep lists":      strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep objects":    strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		"wide":            "{" + wide(`"%s":1`, 8000) + "}",
		"wide and nested": `{"a":[{` + wide(`"%s":{"b":["c"]}`, 8000) + `}]}`,
		"long name":       `{"` + strings.Repeat("k", 100_000) + `":1}`,
		"many values":     `{"a":[` + wide(`"%s"`, 8000) + `]}`,
		"ids as names":    `{"u":{` + strings.TrimSuffix(strings.Repeat(`"1234567":{"n":1},`, 5000), ",") + `}}`,
		"huge number":     `{"n":` + strings.Repeat("9", 5000) + `,"m":1e999,"k":-0}`,
		"null bytes":      "{\"\\u0000\":\"\\u0000a\"}",
		"duplicates":      `{"a":1,"a":"2","a":{"a":1}}`,
		"no UTF-8":        "{\"a\xff\":\"\xff\"}",
		"empty":           "  ",
		"binary":          "\x00\x01\x02",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := payload.ShapeOf(payload.Decode(deadletter.Headers{}, []byte(body), payload.MaxShaped), hidden)
			if one == nil {
				t.Fatal("it has no shape")
			}
			many := &payload.Shape{}
			for range 3 {
				many.Add(one)
			}
			text, err := json.Marshal(many)
			if err != nil || len(text) > 100<<10 {
				t.Errorf("it takes %d bytes: %v", len(text), err)
			}
			back := &payload.Shape{}
			if err := json.Unmarshal(text, back); err != nil {
				t.Fatal(err)
			}
			for _, d := range payload.Differences(back, shapeOf(t, 50, always(`{"a":1}`))) {
				if math.IsNaN(d.Score) || len(d.Path) > 20*payload.MaxDifferences*10 {
					t.Errorf("a difference is %+v", d)
				}
			}
		})
	}
	large := `{"a":"` + strings.Repeat("x", payload.MaxShaped) + `"}`
	if payload.ShapeOf(payload.Decode(deadletter.Headers{}, []byte(large), payload.MaxShaped), hidden) != nil {
		t.Error("a body that was cut has a shape")
	}
}

// Forms, and bodies in any content coding, have the shape of what they say.
func TestShapeReadsFormsAsJSON(t *testing.T) {
	t.Parallel()
	form := deadletter.Headers{"Content-Type": {"application/x-www-form-urlencoded"}}
	read := func(body string) *payload.Shape {
		return payload.ShapeOf(payload.Decode(form, []byte(body), payload.MaxShaped), hidden)
	}
	delivered := &payload.Shape{}
	for range 50 {
		delivered.Add(read(`channel=sms&payload=%7B%22id%22%3A1%7D`))
	}
	got := said(payload.Differences(read(`payload=%7B%22id%22%3A%22x%22%7D`), delivered))
	if got != "missing channel 1/1 0/50\ntype payload.id 1/1 0/50 3 usual 2 in 50" {
		t.Errorf("got:\n%s", got)
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":1.5},null,"x",true]}`), []byte(`{"a":"•••"}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		all := &payload.Shape{}
		for _, body := range [][]byte{a, b, a} {
			one := payload.ShapeOf(payload.Decode(deadletter.Headers{}, body, payload.MaxShaped), hidden)
			if one != nil {
				all.Add(one)
				payload.Differences(one, all)
			}
		}
		if _, err := json.Marshal(all); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkShape(b *testing.B) {
	body := []byte(`{"id":"7f0c","eventType":"conversation.end","customer":{"id":4711,"name":"Anna","channel":"sms"},` +
		`"items":[{"sku":"a-1","price":12.5},{"sku":"b-2","price":3}],"text":"` + strings.Repeat("text ", 200) + `"}`)
	all := &payload.Shape{}
	b.ReportAllocs()
	for b.Loop() {
		all.Add(payload.ShapeOf(payload.Decode(deadletter.Headers{}, body, payload.MaxShaped), hidden))
	}
}

package redact_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
)

func rules(t testing.TB, texts ...string) *redact.Rules {
	t.Helper()
	var list []payload.Path
	for _, text := range texts {
		p, err := payload.ParseMask(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return redact.New(redact.Options{Paths: list})
}

func TestMaskJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		paths      []string
		want       string
	}{
		{
			"every other byte stays", "{ \"a\" :1.50,\t\"ssn\" :  \"123\" ,\n\"ssn2\":\"\\u0041\\/\" } ",
			[]string{"$.ssn"},
			"{ \"a\" :1.50,\t\"ssn\" :  \"•••\" ,\n\"ssn2\":\"\\u0041\\/\" } ",
		},
		{
			"any kind of value", `{"n":-1.5e3,"o":{"x":[1]},"a":[{"y":2}],"t":true,"z":null}`,
			[]string{"$.n", "$.o", "$.a", "$.t", "$.z"},
			`{"n":"•••","o":"•••","a":"•••","t":"•••","z":"•••"}`,
		},
		{"nested", `{"a":{"nr":1},"nr":2}`, []string{"$.a.nr"}, `{"a":{"nr":"•••"},"nr":2}`},
		{
			"each of a list", `{"i":[{"t":1,"u":2},{"u":3},{"t":[4]}]}`,
			[]string{"$.i[*].t"},
			`{"i":[{"t":"•••","u":2},{"u":3},{"t":"•••"}]}`,
		},
		{"one of a list", `[10, 11 ,12]`, []string{"$[1]"}, `[10, "•••" ,12]`},
		{"lists in lists", `[[1,2],[3]]`, []string{"$[*][0]"}, `[["•••",2],["•••"]]`},
		{"each of an object", `{"x":{"t":1},"y":{"t":2}}`, []string{"$.*.t"}, `{"x":{"t":"•••"},"y":{"t":"•••"}}`},
		{"the outer of two", `{"a":{"b":1}}`, []string{"$.a.b", "$.a"}, `{"a":"•••"}`},
		{"side by side", `{"a":1,"b":2,"c":3}`, []string{"$.c", "$.a"}, `{"a":"•••","b":2,"c":"•••"}`},
		{"duplicate names", `{"a":1,"a":2}`, []string{"$.a"}, `{"a":"•••","a":"•••"}`},
		{
			"an escaped name", `{"\u0073sn":"1","s\/n":"2"}`,
			[]string{"$.ssn", "$.s/n"},
			`{"\u0073sn":"•••","s\/n":"•••"}`,
		},
		{
			"JSON within a string", `{"x":"\"ssn\":1","ssn":2}`,
			[]string{"$.ssn"},
			`{"x":"\"ssn\":\"•••\"","ssn":"•••"}`,
		},
		{"nothing there", `{"a":"ssn"}`, []string{"$.ssn", "$.a.ssn", "$.a[0]"}, `{"a":"ssn"}`},
		{"no paths", `{"nr":1}`, nil, `{"nr":1}`},
		{"a scalar", ` 12 `, []string{"$.ssn"}, ` 12 `},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, any := rules(t, c.paths...).Text([]byte(c.body))
			if string(got) != c.want || any != (c.want != c.body) {
				t.Errorf("got %s, %t; want %s", got, any, c.want)
			}
		})
	}
}

func TestMaskNonJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, path, want string }{
		{"cut off in the value", `{"a":1,"ssn":"123-4`, "$.ssn", `{"a":1,"ssn":"•••"`},
		{"cut off in an object", `{"ssn":{"n":"123","m":[1,`, "$.ssn", `{"ssn":"•••"`},
		{"an object", `{"ssn":{"n":"12}3"},"b":2`, "$.ssn", `{"ssn":"•••","b":2`},
		{"a list", `{"ssn":["1","2"],"b":2`, "$.ssn[*]", `{"ssn":"•••","b":2`},
		{"a number", `{"ssn": 123-45 6789 , "b":2,}`, "$.ssn", `{"ssn": "•••" , "b":2,}`},
		{"a quote that is not closed before it", `{"a":"x,"ssn":"123","b":2}`, "$.ssn", `{"a":"x,"ssn":"•••","b":2}`},
		{"two documents", `{"ssn":1}` + "\n" + `{"ssn":"2"}`, "$.ssn", `{"ssn":"•••"}` + "\n" + `{"ssn":"•••"}`},
		{"an escaped name", `{"\u0073sn" : "1"`, "$.ssn", `{"\u0073sn" : "•••"`},
		{"an escape in the value", `{"ssn":"1\"2",}`, "$.ssn", `{"ssn":"•••",}`},
		{"single quotes", `{'ssn': '123', 'b': 'it'}`, "$.customer.ssn", `{'ssn': "•••", 'b': 'it'}`},
		{
			"XML attribute", `<p name="ssn">123</p><p a="1" name='b'>2</p>`, "$.ssn",
			`<p name="ssn">•••</p><p a="1" name='b'>2</p>`,
		},
		{"XML attributes", `<p name="ssn" value="123"/>`, "$.ssn", `<p name="ssn" value="•••"/>`},
		{"XML attributes the other way", `<p value='123' key="ssn" />`, "$.ssn", `<p value='•••' key="ssn" />`},
		{"user of a URL", "at https://anna:s3:cret@a.example/@x?y", "$.ssn", "at https://anna:•••@a.example/@x?y"},
		{"no user in a URL", "at https://a.example:80/x@y", "$.ssn", "at https://a.example:80/x@y"},
		{"no value", `{"ssn":`, "$.ssn", `{"ssn":`},
		{"other names", `{"ssn2":"1","b":"ssn",`, "$.ssn", `{"ssn2":"1","b":"ssn",`},
		{"no name in the path", `[1,2`, "$[*]", `"•••"`},
		{"no JSON at all", "plain text", "$.ssn", "plain text"},
		{"nothing", "", "$.ssn", ""},
		{"cut off in the name", `{"ss`, "$.ssn", `{"ss`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, any := rules(t, c.path).Text([]byte(c.body))
			if string(got) != c.want || any != (c.want != c.body) {
				t.Errorf("got %s, %t; want %s", got, any, c.want)
			}
		})
	}
}

func TestRestoreMasked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, base, edited string
		paths              []string
		want               string // empty: refused
	}{
		{"as it was", `{"ssn": "123","a":1}`, `{"a":2, "ssn":"•••"}`, []string{"$.ssn"}, `{"a":2, "ssn":"123"}`},
		{"to the digit", `{"ssn":1.50e+2}`, `{"ssn":"•••"}`, []string{"$.ssn"}, `{"ssn":1.50e+2}`},
		{"written over", `{"ssn":"123"}`, `{"ssn":"456"}`, []string{"$.ssn"}, `{"ssn":"456"}`},
		{"taken away", `{"ssn":"123"}`, `{}`, []string{"$.ssn"}, `{}`},
		{"a value that is the mask", `{"ssn":"•••"}`, `{"ssn":"•••","a":1}`, []string{"$.ssn"}, `{"ssn":"•••","a":1}`},
		{"nothing is masked", `{"a":"•••"}`, `{"a":"•••","b":"•••"}`, []string{"$.ssn"}, `{"a":"•••","b":"•••"}`},
		{"duplicate names, each its own", `{"s":1,"s":2}`, `{"s":"•••","s":"•••"}`, []string{"$.s"}, `{"s":1,"s":2}`},
		{
			"each of a list", `[{"t":1},{"t":2}]`, `[{"t":"•••","n":1},{"t":"•••"}]`,
			[]string{"$[*].t"},
			`[{"t":1,"n":1},{"t":2}]`,
		},
		{
			"one of a list written over", `[{"t":1},{"t":2}]`, `[{"t":9},{"t":"•••"}]`,
			[]string{"$[*].t"},
			`[{"t":9},{"t":2}]`,
		},
		{"an entry taken away", `[{"t":1},{"t":2}]`, `[{"t":"•••"}]`, []string{"$[*].t"}, ""},
		{
			"an entry taken away, the rest written out", `[{"t":1},{"t":2}]`, `[{"t":2}]`,
			[]string{"$[*].t"},
			`[{"t":2}]`,
		},
		{"an entry added", `[{"t":1}]`, `[{"t":"•••"},{"t":"•••"}]`, []string{"$[*].t"}, ""},
		{"renamed", `{"ssn":"123"}`, `{"social":"•••"}`, []string{"$.ssn"}, ""},
		{"moved", `{"a":{"ssn":"123"}}`, `{"b":{"ssn":"•••"}}`, []string{"$.*.ssn"}, ""},
		{"within other text", `{"ssn":"123"}`, `{"ssn":"x•••"}`, []string{"$.ssn"}, ""},
		{"a base that was no JSON", `{"ssn":"123",}`, `{"ssn":"•••"}`, []string{"$.ssn"}, `{"ssn":"123"}`},
		{"a list in a base that was no JSON", `{"t":["1","2"],}`, `{"t":"•••"}`, []string{"$.t[*]"}, `{"t":["1","2"]}`},
		{"a value that was cut off", `{"ssn":"12`, `{"ssn":"•••"}`, []string{"$.ssn"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := rules(t, c.paths...).Restore([]byte(c.edited), []byte(c.base))
			if c.want == "" && deadletter.KindOf(err) != deadletter.Invalid ||
				c.want != "" && (err != nil || string(got) != c.want) {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

// A masked body that is sent back unchanged must become the body that was received.
func FuzzMaskAndRestore(f *testing.F) {
	for _, body := range []string{
		`{"ssn":"1"}`, `{"a":{"ssn":[1,2]},"ssn":null}`, `[{"ssn":1},{"ssn":2}]`, `{"ssn":1,"ssn":2}`,
		`{"ssn":"1",}`, `{"ssn":"`, "\xff{\"ssn\":1}", `{"\u0073sn":1}`,
		`{'ssn':1}`, `"ssn":"ssn":1`, `{"ssn":"•••"}`, strings.Repeat("[", 2000), `{"ssn":1}{"ssn":2}`,
		strings.Repeat("[", 12_000), strings.Repeat(`{"a":`, 12_000), strings.Repeat(`{"a":`, 9_000) +
			`{"ssn":1}` + strings.Repeat("}", 9_000),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		secret := rules(t, "$.ssn", "$.a.ssn", "$[*].ssn", "$.*[0]")
		masked, any := secret.Text(body)
		if !any && !bytes.Equal(masked, body) {
			t.Fatalf("nothing is masked, and %q became %q", body, masked)
		}
		if json.Valid(body) && !json.Valid(masked) {
			t.Fatalf("%q became %q", body, masked)
		}
		restored, err := secret.Restore(masked, body)
		if json.Valid(body) && (err != nil || !bytes.Equal(restored, body)) {
			t.Fatalf("%q was shown as %q and came back as %q, %v", body, masked, restored, err)
		}
	})
}

// A document is grown around a secret; whatever it looks like, the secret is not to be seen.
func FuzzSecretsNeverShow(f *testing.F) {
	f.Add(uint64(1), uint64(2), `{"x":1}`)
	f.Add(uint64(3), uint64(4), `"\u0022"`)
	f.Fuzz(func(t *testing.T, seed, more uint64, noise string) {
		if strings.Contains(noise, seedOfSecret) {
			t.Skip()
		}
		roll := rand.New(rand.NewPCG(seed, more)) //nolint:gosec // repeatable on purpose
		doc, path := grow(roll, noise, 1+roll.IntN(6))
		if !json.Valid([]byte(doc)) {
			t.Fatalf("the test grew %s", doc)
		}
		secret := redact.New(redact.Options{Paths: []payload.Path{path}})
		masked, any := secret.Text([]byte(doc))
		if !any || bytes.Contains(masked, []byte(seedOfSecret)) || !json.Valid(masked) {
			t.Fatalf("%q of %s was shown as %s", path, doc, masked)
		}
		// Cut off anywhere behind its name, it is still not shown.
		for cut := range len(doc) {
			if shown, _ := secret.Text([]byte(doc[:cut])); bytes.Contains(shown, []byte(seedOfSecret)) {
				t.Fatalf("%q of %s was shown as %s", path, doc[:cut], shown)
			}
		}
	})
}

const seedOfSecret = "S3CRET"

// grow returns a document so many levels deep, and the path to the secret in it.
func grow(roll *rand.Rand, noise string, levels int) (doc string, path payload.Path) {
	secrets := []string{`"S3CRET"`, `{"S3CRET":1}`, `["a","S3CRET"]`, `"\"S3CRET"`, `{"a":{"b":"}S3CRET"}}`}
	doc = secrets[roll.IntN(len(secrets))]
	other, err := json.Marshal(noise)
	if err != nil {
		other = []byte(`""`)
	}
	if json.Valid([]byte(noise)) {
		other = []byte(noise)
	}
	spaces := []string{"", " ", "\n\t"}
	space := func() string { return spaces[roll.IntN(len(spaces))] }
	for level := range levels {
		// The last step is a name, as without it a document that is cut off is hidden whole.
		if level > 0 && roll.IntN(2) == 0 {
			index := roll.IntN(3)
			doc = "[" + strings.Repeat(string(other)+space()+",", index) + space() + doc + space() + "]"
			path = append(path, []string{strconv.Itoa(index), "*"}[roll.IntN(2)])
			continue
		}
		name := []string{"ssn", "größe", "a b", `q"o`}[roll.IntN(4)]
		written, _ := json.Marshal(name) //nolint:errchkjson // a string
		if roll.IntN(2) == 0 && name == "ssn" {
			written = []byte(`"\u0073\u0073n"`)
		}
		doc = "{" + space() + `"before":` + string(other) + "," + string(written) +
			space() + ":" + space() + doc + space() + `,"after":` + string(other) + "}"
		path = append(path, name)
	}
	slices.Reverse(path)
	return doc, path
}

package bench_test

import (
	"encoding/json"
	"flag"
	"net/url"
	"testing"
	"time"
)

var searchMessages = flag.Int("search.messages", 100_000, "messages that BenchmarkSearch looks through")

// searchTimes is how often a query is asked for.
const searchTimes = 40

// BenchmarkSearch has the program index messages, and then asks it for the page of each kind of query. It reports the
// processor time to index a message and the disk that it takes, and how long the pages take. With a million messages:
//
//	make bench BENCH=Search ARGS='-search.messages 1000000'
func BenchmarkSearch(b *testing.B) {
	folder, n := b.TempDir(), *searchMessages
	began := spent(b)
	fillMany(b, folder, n, 1<<10)
	report(b, micros(spent(b)-began)/float64(n), "store-cpu-µs/message")
	p := startProgram(b, folder)
	s := newClient(b, p.url)
	s.signIn(b, p.setup)
	before := spentBy(b, p.running)
	s.awaitSearch(b, time.Second)
	report(b, micros(spentBy(b, p.running)-before)/float64(n), "index-cpu-µs/message")
	awaitMerge(b, folder)
	s.search(b, n/2)
	memory := p.peakMemory(b)
	p.end(b)
	report(b, memory, "MiB-RSS")
	onDisk(b, folder, n, 1<<10)
}

// search asks for the page of each kind of query. Some ask for what one message alone has.
func (s site) search(b *testing.B, one int) {
	b.Helper()
	for _, kind := range searchKinds(b, one) {
		path := "/messages?" + url.Values{"q": {kind.query}}.Encode()
		s.times(b, path, 3)
		took := s.times(b, path, searchTimes)
		report(b, millis(quantile(took, 0.5)), kind.name+"-p50-ms")
		p95 := millis(quantile(took, 0.95))
		report(b, p95, kind.name+"-p95-ms")
		resultBelow(b, "search for "+kind.name+", p95 in ms", p95, 50)
	}
}

type searchKind struct{ name, query string }

// searchKinds are queries of each kind.
func searchKinds(b *testing.B, one int) []searchKind {
	b.Helper()
	var body struct {
		Participants []struct{ ID, Name, Note string }
	}
	if err := json.Unmarshal(eventOf(one, 1<<10), &body); err != nil {
		b.Fatal(err)
	}
	first := body.Participants[0]
	return []searchKind{
		{"message-id", manyID(one)},
		{"rare-word", first.ID},
		{"common-word", "gamma"},
		{"two-common-words", "gamma conversation"},
		{"common-beginning", "conv"},
		{"rare-and-common", first.ID + " gamma"},
		{"nothing", "nosuchword"},
		{"without", "gamma -delta"},
		{"only-without", "-gamma"},
		{"exact-words", `"gamma delta"`},
		{"exact-words-without-a-match", `"delta 422 gamma"`},
		{"code-and-word", "code:422 gamma"},
		{"codes", "code:5xx"},
		{"rare-status-and-word", "status:archived gamma"},
		{"types", "type:v2.*"},
		{"one-source", "source:genesys"},
		{"outcome", "outcome:error_response"},
		{"hour-and-word", "received:<1h gamma"},
		{"rare-field", "$.participants.id=" + first.ID},
		{"common-field", `$.participants.name="` + first.Name + `"`},
		{"field-of-any-depth", `name="` + first.Name + `"`},
		{"field-without-a-match", "$.participants.name=nosuchname"},
		{"beginning-of-a-field", "$.participants.note=gam*"},
		{"number", "n=42"},
		{"few-numbers", "n:>998"},
		{"many-numbers", "n:100..700"},
		{"header", "header.content-type=application/json"},
		{
			"all-kinds",
			`source:genesys code:422 n:>100 $.participants.name="` + first.Name + `" -timeout "is missing" gamma`,
		},
	}
}

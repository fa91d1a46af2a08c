package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// outage is a console whose one destination stands as a test says, and which counts probes.
func outage(
	t *testing.T, waiting int, changes ...func(*console.Deps),
) (b bundle, health *delivery.DestinationHealth, probes *int) {
	t.Helper()
	health, probes = &delivery.DestinationHealth{}, new(int)
	stands := func(d *console.Deps) {
		d.Health = func(string) delivery.DestinationHealth { return *health }
		withDesk(d, func(orders *desk.Deps) {
			orders.Sources = desktest.Always([]desk.Source{{
				Name: "genesys", Probe: func() { *probes++ },
				Waits: func() bool { return health.Breaker.State == delivery.Open },
				Pace:  func() deadletter.Pace { return health.Breaker.Pace(0, 0) },
			}})
		})
	}
	b = setup(t, append([]func(*console.Deps){stands}, changes...)...)
	b.receive(t, "f-0")
	for i := range waiting {
		b.receive(t, fmt.Sprintf("r-%d", i), func(c *deadletter.Capture) { c.FirstAttempt.StatusCode = 503 })
	}
	return b, health, probes
}

// told is what a page says of outages, part by part.
func told(a answer) string {
	var parts []string
	for _, part := range a.doc().Find("[data-breaker] p, [data-breaker] .btn").EachIter() {
		parts = append(parts, strings.Join(strings.Fields(part.Text()), " "))
	}
	return strings.Join(parts, " ")
}

func TestOverviewNamesTheDestinationThatMessagesWaitFor(t *testing.T) {
	t.Parallel()
	b, health, _ := outage(t, 2)
	now := b.clock.Now()
	olga, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	down := delivery.DestinationHealth{
		LatestAt: now.Add(-10 * time.Second),
		Failures: 9,
		Latest:   deadletter.Attempt{Error: "503: <i>later</i>"},
		Breaker: delivery.BreakerStatus{
			State:     delivery.Open,
			Since:     now.Add(-time.Hour),
			NextProbe: now.Add(5 * time.Second),
		},
	}
	paused := down
	paused.Breaker = delivery.BreakerStatus{State: delivery.Closed, PausedUntil: now.Add(time.Minute)}
	both, due, restarted := down, down, down
	both.Breaker.PausedUntil = now.Add(time.Minute)
	due.Breaker.NextProbe = now.Add(-time.Second)
	restarted.LatestAt, restarted.Failures, restarted.Latest.Error = time.Time{}, 0, ""
	const saw = "2026-03-02 10:14:55 UTC: 503: <i>later</i> "
	for name, c := range map[string]struct {
		health delivery.DestinationHealth
		want   string
	}{
		"up": {delivery.DestinationHealth{
			LatestAt: now,
			Breaker:  delivery.BreakerStatus{PausedUntil: now.Add(-time.Second)},
		}, ""},
		"failing": {delivery.DestinationHealth{
			LatestAt: now, Failures: 3, FailingSince: now,
			Latest: deadletter.Attempt{Error: "503"},
		}, ""},
		"down": {down, "genesys circuit breaker open since 2026-03-02 09:15:05 UTC · 2 messages " +
			"waiting " + saw + "Next probe 2026-03-02 10:15:10 UTC Probe now"},
		"down, none due": {due, "genesys circuit breaker open since 2026-03-02 09:15:05 UTC · 2 messages " +
			"waiting " + saw + "The next probe is sent now. Probe now"},
		"after a restart": {restarted, "genesys circuit breaker open since 2026-03-02 09:15:05 UTC · 2 messages " +
			"waiting Next probe 2026-03-02 10:15:10 UTC Probe now"},
		"down and paused": {both, "genesys circuit breaker open since 2026-03-02 09:15:05 UTC · 2 messages " +
			"waiting " + saw + "Next probe 2026-03-02 10:16:05 UTC Probe now"},
		"paused": {paused, "genesys retries paused by Retry-After until 2026-03-02 10:16:05 UTC · 2 " +
			"messages waiting " + saw + "Retries and jobs continue then. Probe now"},
		"releasing": {
			delivery.DestinationHealth{
				LatestAt: now,
				Breaker:  delivery.BreakerStatus{State: delivery.HalfOpen, Since: now, Rate: 20},
			},
			"genesys circuit breaker half-open since 2026-03-02 10:15:05 UTC · 2 messages waiting Waiting messages " +
				"are sent: 20 a second now, more while deliveries succeed.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			*health = c.health
			a := olga.get("/overview")
			if got := told(a); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			if c.want != "" &&
				a.doc().
					Find("[data-breaker] .count-link").
					AttrOr("href", "") !=
					"/messages?source=genesys&status=retrying" {
				t.Errorf("%s: the number leads elsewhere", name)
			}
			if v := vera.get("/overview"); v.count("[data-breaker] form") != 0 ||
				strings.Contains(c.want, "Probe now") != strings.Contains(told(v), "may not probe") {
				t.Errorf("%s: a viewer sees %q", name, told(v))
			}
		})
	}
}

func TestProbeWithoutWaitingMessageConflicts(t *testing.T) {
	t.Parallel()
	b, health, probes := outage(t, 0)
	*health = delivery.DestinationHealth{
		Breaker: delivery.BreakerStatus{
			State:     delivery.Open,
			Since:     b.clock.Now(),
			NextProbe: b.clock.Now().Add(time.Second),
		},
	}
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/overview")
	if got := told(
		a,
	); !strings.Contains(got, "0 messages waiting The next webhook or replay probes it. No message waits for a "+
		"retry") ||
		a.count("[data-breaker] form") != 0 {
		t.Errorf("it says %q", got)
	}
	for name, headers := range map[string][]string{"without script": nil, "with": htmx()} {
		t.Run(name, func(t *testing.T) {
			a := p.post("/destinations/genesys/probe", url.Values{}, headers...)
			if a.status != http.StatusConflict ||
				!strings.Contains(a.text, "no message of genesys waits") &&
					!strings.Contains(a.text, "No message of genesys waits") ||
				*probes != 0 {
				t.Errorf("%s: %d %q", name, a.status, a.says("main, #notice"))
			}
		})
	}
}

func TestProbeNow(t *testing.T) {
	t.Parallel()
	b, health, _ := outage(t, 2)
	*health = delivery.DestinationHealth{
		Breaker: delivery.BreakerStatus{
			State:     delivery.Open,
			Since:     b.clock.Now(),
			NextProbe: b.clock.Now().Add(time.Second),
		},
	}
	p := b.member(t, "olga", deadletter.Operator)
	form := url.Values{"back": {"range=7d&source=genesys&evil=1"}}
	a := p.post("/destinations/genesys/probe", form)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/overview?range=7d&source=genesys" {
		t.Errorf("without script: %d to %q", a.status, a.header.Get("Location"))
	}
	if got := p.get("/overview").says("#notice"); !strings.Contains(got, "Probe requested: genesys") {
		t.Errorf("then it says %q", got)
	}
	part := p.post("/destinations/genesys/probe", form, htmx()...)
	if part.status != http.StatusOK || part.count("#overview") != 1 || part.count("html > head > title") != 0 ||
		!strings.Contains(part.says("#notice[hx-swap-oob]"), "Probe requested") {
		t.Errorf("with script: %d %q", part.status, part.says("#notice"))
	}
	for _, id := range []deadletter.ID{"r-0", "r-1"} {
		if got := desktest.Message(t, b.store, id).Request.Trigger; got != deadletter.TriggerProbe {
			t.Errorf("%s waits for a delivery by %q", id, got)
		}
	}
	events, err := b.store.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "destination.probe"}, Limit: 10},
	)
	if err != nil || len(events.Items) != 2 || events.Items[0].By != "olga" {
		t.Errorf("events %+v, %v", events.Items, err)
	}
	if got := p.get("/audit").says("main"); !strings.Contains(got, "probed a destination with") {
		t.Errorf("the trail does not tell of it: %.300q", got)
	}
}

func TestProbeIsForOperatorsOfThisSite(t *testing.T) {
	t.Parallel()
	b, _, probes := outage(t, 1)
	vera, olga := b.member(t, "vera", deadletter.Viewer), b.member(t, "olga", deadletter.Operator)
	for name, c := range map[string]struct {
		a    answer
		want int
	}{
		"a viewer":   {vera.post("/destinations/genesys/probe", url.Values{}), http.StatusForbidden},
		"a stranger": {b.stranger(t).post("/destinations/genesys/probe", url.Values{}), http.StatusSeeOther},
		"another site": {
			olga.post("/destinations/genesys/probe", url.Values{}, "Sec-Fetch-Site", "cross-site"),
			http.StatusForbidden,
		},
		"another source": {olga.post("/destinations/cxone/probe", url.Values{}), http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			if c.a.status != c.want {
				t.Errorf("%s: %d, want %d", name, c.a.status, c.want)
			}
		})
	}
	if *probes != 0 {
		t.Errorf("%d probes", *probes)
	}
}

// held is a job over messages of a destination that is down.
func held(
	t *testing.T, messages int,
) (b bundle, health *delivery.DestinationHealth, probes *int, job deadletter.JobID) {
	t.Helper()
	b, health, probes = outage(t, 0)
	var ids []deadletter.ID
	for i := range messages {
		ids = append(ids, b.receive(t, fmt.Sprintf("j-%d", i)).ID)
	}
	return b, health, probes, b.draft(t, ids...)
}

func TestJobNamesTheDestinationItWaitsFor(t *testing.T) {
	t.Parallel()
	b, health, probes, id := held(t, 2)
	olga := b.member(t, "olga", deadletter.Operator)
	now := b.clock.Now()
	down, path := delivery.DestinationHealth{
		Breaker: delivery.BreakerStatus{
			State:     delivery.Open,
			Since:     now.Add(-time.Hour),
			NextProbe: now.Add(5 * time.Second),
		},
	}, "/jobs/"+id.String()
	*health = down
	if got := olga.get(path).
		says(".job-set"); !strings.Contains(
		got,
		"genesys circuit breaker open since 2026-03-02 09:15:05 UTC. Its messages wait, and continue when the "+
			"destination responds.The start of the job sends a probe at once.",
	) {
		t.Errorf("before it starts: %q", got)
	}
	if err := b.desk.StartJob(
		t.Context(), deadletter.User("olga", deadletter.Operator, ""), id, deadletter.JobInput{},
	); err != nil {
		t.Fatal(err)
	}
	for want, h := range map[string]delivery.DestinationHealth{
		"genesys circuit breaker open since 2026-03-02 09:15:05 UTC. Its messages wait, and continue": down,
		"genesys retries paused by Retry-After until 2026-03-02 10:16:05 UTC.": {
			Breaker: delivery.BreakerStatus{State: delivery.Closed, PausedUntil: now.Add(time.Minute)},
		},
		"Limited by the ramp after an outage: genesys gets 20 messages a second now, with retries.": {
			Breaker: delivery.BreakerStatus{State: delivery.HalfOpen, Since: now, Rate: 20},
		},
		"": {Breaker: delivery.BreakerStatus{State: delivery.Closed, PausedUntil: now.Add(-time.Second)}},
	} {
		*health = h
		for name, part := range map[string]answer{
			"page": olga.get(path), "strip": olga.get(path+"/strip?to=/messages", htmx()...),
		} {
			t.Run(string(h.Breaker.State)+" "+name, func(t *testing.T) {
				if got := part.says(".job-limit"); !strings.HasPrefix(got, want) || want == "" && got != "" {
					t.Errorf("%q, want %q", got, want)
				}
			})
		}
	}
	*health = down
	a := olga.get("/overview")
	if got := told(
		a,
	); !strings.Contains(got, "0 messages waiting and job 1 Next probe 2026-03-02 10:15:10 UTC Probe now") ||
		a.doc().Find("[data-breaker] a[href='"+path+"']").Length() != 1 {
		t.Errorf("the overview says %q", got)
	}
	if a := olga.post("/destinations/genesys/probe", url.Values{}); a.status != http.StatusSeeOther || *probes != 1 {
		t.Errorf("a probe by a message of the job: %d, %d probes", a.status, *probes)
	}
	if got := olga.get("/audit?action=destination.probe").
		says("tbody, .audit"); !strings.Contains(got, "probed a destination with a message of job 1") {
		t.Errorf("the trail does not tell of it: %.300q", got)
	}
}

func TestMessageShowsThatReplayBypassesTheBreaker(t *testing.T) {
	t.Parallel()
	b, health, _ := outage(t, 0)
	p := b.member(t, "olga", deadletter.Operator)
	if got := p.get("/messages/f-0").count(".message-breaker"); got != 0 {
		t.Error("it tells of an outage that there is not")
	}
	*health = delivery.DestinationHealth{Breaker: delivery.BreakerStatus{State: delivery.Open, Since: b.clock.Now()}}
	want := "genesys circuit breaker open since 2026-03-02 10:15:05 UTC. Retries and jobs wait. A replay of this " +
		"message is sent immediately. Probe with this message"
	if got := p.get("/messages/f-0").says(".message-breaker"); got != want {
		t.Errorf("it says %q", got)
	}
	part := p.post("/messages/f-0/replay", form("version", "0", "revision", "0"), htmx()...)
	if got := part.says("#message-result"); part.status != http.StatusOK ||
		!strings.Contains(got, "genesys has an open circuit breaker since 10:15 UTC: this replay is sent there "+
			"anyway") {
		t.Errorf("the order is answered %d: %q", part.status, got)
	}
}

// The button on a message's page sends it as a probe; where that makes no sense, the page says why.
func TestProbeWithThisMessage(t *testing.T) {
	t.Parallel()
	b, health, _ := outage(t, 1)
	olga, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	if a := olga.post("/messages/f-0/probe", form("version", "0"), htmx()...); a.status != http.StatusConflict ||
		!strings.Contains(a.says("#message-result"), "nothing to test: replay the message instead") {
		t.Errorf("with a closed breaker: %d %q", a.status, a.says("#message-result"))
	}
	*health = delivery.DestinationHealth{Breaker: delivery.BreakerStatus{State: delivery.Open, Since: b.clock.Now()}}
	if got := vera.get("/messages/f-0"); got.count("form[action$='/probe']") != 0 ||
		!strings.Contains(got.says(".denied"), "viewer may not probe") {
		t.Errorf("a viewer sees %q", got.says(".message-breaker"))
	}
	b.receive(t, "u-0", func(c *deadletter.Capture) {
		c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode = deadletter.Unknown, 0
	})
	asked := olga.post("/messages/u-0/probe", form("version", "0"), htmx()...)
	if got := asked.says("#replay-confirmed"); got != "Probe anyway" {
		t.Fatalf("a message that may have been processed: %d %q", asked.status, asked.text)
	}
	for _, c := range []struct {
		id     deadletter.ID
		values url.Values
	}{
		{"f-0", form("version", "0")}, {"r-0", form("version", "0")}, {"u-0", form("version", "0", "confirmed", "yes")},
	} {
		a := olga.post("/messages/"+string(c.id)+"/probe", c.values, htmx()...)
		if got := desktest.Message(t, b.store, c.id).Request.Trigger; a.status != http.StatusOK ||
			!strings.Contains(a.says("#message-result"), "Probe requested") || got != deadletter.TriggerProbe {
			t.Errorf("%s: %d %q, by %q", c.id, a.status, a.says("#message-result"), got)
		}
	}
}

// retried has a message replayed by a person, which fails in a way that may pass.
func (b bundle) retried(t *testing.T, m deadletter.Message) {
	t.Helper()
	at := b.clock.Now()
	ordered, err := m.Replay(
		deadletter.User("olga", deadletter.Operator, ""), deadletter.TriggerReplay, m.Revision, m.Version, at,
	)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := ordered.After.Claim(deadletter.Lease{Token: "t", Until: at.Add(time.Minute)}, "", at)
	if err != nil {
		t.Fatal(err)
	}
	a := *opened.Attempt
	a.Outcome, a.StatusCode = deadletter.ErrorResponse, http.StatusServiceUnavailable
	closed, err := opened.After.Finish("t", a, desktest.Policy(), 0.5, at)
	if err != nil || closed.After.Status != deadletter.Retrying {
		t.Fatalf("%+v, %v", closed.After, err)
	}
	for _, change := range []deadletter.Change{ordered, opened, closed} {
		if err := b.store.Write(
			t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, change) },
		); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMessagesWithoutASourceWaitForTheDefaultDestination(t *testing.T) {
	t.Parallel()
	b, health, probes := outage(t, 1, func(d *console.Deps) {
		configure(d, func(s *console.Settings) { s.DefaultSource = "genesys" })
	})
	*health = delivery.DestinationHealth{
		Breaker: delivery.BreakerStatus{
			State:     delivery.Open,
			Since:     b.clock.Now(),
			NextProbe: b.clock.Now().Add(time.Second),
		},
	}
	for i := range 2 {
		b.retried(t, b.receive(t, fmt.Sprintf("u-%d", i), func(c *deadletter.Capture) { c.Source = "" }))
	}
	a := b.member(t, "olga", deadletter.Operator).get("/overview")
	if got := told(a); !strings.Contains(got, "1 message waiting and 2 without a source Next probe") {
		t.Errorf("it says %q", got)
	}
	if got, ok := a.doc().
		Find("#breaker-0-unnamed").
		Attr("href"); !ok ||
		got != "/messages?source=%28none%29&status=retrying" {
		t.Errorf("they are at %q", got)
	}
	if *probes != 0 {
		t.Error("it was probed")
	}
}

func TestJobShowsThatItWaitsForMoreDestinations(t *testing.T) {
	t.Parallel()
	var sources []console.Source
	var orders []desk.Source
	for i := range 7 {
		name := fmt.Sprintf("s-%d", i)
		sources, orders = append(sources, console.Source{Name: name, MaxAttempts: 5}), append(
			orders, desk.Source{Name: name, Pace: func() deadletter.Pace {
				return deadletter.Pace{OpenSince: time.Unix(1, 0)}
			}},
		)
	}
	b := setup(t, func(d *console.Deps) {
		configure(d, func(s *console.Settings) { s.Sources = sources })
		withDesk(d, func(known *desk.Deps) { known.Sources = desktest.Always(orders) })
	})
	var ids []deadletter.ID
	for _, s := range sources {
		ids = append(ids, b.receive(t, "l-"+s.Name, func(c *deadletter.Capture) { c.Source = s.Name }).ID)
	}
	a := b.member(t, "olga", deadletter.Operator).get("/jobs/" + b.draft(t, ids...).String())
	if n, last := a.count(".job-limit"), a.doc().Find(".job-limit").Last().Text(); n != 6 ||
		last != "And 2 more destinations" {
		t.Errorf("%d lines, the last of them %q", n, last)
	}
}

// A job's dialog and its page say which limit holds it.
func TestJobSaysWhichLimitHoldsIt(t *testing.T) {
	t.Parallel()
	var breaker delivery.BreakerStatus
	pace := func(limit float64) func() deadletter.Pace {
		return func() deadletter.Pace { return breaker.Pace(limit, 24) }
	}
	b := setup(t, func(d *console.Deps) {
		withDesk(d, func(known *desk.Deps) {
			known.Sources = desktest.Always(
				[]desk.Source{{Name: "genesys", Pace: pace(0)}, {Name: "slow", Pace: pace(0.5)}},
			)
		})
	})
	olga := b.member(t, "olga", deadletter.Operator)
	now := b.clock.Now()
	up := delivery.BreakerStatus{State: delivery.Closed}
	ramp := delivery.BreakerStatus{State: delivery.HalfOpen, Since: now, Rate: 1279.6}
	unused := ramp
	unused.RateUnused = true
	const (
		concurrency = "Limited by the destination's concurrency: genesys gets 24 messages of jobs at once " +
			"(max_concurrent)."
		rateLimit = "Limited by the destination's rate limit: slow gets 0.5 requests a second (max_per_second)."
		onRamp    = "Limited by the ramp after an outage: genesys gets 1,280 messages a second now, with retries. " +
			"That doubles each second while they succeed."
		step = "Limited by its step of 10 messages: the next one begins once that went well."
		own  = "Limited by the job's own rate: 4 a second."
	)
	for name, c := range map[string]struct {
		sources      []string
		in           deadletter.JobInput
		breaker      delivery.BreakerStatus
		draft, going string
	}{
		"concurrency":                  {[]string{"genesys"}, deadletter.JobInput{}, up, concurrency, concurrency},
		"a destination's rate":         {[]string{"slow"}, deadletter.JobInput{}, up, rateLimit, rateLimit},
		"the ramp":                     {[]string{"genesys"}, deadletter.JobInput{}, ramp, onRamp, onRamp},
		"the ramp is not used up":      {[]string{"genesys"}, deadletter.JobInput{}, unused, concurrency, concurrency},
		"a rate lower than the ramp's": {[]string{"genesys"}, deadletter.JobInput{JobPace: deadletter.JobPace{Rate: 4}}, ramp, onRamp, own},
		"the rate of a job for two": {
			[]string{"genesys", "slow"},
			deadletter.JobInput{JobPace: deadletter.JobPace{Rate: 4}},
			up, rateLimit + concurrency,
			own + rateLimit,
		},
		"a step": {
			[]string{"genesys", "slow"},
			deadletter.JobInput{JobPace: deadletter.JobPace{Rate: 4}, Steps: deadletter.JobSteps{Sizes: []int{10}}},
			up, rateLimit + concurrency,
			step,
		},
	} {
		breaker = c.breaker
		var ids []deadletter.ID
		for i := range 12 {
			id := strings.ReplaceAll(fmt.Sprintf("%s-%d", name, i), " ", "-")
			source := c.sources[i%len(c.sources)]
			ids = append(ids, b.receive(t, id, func(c *deadletter.Capture) { c.Source = source }).ID)
		}
		id := b.draft(t, ids...)
		if got := olga.get("/jobs/" + id.String()).says(".job-limit"); got != c.draft {
			t.Errorf("%s: the dialog says %q, want %q", name, got, c.draft)
		}
		by := deadletter.User("olga", deadletter.Operator, "")
		if err := b.desk.StartJob(t.Context(), by, id, c.in); err != nil {
			t.Fatal(err)
		}
		if got := olga.get("/jobs/" + id.String()).says(".job-limit"); got != c.going {
			t.Errorf("%s: the page says %q, want %q", name, got, c.going)
		}
		want := ""
		if c.going == onRamp {
			want = onRamp
		}
		strip := olga.get("/jobs/"+id.String()+"/strip?to=/messages", htmx()...)
		if got := strip.says(".job-limit"); got != want {
			t.Errorf("%s: above the list it says %q, want %q", name, got, want)
		}
	}
}

// The latest failure of a destination leads to the cause of the messages that failed for it.
func TestLatestFailureOfADestinationLeadsToItsCause(t *testing.T) {
	t.Parallel()
	b, health, _ := outage(t, 0)
	m := b.receive(t, "x-1", failing("genesys", "shard blue is down", 422), func(c *deadletter.Capture) {
		c.Destination = "http://handler.internal:9090/genesys?code=s3cret" // as setup configures it
	})
	p := b.member(t, "olga", deadletter.Operator)
	*health = delivery.DestinationHealth{
		LatestAt: b.clock.Now(), Failures: 9,
		Latest:  deadletter.Attempt{StatusCode: 422, Error: "shard blue is down"},
		Breaker: delivery.BreakerStatus{State: delivery.Open, Since: b.clock.Now()},
	}
	to := `a[href="/causes/` + m.Fingerprint + `"]`
	for path, place := range map[string]string{"/overview": ".breaker-saw " + to, "/sources": ".health-note " + to} {
		if a := p.get(path); a.count(place) != 1 {
			t.Errorf("%s does not lead to the cause: %s", path, a.says("main"))
		}
	}
	health.Latest.Error = "something else"
	if a := p.get("/overview"); a.count(".breaker-saw a") != 0 {
		t.Errorf("it leads to a cause that no message has: %s", a.says(".breaker-saw"))
	}
}

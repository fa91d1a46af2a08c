package deadletter_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func TestEveryAlertKindHasASeverity(t *testing.T) {
	t.Parallel()
	for _, kind := range deadletter.AlertKinds() {
		if !slices.Contains(deadletter.Severities(), kind.Severity()) {
			t.Errorf("%s is %q", kind, kind.Severity())
		}
	}
}

func TestRoutesChooseSinks(t *testing.T) {
	t.Parallel()
	route := func(to string, change func(r *deadletter.AlertRoute)) deadletter.AlertRoute {
		r := deadletter.AlertRoute{To: []string{to}, Severity: deadletter.SeverityInfo}
		change(&r)
		return r
	}
	routes := []deadletter.AlertRoute{
		route("all", func(*deadletter.AlertRoute) {}),
		route("genesys", func(r *deadletter.AlertRoute) { r.Sources = []string{"genesys", "other"} }),
		route("critical", func(r *deadletter.AlertRoute) { r.Severity = deadletter.SeverityCritical }),
		route("jobs", func(r *deadletter.AlertRoute) {
			r.Kinds = []deadletter.AlertKind{deadletter.AlertJobDone, deadletter.AlertJobHalted}
		}),
		route("all", func(r *deadletter.AlertRoute) { r.Severity = deadletter.SeverityWarning }),
	}
	for name, c := range map[string]struct {
		alert deadletter.Alert
		want  string
	}{
		"a warning about a source": {deadletter.Alert{
			Kind: deadletter.AlertNewCause, Severity: deadletter.SeverityWarning, Sources: []string{"genesys"},
		}, "all genesys"},
		"a critical one about another": {deadletter.Alert{
			Kind: deadletter.AlertDestination, Severity: deadletter.SeverityCritical, Sources: []string{"cxone"},
		}, "all critical"},
		"about several sources": {deadletter.Alert{
			Kind: deadletter.AlertJobDone, Severity: deadletter.SeverityInfo, Sources: []string{"cxone", "genesys"},
		}, "all genesys jobs"},
		"about dlqdesk": {deadletter.Alert{
			Kind: deadletter.AlertAudit, Severity: deadletter.SeverityCritical,
		}, "all critical"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sinks []string
			for sink, due := range deadletter.AlertDue(routes, c.alert, noon) {
				sinks = append(sinks, sink)
				if !due.Equal(noon) {
					t.Errorf("%s is told at %s", sink, due)
				}
			}
			slices.Sort(sinks)
			if got := strings.Join(sinks, " "); got != c.want {
				t.Errorf("told are %s, want %s", got, c.want)
			}
		})
	}
}

func TestQuietPeriods(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	night := deadletter.QuietPeriod{From: 22 * time.Hour, To: 7 * time.Hour, Zone: berlin}
	lunch := deadletter.QuietPeriod{From: 12 * time.Hour, To: 13*time.Hour + 30*time.Minute}
	but := night
	but.Except = deadletter.SeverityWarning
	for name, c := range map[string]struct {
		quiet    deadletter.QuietPeriod
		at, want string
	}{
		"none":                        {deadletter.QuietPeriod{}, "2026-11-30T03:00:00Z", "2026-11-30T03:00:00Z"},
		"before it":                   {night, "2026-11-30T20:59:59Z", "2026-11-30T20:59:59Z"},
		"as it begins":                {night, "2026-11-30T21:00:00Z", "2026-12-01T06:00:00Z"},
		"after midnight":              {night, "2026-12-01T02:00:00Z", "2026-12-01T06:00:00Z"},
		"as it ends":                  {night, "2026-12-01T06:00:00Z", "2026-12-01T06:00:00Z"},
		"in UTC":                      {lunch, "2026-12-01T12:15:00Z", "2026-12-01T13:30:00Z"},
		"excepted":                    {but, "2026-12-01T02:00:00Z", "2026-12-01T02:00:00Z"},
		"the clock is put back":       {night, "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"},
		"the clock is put forward":    {night, "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"},
		"the clock was put forward":   {night, "2026-03-29T04:59:00Z", "2026-03-29T05:00:00Z"},
		"it ended, forward of an end": {night, "2026-03-29T05:01:00Z", "2026-03-29T05:01:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			r := deadletter.AlertRoute{To: []string{"ops"}, Severity: deadletter.SeverityInfo, Quiet: c.quiet}
			other := r
			other.To, other.Quiet = []string{"other"}, deadletter.QuietPeriod{}
			a := deadletter.Alert{Kind: deadletter.AlertNewCause, Severity: deadletter.SeverityWarning}
			due := deadletter.AlertDue([]deadletter.AlertRoute{r, other}, a, at)
			if got := due["ops"].UTC().Format(time.RFC3339); got != c.want || !due["other"].Equal(at) {
				t.Errorf("it is told at %s, want %s, and elsewhere at %s", got, c.want, due["other"])
			}
			other.To = r.To // another route does not wait
			if due := deadletter.AlertDue([]deadletter.AlertRoute{r, other}, a, at); !due["ops"].Equal(at) {
				t.Errorf("with another route it is told at %s", due["ops"])
			}
		})
	}
}

// Each step is what is true then: kinds, "?" before those that are not known, and nothing for what is over.
func TestAlertWatchTellsOfWhatLasts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []string // "10s destination-down ?spool-in-use"
		want  string
	}{
		"at once": {[]string{"0s destination-down"}, "+destination-down@0s"},
		"once":    {[]string{"0s disk-nearly-full", "1s disk-nearly-full"}, "+disk-nearly-full@0s"},
		"the spool after a while": {
			[]string{"0s spool-in-use", "29s spool-in-use", "30s spool-in-use"},
			"+spool-in-use@30s",
		},
		"the spool for a moment": {[]string{"0s spool-in-use", "29s", "31s spool-in-use", "60s spool-in-use"}, ""},
		"up after its time": {
			[]string{"0s destination-down", "1s", "120s", "121s"},
			"+destination-down@0s -destination-down@2m1s",
		},
		"a flapping breaker": {
			[]string{"0s destination-down", "9s", "99s destination-down", "110s", "229s", "230s"},
			"+destination-down@0s -destination-down@3m50s",
		},
		"not known": {
			[]string{"0s audit-broken", "1s ?audit-broken", "999s ?audit-broken"},
			"+audit-broken@0s",
		},
		"known again and over": {
			[]string{"0s audit-broken", "1s ?audit-broken", "70s", "130s"},
			"+audit-broken@0s -audit-broken@2m10s",
		},
		"a job goes on, and halts": {
			[]string{"0s job-halted", "1s", "2s job-halted"},
			"+job-halted@0s -job-halted@1s +job-halted@2s",
		},
		"a clock that jumps ahead": {
			[]string{"0s destination-down", "86400s destination-down", "86401s"},
			"+destination-down@0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var watch deadletter.AlertWatch
			var open []deadletter.Alert
			var told []string
			for _, step := range c.steps {
				parts := strings.Fields(step)
				after, err := time.ParseDuration(parts[0])
				if err != nil {
					t.Fatal(err)
				}
				seen := deadletter.AlertSighting{Open: slices.Clone(open), Unknown: map[deadletter.AlertKind]bool{}}
				for _, kind := range parts[1:] {
					if name, unknown := strings.CutPrefix(kind, "?"); unknown {
						seen.Unknown[deadletter.AlertKind(name)] = true
						continue
					}
					seen.Now = append(seen.Now, deadletter.Alert{Kind: deadletter.AlertKind(kind), Key: "it"})
				}
				raise, resolve := watch.Step(seen, 2*time.Minute, noon.Add(after))
				for _, a := range resolve {
					told = append(told, fmt.Sprintf("-%s@%s", a.Kind, deadletter.ShortDuration(after)))
					open = slices.DeleteFunc(open, func(o deadletter.Alert) bool { return o.Kind == a.Kind })
				}
				for _, a := range raise {
					told = append(told, fmt.Sprintf("+%s@%s", a.Kind, deadletter.ShortDuration(after)))
					open = append(open, a)
					if a.Severity == "" || !a.RaisedAt.Equal(noon.Add(after)) {
						t.Errorf("it is raised as %+v", a)
					}
				}
			}
			if got := strings.Join(told, " "); got != c.want {
				t.Errorf("told is %q, want %q", got, c.want)
			}
		})
	}
}

// news returns news of causes of a source, which are n seconds old.
func news(source string, n, seconds int, change func(c *deadletter.CauseNews)) (list []deadletter.CauseNews) {
	for i := range n {
		one := deadletter.CauseNews{Cause: deadletter.Cause{
			Fingerprint: fmt.Sprintf("%s-%d", source, i), Source: source, StatusCode: 503, Failed: 1, Messages: 1,
			State: deadletter.CauseNew, FirstAt: noon.Add(-time.Duration(seconds) * time.Second),
			StateAt: noon.Add(-time.Duration(seconds) * time.Second),
		}}
		if change != nil {
			change(&one)
		}
		list = append(list, one)
	}
	return list
}

// described returns what comes of news: "new-cause of genesys", "part of 7: 3", "9 new causes in genesys: 9".
func described(step deadletter.CauseAlertsStep) string {
	var list []string
	for _, g := range step.Raise {
		switch {
		case g.Whole.Key != "":
			list = append(list, fmt.Sprintf("%s: %d", g.Whole.Title, len(g.Alerts)))
		case g.PartOf != 0:
			list = append(list, fmt.Sprintf("part of %d: %d", g.PartOf, len(g.Alerts)))
		default:
			list = append(list, fmt.Sprintf("%s of %s", g.Alerts[0].Kind, g.Alerts[0].Sources[0]))
		}
	}
	if n := len(step.Silent); n > 0 {
		list = append(list, fmt.Sprintf("silent: %d", n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestNewsOfCauses(t *testing.T) {
	t.Parallel()
	outage := map[string]deadletter.Alert{"genesys": {ID: 7}}
	regressed := func(c *deadletter.CauseNews) { c.State, c.StateAt = deadletter.CauseRegressed, noon }
	told := func(state deadletter.CauseState, by string) func(c *deadletter.CauseNews) {
		return func(c *deadletter.CauseNews) {
			c.State, c.StateAt = state, noon
			c.Told, c.Muted = deadletter.Alert{ID: 1, RaisedAt: noon.Add(-time.Hour), ResolvedAt: noon}, true
			if by != "" {
				c.LastChange = deadletter.LastChange{By: by, Action: "unmuted", At: noon}
			}
		}
	}
	for name, c := range map[string]struct {
		news    []deadletter.CauseNews
		outages map[string]deadletter.Alert
		want    string
	}{
		"too new":         {news("genesys", 1, 1, nil), nil, ""},
		"from the future": {news("genesys", 1, -3600, nil), nil, "new-cause of genesys"},
		"one":             {news("genesys", 1, 3, nil), nil, "new-cause of genesys"},
		"late":            {news("genesys", 1, 86000, nil), nil, "new-cause of genesys"},
		"back":            {news("genesys", 1, 90, regressed), nil, "regressed-cause of genesys"},
		"three": {
			news("genesys", 3, 3, nil), nil,
			"new-cause of genesys, new-cause of genesys, new-cause of genesys",
		},
		"forty":      {news("genesys", 40, 3, nil), nil, "40 new causes in genesys: 40"},
		"forty back": {news("genesys", 40, 3, regressed), nil, "40 causes came back in genesys: 40"},
		"of two sources": {
			append(news("genesys", 4, 3, nil), news("cxone", 1, 3, nil)...),
			nil, "4 new causes in genesys: 4, new-cause of cxone",
		},
		"of an outage": {
			append(news("genesys", 40, 3, nil), news("cxone", 1, 3, nil)...),
			outage, "new-cause of cxone, part of 7: 40",
		},
		"answered, in one": {
			news("genesys", 1, 3, func(c *deadletter.CauseNews) { c.StatusCode = 422 }),
			outage, "new-cause of genesys",
		},
		"unreachable, in it": {
			news("genesys", 1, 3, func(c *deadletter.CauseNews) { c.StatusCode = 0 }),
			outage, "part of 7: 1",
		},
		"a mute ended": {
			news("genesys", 1, 90, told(deadletter.CauseOpen, "")),
			nil, "regressed-cause of genesys",
		},
		"of a known one": {
			news("genesys", 1, 90, told(deadletter.CauseKnown, "")),
			nil, "regressed-cause of genesys",
		},
		"a person unmuted": {news("genesys", 1, 90, told(deadletter.CauseOpen, "anna")), nil, "silent: 1"},
		"claimed": {news("genesys", 1, 90, func(c *deadletter.CauseNews) {
			c.State, c.Told = deadletter.CauseClaimed, deadletter.Alert{ID: 1, RaisedAt: noon}
		}), nil, "silent: 1"},
		"open already": {news("genesys", 1, 90, func(c *deadletter.CauseNews) {
			c.Told = deadletter.Alert{ID: 1, RaisedAt: noon}
		}), nil, "silent: 1"},
		"no longer new, never told": {news("genesys", 1, 90, func(c *deadletter.CauseNews) {
			c.State = deadletter.CauseOpen
		}), nil, "silent: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var groups deadletter.CauseGroups
			if got := described(
				groups.Step(deadletter.CauseSighting{News: c.news, Outages: c.outages}, noon),
			); got != c.want {
				t.Errorf("it comes to %q, want %q", got, c.want)
			}
		})
	}
}

// Of one source no more than three alerts come a minute; what is too much waits, and comes as one.
func TestNewsAreGroupedWhileTooManyCome(t *testing.T) {
	t.Parallel()
	var groups deadletter.CauseGroups
	step := func(after time.Duration, n int) string {
		return described(groups.Step(deadletter.CauseSighting{News: news("genesys", n, 3, nil)}, noon.Add(after)))
	}
	for _, c := range []struct {
		after time.Duration
		n     int
		want  string
	}{
		{0, 1, "new-cause of genesys"},
		{10 * time.Second, 5, "5 new causes in genesys: 5"},
		{20 * time.Second, 1, "new-cause of genesys"},
		{30 * time.Second, 1, ""},
		{59 * time.Second, 7, ""},
		{60 * time.Second, 7, "7 new causes in genesys: 7"},
		{10 * time.Minute, 2, "new-cause of genesys, new-cause of genesys"},
	} {
		if got := step(c.after, c.n); got != c.want {
			t.Errorf("after %s %d come as %q, want %q", c.after, c.n, got, c.want)
		}
	}
	if got := step(-time.Hour, 1); got != "new-cause of genesys" {
		t.Errorf("after the clock was set back it comes as %q", got)
	}
}

// New causes of one burst come as one alert, although some are too new to be told when the first could be.
func TestNewsOfABurstComeAsOne(t *testing.T) {
	t.Parallel()
	burst := slices.Concat(news("genesys", 33, 3, nil), news("orders", 7, 1, nil))
	for i := 33; i < len(burst); i++ {
		burst[i].Source = "genesys"
	}
	late := slices.Clone(burst)
	late[0].FirstAt = noon.Add(-10 * time.Second)
	for name, c := range map[string]struct {
		news  []deadletter.CauseNews
		after time.Duration
		want  string
	}{
		"more come":                {burst, 0, ""},
		"all are there":            {burst, time.Second, "40 new causes in genesys: 40"},
		"more come for too long":   {late, 0, "33 new causes in genesys: 33"},
		"few, and more come":       {burst[30:], 0, "new-cause of genesys, new-cause of genesys, new-cause of genesys"},
		"more of another one come": {append(news("cxone", 1, 1, nil), burst[:33]...), 0, "33 new causes in genesys: 33"},
	} {
		var groups deadletter.CauseGroups
		if got := described(groups.Step(deadletter.CauseSighting{News: c.news}, noon.Add(c.after))); got != c.want {
			t.Errorf("%s: it comes to %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatEndsAlertsAboutCauses(t *testing.T) {
	t.Parallel()
	of := func(state deadletter.CauseState) *deadletter.Cause {
		return &deadletter.Cause{State: state, LastChange: deadletter.LastChange{By: "anna"}, LastAt: noon}
	}
	one, several := openOf(deadletter.AlertNewCause), openOf(deadletter.AlertNewCause)
	several.Cause = ""
	end := func(a deadletter.CauseAlert) deadletter.CauseEnd {
		var groups deadletter.CauseGroups
		step := groups.Step(deadletter.CauseSighting{Open: []deadletter.CauseAlert{a}}, noon)
		if len(step.End) == 0 {
			return deadletter.CauseEnd{}
		}
		return step.End[0]
	}
	for name, c := range map[string]struct {
		alert deadletter.CauseAlert
		want  string
		muted bool
	}{
		"open":    {deadletter.CauseAlert{Alert: one, Cause: of(deadletter.CauseOpen)}, "", false},
		"claimed": {deadletter.CauseAlert{Alert: one, Cause: of(deadletter.CauseClaimed)}, "", false},
		"known":   {deadletter.CauseAlert{Alert: one, Cause: of(deadletter.CauseKnown)}, "", false},
		"resolved": {
			deadletter.CauseAlert{Alert: one, Cause: of(deadletter.CauseResolved)},
			"none of its messages is open", false,
		},
		"muted":    {deadletter.CauseAlert{Alert: one, Cause: of(deadletter.CauseMuted)}, "muted by anna", true},
		"gone":     {deadletter.CauseAlert{Alert: one}, "its cause no longer exists", false},
		"several":  {deadletter.CauseAlert{Alert: several, Parts: true}, "", false},
		"all over": {deadletter.CauseAlert{Alert: several}, "all of its causes are resolved", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := end(c.alert)
			if got.Resolution != c.want || got.Muted != c.muted || got.ResolvedAt.IsZero() != (c.want == "") {
				t.Errorf("it ends because %q, muted %t", got.Resolution, got.Muted)
			}
		})
	}
	grown := deadletter.CauseAlert{Alert: openOf(deadletter.AlertGrowingCause), Cause: of(deadletter.CauseResolved)}
	if got := end(grown); got.Resolution != "" {
		t.Errorf("that a cause grows ends with the cause: %q", got.Resolution)
	}
}

func openOf(kind deadletter.AlertKind) deadletter.Alert {
	return deadletter.Alert{ID: 9, Kind: kind, Sources: []string{"genesys"}, Cause: "c", RaisedAt: noon, PartOf: 7}
}

// An alert that was part of an outage is told by itself if messages still fail after it, and no other one began.
func TestWhatOutlastsItsOutageIsTold(t *testing.T) {
	t.Parallel()
	outage := map[string]deadletter.Alert{"genesys": {ID: 8}}
	for name, c := range map[string]struct {
		over    time.Duration // before the latest failure; 0: the outage goes on, or there was none
		outages map[string]deadletter.Alert
		want    bool
	}{
		"failed for it":       {30 * time.Second, nil, false},
		"failed long after":   {2 * time.Minute, nil, true},
		"failed before":       {-time.Minute, nil, false},
		"of no outage":        {0, nil, false},
		"another one began":   {2 * time.Minute, outage, false},
		"one elsewhere is on": {2 * time.Minute, map[string]deadletter.Alert{"cxone": {ID: 8}}, true},
	} {
		for _, kind := range []deadletter.AlertKind{deadletter.AlertNewCause, deadletter.AlertGrowingCause} {
			a := deadletter.CauseAlert{
				Alert: openOf(kind), Cause: &deadletter.Cause{State: deadletter.CauseOpen, LastAt: noon},
			}
			if c.over != 0 {
				a.OutageOver = noon.Add(-c.over)
			}
			want := ""
			if c.want {
				want = string(kind) + " of genesys"
			}
			var groups deadletter.CauseGroups
			sighting := deadletter.CauseSighting{Open: []deadletter.CauseAlert{a}, Outages: c.outages}
			if got := described(groups.Step(sighting, noon)); got != want {
				t.Errorf("%s: it comes to %q, want %q", name, got, want)
			}
		}
	}
}

// A cause that begins to grow is told by the alert of its outage if its failures are of that.
func TestGrowingCauseIsPartOfItsOutage(t *testing.T) {
	t.Parallel()
	growing := func(code int) deadletter.CauseSighting {
		c := deadletter.Cause{Fingerprint: "c", Source: "genesys", StatusCode: code, Growth: 400}
		return deadletter.CauseSighting{
			Growing: []deadletter.Alert{c.GrowthAlert(60, noon)}, Causes: map[string]deadletter.Cause{"c": c},
			Outages: deadletter.OutagesOf([]deadletter.Alert{
				{ID: 7, Kind: deadletter.AlertDestination, Sources: []string{"genesys"}},
				{ID: 8, Kind: deadletter.AlertBreaker, Sources: []string{"genesys"}},
				{Kind: deadletter.AlertDestination, Sources: []string{"cxone"}},
			}),
		}
	}
	for code, want := range map[int]string{503: "part of 7: 1", 0: "part of 7: 1", 422: "growing-cause of genesys"} {
		var groups deadletter.CauseGroups
		if got := described(groups.Step(growing(code), noon)); got != want {
			t.Errorf("%d: it comes to %q, want %q", code, got, want)
		}
	}
}

func TestWhichCausesGrow(t *testing.T) {
	t.Parallel()
	old := deadletter.Cause{State: deadletter.CauseOpen, FirstAt: noon.Add(-2 * time.Hour), Growth: 300}
	with := func(change func(c *deadletter.Cause)) deadletter.Cause {
		c := old
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		cause   deadletter.Cause
		perHour int
		told    bool
		want    bool
	}{
		"enough":               {old, 50, false, true},
		"too few failures":     {old, 49, false, false},
		"too little":           {with(func(c *deadletter.Cause) { c.Growth = 299 }), 50, false, false},
		"too little, but told": {with(func(c *deadletter.Cause) { c.Growth = 201 }), 1, true, true},
		"no longer":            {with(func(c *deadletter.Cause) { c.Growth = 0 }), 50, true, false},
		"young":                {with(func(c *deadletter.Cause) { c.FirstAt = noon.Add(-time.Minute) }), 50, false, false},
		"muted":                {with(func(c *deadletter.Cause) { c.State = deadletter.CauseMuted }), 50, true, false},
		"just back": {with(func(c *deadletter.Cause) {
			c.State, c.StateAt = deadletter.CauseRegressed, noon.Add(-time.Minute)
		}), 50, false, false},
	} {
		if got := c.cause.Grows(c.perHour, 300, 50, c.told, noon); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestTriesOfAlerts(t *testing.T) {
	t.Parallel()
	waiting := deadletter.NewAlertDelivery(1, "ops", deadletter.AlertRaised, noon, noon)
	away := deadletter.AlertResult{Error: "no answer"}
	test := deadletter.NewAlertDelivery(0, "ops", deadletter.AlertTest, noon, noon)
	end := deadletter.NewAlertDelivery(1, "ops", deadletter.AlertResolved, noon, noon)
	for name, c := range map[string]struct {
		delivery deadletter.AlertDelivery
		tries    int
		at       time.Time
		result   deadletter.AlertResult
		ended    bool
		want     deadletter.AlertDeliveryState
		wait     time.Duration
	}{
		"taken":        {waiting, 1, noon, deadletter.AlertResult{}, false, deadletter.AlertSent, 0},
		"taken, ended": {waiting, 1, noon, deadletter.AlertResult{}, true, deadletter.AlertSent, 0},
		"first":        {waiting, 1, noon, away, false, deadletter.AlertWaiting, 5 * time.Second},
		"third":        {waiting, 3, noon, away, false, deadletter.AlertWaiting, 20 * time.Second},
		"hundredth":    {waiting, 100, noon, away, false, deadletter.AlertWaiting, 10 * time.Minute},
		"asked to wait": {
			waiting, 1, noon,
			deadletter.AlertResult{Error: "429", RetryAfter: time.Hour},
			false, deadletter.AlertWaiting, time.Hour,
		},
		"for good": {
			waiting, 1, noon,
			deadletter.AlertResult{Error: "404", Permanent: true},
			false, deadletter.AlertGivenUp, 0,
		},
		"taken, but not for everyone": {
			waiting, 1, noon,
			deadletter.AlertResult{Error: "550", Permanent: true, Partly: true},
			false, deadletter.AlertSent, 0,
		},
		"after a day":         {waiting, 150, noon.Add(24 * time.Hour), away, false, deadletter.AlertGivenUp, 0},
		"ended meanwhile":     {waiting, 2, noon, away, true, deadletter.AlertDropped, 0},
		"the end is tried on": {end, 1, noon, away, true, deadletter.AlertWaiting, 5 * time.Second},
		"a test":              {test, 1, noon, away, false, deadletter.AlertGivenUp, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.delivery.Tries = c.tries - 1
			d := c.delivery.Begin("lease", c.at)
			if d.Tries != c.tries || !d.DueAt.Equal(c.at.Add(deadletter.AlertLease)) {
				t.Errorf("it begins as %+v", d)
			}
			got := d.After(c.result, c.ended, c.at)
			if got.State != c.want || got.Lease != "" {
				t.Errorf("it becomes %+v, want %s", got, c.want)
			}
			if c.wait != 0 && !got.DueAt.Equal(c.at.Add(c.wait)) {
				t.Errorf("it is due after %s, want %s", got.DueAt.Sub(c.at), c.wait)
			}
		})
	}
	long := waiting.Begin("lease", noon).After(deadletter.AlertResult{Error: strings.Repeat("ä", 1000)}, false, noon)
	if n := len(long.Error); n > 310 || !strings.HasSuffix(long.Error, "ä…") {
		t.Errorf("a long error is stored with %d bytes: %s", n, long.Error)
	}
}

// A whole has one kind. A route for the kind of any of its parts takes it as well.
func TestBundleGoesWhereItsPartsWouldGo(t *testing.T) {
	t.Parallel()
	part := func(kind deadletter.AlertKind, n int) (list []deadletter.Alert) {
		for i := range n {
			list = append(list, deadletter.Alert{
				ID: deadletter.AlertID(i + 1), Kind: kind, Severity: kind.Severity(), Sources: []string{"genesys"},
				Cause: fmt.Sprint(kind, i),
			})
		}
		return list
	}
	var routes []deadletter.AlertRoute
	kinds := []deadletter.AlertKind{
		deadletter.AlertNewCause, deadletter.AlertRegressedCause, deadletter.AlertGrowingCause,
	}
	for _, kind := range kinds {
		routes = append(routes, deadletter.AlertRoute{
			To: []string{string(kind)}, Kinds: []deadletter.AlertKind{kind}, Severity: deadletter.SeverityInfo,
		})
	}
	for want, parts := range map[string][]deadletter.Alert{
		"growing-cause 4 causes grow in genesys: growing-cause":              part(kinds[2], 4),
		"regressed-cause 4 causes came back in genesys: regressed-cause":     part(kinds[1], 4),
		"new-cause 5 causes in genesys: growing-cause,new-cause":             append(part(kinds[2], 4), part(kinds[0], 1)...),
		"regressed-cause 8 causes in genesys: growing-cause,regressed-cause": append(part(kinds[1], 4), part(kinds[2], 4)...),
	} {
		var groups deadletter.CauseGroups
		raise := groups.Step(deadletter.CauseSighting{Growing: parts}, noon).Raise
		if len(raise) != 1 {
			t.Fatalf("%s: %+v", want, raise)
		}
		sinks := slices.Sorted(maps.Keys(raise[0].Due(routes, noon)))
		whole := raise[0].Whole
		got := fmt.Sprintf("%s %s: %s", whole.Kind, whole.Title, strings.Join(sinks, ","))
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNumbersHaveSeparators(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "0", 999: "999", 1204: "1,204", 1204567: "1,204,567", -120: "-120", -1204: "-1,204",
	} {
		if got := deadletter.Number(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}

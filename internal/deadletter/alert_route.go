package deadletter

import (
	"slices"
	"time"
)

// AlertRoute says which alerts are sent to which sinks. Example: warnings about the source genesys go to "ops", but
// between 22:00 and 7:00 in Berlin only critical ones do.
type AlertRoute struct {
	Name     string
	To       []string    // names of sinks
	Sources  []string    // alerts about any of these; none: about any source, and about dlqdesk itself
	Kinds    []AlertKind // none: every kind
	Severity Severity    // the least urgent that is sent
	Quiet    QuietPeriod
}

// QuietPeriod is a time of each day in which alerts wait until it ends. The zero QuietPeriod is none.
type QuietPeriod struct {
	From, To time.Duration  // since midnight; To is on the next day if it is not after From
	Zone     *time.Location // nil: UTC
	Except   Severity       // alerts of this severity and above do not wait; "": all do
}

// matches reports whether the route sends an alert.
func (r AlertRoute) matches(a Alert) bool {
	ofSource := len(r.Sources) == 0 || slices.ContainsFunc(a.Sources, func(name string) bool {
		return slices.Contains(r.Sources, name)
	})
	return ofSource && (len(r.Kinds) == 0 || slices.Contains(r.Kinds, a.Kind)) && a.Severity.AtLeast(r.Severity)
}

// dueAt returns when something that happened to an alert at a time may be told.
func (q QuietPeriod) dueAt(a Alert, at time.Time) time.Time {
	if q.From == q.To || q.Except != "" && a.Severity.AtLeast(q.Except) {
		return at
	}
	zone := q.Zone
	if zone == nil {
		zone = time.UTC
	}
	// Tonight's period, and that of yesterday, which may go on after midnight.
	for _, days := range []int{0, -1} {
		from, to := q.on(at.In(zone).AddDate(0, 0, days), zone)
		if !at.Before(from) && at.Before(to) {
			return to.UTC()
		}
	}
	return at
}

// on returns the period that begins on a day. It is by the clock on the wall, also where that is put forward or back.
func (q QuietPeriod) on(day time.Time, zone *time.Location) (from, to time.Time) {
	clock := func(day time.Time, d time.Duration) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), int(d.Hours()), int(d.Minutes())%60, 0, 0, zone)
	}
	end := day
	if q.To <= q.From {
		end = day.AddDate(0, 0, 1)
	}
	return clock(day, q.From), clock(end, q.To)
}

// AlertDue returns when each sink is to be told of something that happened to an alert at a time: the sinks of all
// routes that match, each at the earliest time that one of them allows.
func AlertDue(routes []AlertRoute, a Alert, at time.Time) map[string]time.Time {
	due := map[string]time.Time{}
	for _, r := range routes {
		if r.matches(a) {
			for _, sink := range r.To {
				earliest(due, sink, r.Quiet.dueAt(a, at))
			}
		}
	}
	return due
}

func earliest(due map[string]time.Time, sink string, at time.Time) {
	if known, ok := due[sink]; !ok || at.Before(known) {
		due[sink] = at
	}
}

package deadletter

import "time"

// AlertWatch compares the alerts that are due now with the open ones, and says which begin and which end. It is for all
// kinds but new and regressed causes. It remembers since when a thing is true, or no longer is, so that one that comes
// and goes within seconds is told once. The zero AlertWatch is ready to use; after a restart it begins anew.
type AlertWatch struct {
	since map[alertChange]time.Time // when it was first seen, or first missed
}

// alertChange says that a thing is true now, or over.
type alertChange struct {
	alertKey
	over bool
}

type alertKey struct {
	kind AlertKind
	key  string
}

func (a Alert) key() alertKey { return alertKey{a.Kind, a.Key} }

const (
	// spoolGrace is how long the spool is in use before that is told: SQS may not confirm for a moment.
	spoolGrace = 30 * time.Second

	// endGrace is how long most things are over before that is told.
	endGrace = time.Minute
)

// raiseAfter returns how long something of the kind has to be true before it is told.
func (k AlertKind) raiseAfter() time.Duration {
	if k == AlertSpool {
		return spoolGrace
	}
	return 0
}

// resolveAfter returns how long something of the kind has to be over before it is told. upFor is that of destinations,
// whose circuit breakers may open and close again and again.
func (k AlertKind) resolveAfter(upFor time.Duration) time.Duration {
	switch k {
	case AlertDestination, AlertBreaker:
		return upFor
	case AlertJobHalted: // if it halts again, that is another thing
		return 0
	default:
		return endGrace
	}
}

// Elapsed reports whether a time has passed since another one. A time in the future counts as long past, because the
// clock was set back.
func Elapsed(since, at time.Time, wait time.Duration) bool {
	passed := at.Sub(since)
	return passed < 0 || passed >= wait
}

// AlertSighting has the facts that the watch compares at one time.
type AlertSighting struct {
	Now     []Alert            // true now, without ids
	Unknown map[AlertKind]bool // could not be found out: alerts of these kinds stay as they are
	Open    []Alert            // as stored
}

// Step returns the alerts that begin and those that end.
func (w *AlertWatch) Step(s AlertSighting, upFor time.Duration, at time.Time) (raise, resolve []Alert) {
	before := w.since
	w.since = map[alertChange]time.Time{}
	// lasts reports whether a change has lasted. It remembers it if it has not.
	lasts := func(k alertChange, wait time.Duration) bool {
		began, ok := before[k]
		if !ok || began.After(at) { // the clock was set back
			began = at
		}
		w.since[k] = began
		return at.Sub(began) >= wait
	}
	open := map[alertKey]bool{}
	for _, a := range s.Open {
		open[a.key()] = true
	}
	now := map[alertKey]bool{}
	for _, a := range s.Now {
		k := a.key()
		if seen := now[k] || open[k]; !seen && lasts(alertChange{k, false}, k.kind.raiseAfter()) {
			a.RaisedAt, a.Severity = at, a.Kind.Severity()
			raise = append(raise, a)
		}
		now[k] = true
	}
	for _, a := range s.Open {
		if k := a.key(); !now[k] && !s.Unknown[k.kind] && lasts(alertChange{k, true}, k.kind.resolveAfter(upFor)) {
			resolve = append(resolve, a)
		}
	}
	return raise, resolve
}

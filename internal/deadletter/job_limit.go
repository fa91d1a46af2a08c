package deadletter

import "time"

// LimitKind names what bounds how fast a job goes on.
type LimitKind string

// The kinds of limits.
const (
	LimitNone        LimitKind = ""            // nothing that is known
	LimitBreaker     LimitKind = "breaker"     // the circuit breaker is open: its messages wait for a probe
	LimitPause       LimitKind = "pause"       // the destination asked for a pause by Retry-After
	LimitStep        LimitKind = "step"        // the step of the job: the next one begins once it went well
	LimitJobRate     LimitKind = "job-rate"    // the rate that the job was started with
	LimitRateLimit   LimitKind = "rate-limit"  // the configured rate of the destination
	LimitRamp        LimitKind = "ramp"        // the rate after an outage, which grows
	LimitConcurrency LimitKind = "concurrency" // as many deliveries are in flight as may be
)

// LimitKinds lists every kind but LimitNone.
func LimitKinds() []LimitKind {
	return []LimitKind{
		LimitBreaker, LimitPause, LimitStep, LimitJobRate, LimitRateLimit, LimitRamp, LimitConcurrency,
	}
}

// OfJob reports whether the limit is one of the job as a whole, and not of one of its destinations.
func (k LimitKind) OfJob() bool { return k == LimitStep || k == LimitJobRate }

// Limit is the one bound that holds a job at a destination.
type Limit struct {
	Kind   LimitKind
	Since  time.Time // of LimitBreaker: when it opened
	Until  time.Time // of LimitPause: when it ends
	Rate   float64   // messages a second, of LimitJobRate, LimitRateLimit and LimitRamp
	Number int       // of LimitStep: messages; of LimitConcurrency: deliveries for jobs in flight at once
}

// Pace holds what bounds the deliveries to a destination at a moment.
type Pace struct {
	OpenSince   time.Time // when its circuit breaker opened; zero: it is not open
	PausedUntil time.Time // may be past
	Ramp        float64   // messages a second while the breaker is half-open; 0: it is not, or that is not used up
	RateLimit   float64   // requests a second; 0: no limit
	Places      int       // for deliveries of jobs in flight at once; 0: not known
	InFlight    int       // deliveries of the job
}

// LimitAt returns what holds a job, or would hold a draft, at a destination: what lets nothing through, then its
// step, then a lack of places, then the lowest rate. A job without any of these is held by the number of places.
func (j Job) LimitAt(p Pace, now time.Time) Limit {
	switch {
	case !p.OpenSince.IsZero():
		return Limit{Kind: LimitBreaker, Since: p.OpenSince}
	case p.PausedUntil.After(now):
		return Limit{Kind: LimitPause, Until: p.PausedUntil}
	case j.StepSize() > 0:
		return Limit{Kind: LimitStep, Number: j.StepSize()}
	}
	if j.Places > 0 && (p.Places == 0 || j.Places < p.Places) {
		p.Places = j.Places
	}
	lowest := Limit{}
	if p.Places > 0 {
		lowest = Limit{Kind: LimitConcurrency, Number: p.Places}
	}
	if p.Places > 0 && p.InFlight >= p.Places && p.Ramp == 0 {
		return lowest
	}
	for _, l := range []Limit{
		{Kind: LimitJobRate, Rate: float64(j.Rate)},
		{Kind: LimitRateLimit, Rate: p.RateLimit},
		{Kind: LimitRamp, Rate: p.Ramp},
	} {
		if l.Rate > 0 && (lowest.Rate == 0 || l.Rate < lowest.Rate) {
			lowest = l
		}
	}
	return lowest
}

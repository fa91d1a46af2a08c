package ledger

import (
	"maps"
	"net/http"
	"time"
)

// RefusalReason is why the receiver refused requests. There are few, so that a forger cannot make the counts grow.
type RefusalReason string

// The reasons.
const (
	RefusedUnproven      RefusalReason = "unproven"  // without a signature or credential
	RefusedMismatch      RefusalReason = "mismatch"  // no secret of the source fits
	RefusedStale         RefusalReason = "stale"     // the signed time is too far from ours
	RefusedMalformed     RefusalReason = "malformed" // the signature or credential cannot be read
	RefusedHandshake     RefusalReason = "handshake"
	RefusedTooLarge      RefusalReason = "too_large"
	RefusedIncomplete    RefusalReason = "incomplete" // the body did not arrive whole
	RefusedUnknownSource RefusalReason = "unknown_source"
	RefusedMethod        RefusalReason = "method"
	RefusedUnstored      RefusalReason = "unstored" // no queue confirmed the webhook
)

// Status returns the HTTP status that the sender gets; 0 for a reason of another version.
func (r RefusalReason) Status() int {
	switch r {
	case RefusedUnproven, RefusedMismatch, RefusedStale, RefusedMalformed:
		return http.StatusUnauthorized
	case RefusedHandshake:
		return http.StatusForbidden
	case RefusedTooLarge:
		return http.StatusRequestEntityTooLarge
	case RefusedIncomplete:
		return http.StatusBadRequest
	case RefusedUnknownSource:
		return http.StatusNotFound
	case RefusedMethod:
		return http.StatusMethodNotAllowed
	case RefusedUnstored:
		return http.StatusInternalServerError
	}
	return 0
}

// RefusalReasons lists every RefusalReason.
func RefusalReasons() []RefusalReason {
	return []RefusalReason{
		RefusedUnproven, RefusedMismatch, RefusedStale, RefusedMalformed, RefusedHandshake, RefusedTooLarge,
		RefusedIncomplete, RefusedUnknownSource, RefusedMethod, RefusedUnstored,
	}
}

// RefusalKey names refusals that are counted together. Source is "" for requests to no configured source, all of them
// together.
type RefusalKey struct {
	Source string
	Reason RefusalReason
}

// Refusals are refused requests that are counted together.
type Refusals struct {
	Count    int
	First    time.Time
	LatestAt time.Time
	Why      string // of the latest, for people: it never has a secret, and its length is bounded
}

// add returns the sum of refusals and later ones.
func (r Refusals) add(later Refusals) Refusals {
	if r.Count == 0 {
		return later
	}
	r.Count += later.Count
	if !later.LatestAt.Before(r.LatestAt) {
		r.LatestAt, r.Why = later.LatestAt, later.Why
	}
	return r
}

// refusalsEvery is how often counts of refusals are saved at most: the senders of refused requests decide how many
// there are, and not how often the disk is written.
const refusalsEvery = 10 * time.Second

// Refused counts a refused request, in memory.
func (r *Recorder) Refused(key RefusalKey, why string) {
	at := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused[key] = r.refused[key].add(Refusals{Count: 1, First: at, LatestAt: at, Why: why})
}

// takeRefused returns the refusals to save: none if some were saved a short while ago, unless all must be saved.
func (r *Recorder) takeRefused(all bool) map[RefusalKey]Refusals {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refused) == 0 || !all && now.Sub(r.refusedSaved) < refusalsEvery {
		return nil
	}
	taken := maps.Clone(r.refused)
	clear(r.refused)
	r.refusedSaved = now
	return taken
}

// keepRefused takes refusals back that could not be saved.
func (r *Recorder) keepRefused(taken map[RefusalKey]Refusals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, earlier := range taken {
		r.refused[key] = earlier.add(r.refused[key])
	}
}

package deadletter

import "time"

// SignaturePolicy is how a source's webhooks are signed, and what a later delivery does with the signature. The zero
// policy: the platform signs no bodies.
type SignaturePolicy struct {
	Signed bool          // over the body
	Age    time.Duration // since receipt, in which a handler accepts the signature; 0: at any time
	Resign bool          // a signature that the handler would refuse is made anew
}

// SignatureState is whether a handler that verifies signatures accepts a delivery.
type SignatureState string

// The values of SignatureState.
const (
	SignatureAccepted SignatureState = ""
	SignatureRenewed  SignatureState = "renewed" // it is made anew
	SignatureOfOther  SignatureState = "of other content"
	SignatureTooOld   SignatureState = "too old"
)

// MayBeRefused reports whether the handler may refuse the delivery for its signature.
func (s SignatureState) MayBeRefused() bool { return s == SignatureOfOther || s == SignatureTooOld }

// State returns the state of the signature of a webhook that was received at a time, in a delivery that begins now. Age
// goes before content: an old signature fits the original neither.
func (p SignaturePolicy) State(edited bool, receivedAt, now time.Time) SignatureState {
	late := p.Age > 0 && now.Sub(receivedAt) >= p.Age
	switch {
	case !p.Signed || !edited && !late:
		return SignatureAccepted
	case p.Resign:
		return SignatureRenewed
	case late:
		return SignatureTooOld
	}
	return SignatureOfOther
}

// AcceptedUntil returns when the signature of a webhook becomes too old; zero: never.
func (p SignaturePolicy) AcceptedUntil(receivedAt time.Time) time.Time {
	if !p.Signed || p.Age == 0 {
		return time.Time{}
	}
	return receivedAt.Add(p.Age)
}

// SignatureState returns the state of the signatures of a source's webhooks in a job that delivers now: that of the
// message for which it is worst.
func (j Job) SignatureState(p SignaturePolicy, now time.Time) SignatureState {
	return p.State(j.Action.Edits() || j.Edited > 0, j.Oldest, now)
}

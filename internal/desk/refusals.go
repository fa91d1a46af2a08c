package desk

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Refusals are the requests that were refused for want of a right: denied actions, failed sign-ins and the like. Each
// is an audit event and a line of the log. A flood makes a bounded number of them: of equal refusals within a minute
// the first is recorded at once and the others as one event with their number, and after refusalRows different ones of
// an action all further ones are counted together.
type Refusals struct {
	store *store.Store
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	actions map[string]*refusedAction // by name
}

// Refusal is one refused request.
type Refusal struct {
	Action  string           // such as RefusedAction
	By      deadletter.Actor // with the name as it was typed, of a request without a session
	ByLink  bool             // a link may have sent it without the person's will: it is not recorded in their name
	Message deadletter.ID    // that the request was for; "" if it was for none
	Request string           // the method and the route; not what a stranger can choose freely
	Reason  string
}

// The actions of refusals.
const (
	RefusedAction   = "access.denied"         // a signed-in user lacks the role
	RefusedSignIn   = "user.sign_in_refused"  // wrong name or password
	RefusedPassword = "user.password_refused" //nolint:gosec // of a change of the password; no password
	RefusedTooMany  = "user.throttled"        // too many attempts to sign in
	RefusedLink     = "link.refused"          // a wrong or used link that sets a password
	RefusedToken    = "token.refused"         // a token of the API that is not known, or not in force
	RefusedSite     = "request.cross_site"    // a form that another site sent
)

const (
	refusalWindow = time.Minute
	refusalRows   = 20  // recorded one by one, of each action in a window
	refusalAddrs  = 500 // told apart among those that are counted together
	refusalText   = 200 // bytes of each text of a refusal
	refusalName   = 64  // bytes of a name
)

// refusedAction counts the refusals of one action in a window.
type refusedAction struct {
	since  time.Time
	single map[Refusal]int // how many came after the first
	others int
	addrs  map[string]bool // of the others
}

// NewRefusals returns the recorder of refusals. Run writes the counts.
func NewRefusals(s *store.Store, now func() time.Time, log *slog.Logger) *Refusals {
	return &Refusals{store: s, now: now, log: log, actions: map[string]*refusedAction{}}
}

// Record records a refusal. An error of the store is logged: the request is refused all the same.
func (r *Refusals) Record(ctx context.Context, one Refusal) {
	one = one.bounded()
	due, first := r.count(one)
	for _, c := range due {
		r.write(ctx, c)
	}
	if first {
		r.write(ctx, counted{Refusal: one, times: 1})
	}
}

// Run writes the counts of each window soon after its end, and the rest when ctx ends.
func (r *Refusals) Run(ctx context.Context) error {
	tick := time.NewTicker(refusalWindow / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.flush(context.WithoutCancel(ctx), true)
			return nil
		case <-tick.C:
			r.flush(ctx, false)
		}
	}
}

// flush writes the counts of windows that are over, or of all.
func (r *Refusals) flush(ctx context.Context, all bool) {
	r.mu.Lock()
	var due []counted
	for name, a := range r.actions {
		if all || r.now().Sub(a.since) >= refusalWindow {
			due = append(due, a.counts(name)...)
			delete(r.actions, name)
		}
	}
	r.mu.Unlock()
	for _, c := range due {
		r.write(ctx, c)
	}
}

// count counts a refusal. It returns the counts of a window that is over, and whether the refusal is the first of its
// kind in its window.
func (r *Refusals) count(one Refusal) (due []counted, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.actions[one.Action]
	if a != nil && r.now().Sub(a.since) >= refusalWindow {
		due, a = a.counts(one.Action), nil
	}
	if a == nil {
		a = &refusedAction{since: r.now(), single: map[Refusal]int{}, addrs: map[string]bool{}}
		r.actions[one.Action] = a
	}
	if _, known := a.single[one]; known {
		a.single[one]++
		return due, false
	}
	if len(a.single) < refusalRows {
		a.single[one] = 0
		return due, true
	}
	a.others++
	if len(a.addrs) < refusalAddrs {
		a.addrs[one.By.Addr] = true
	}
	return due, false
}

// counted is a number of refusals that are recorded as one.
type counted struct {
	Refusal
	times int
	more  bool // than were recorded already
	addrs int  // of how many addresses; 0: of the refusal's own
}

func (a *refusedAction) counts(action string) (list []counted) {
	for one, more := range a.single {
		if more > 0 {
			list = append(list, counted{Refusal: one, times: more, more: true})
		}
	}
	slices.SortFunc(list, func(a, b counted) int { return strings.Compare(a.By.Name+a.By.Addr, b.By.Name+b.By.Addr) })
	if a.others > 0 {
		one := Refusal{Action: action, By: deadletter.System()}
		list = append(list, counted{Refusal: one, times: a.others, more: true, addrs: len(a.addrs)})
	}
	return list
}

func (r *Refusals) write(ctx context.Context, c counted) {
	event, err := c.event(r.now())
	if err == nil {
		err = r.store.Record(ctx, event)
	}
	r.log.WarnContext(ctx, "a request was refused", "action", c.Action, "by", c.By.Name, "addr", c.By.Addr, "request",
		c.Request, "reason", c.Reason, "times", c.times)
	if err != nil {
		r.log.ErrorContext(ctx, "a refused request could not be recorded", "err", err)
	}
}

func (c counted) event(at time.Time) (deadletter.Event, error) {
	kind, target := "user", c.By.Name
	if c.By.Kind == deadletter.ActorSystem {
		target = ""
	}
	if c.Message != "" {
		kind, target = "message", string(c.Message)
	}
	by := c.By
	facts := struct {
		Request   string `json:"request,omitempty"`
		User      string `json:"user,omitempty"`
		Times     int    `json:"times,omitempty"`
		Addresses int    `json:"addresses,omitempty"`
	}{Request: c.Request, Addresses: c.addrs}
	if c.ByLink {
		by, facts.User = deadletter.System(), c.By.Name
		by.Addr = c.By.Addr
	}
	reason := c.Reason
	if c.more {
		facts.Times = c.times
		reason = strings.TrimPrefix(fmt.Sprintf("%s (%d more times within a minute)", c.Reason, c.times), " ")
	}
	return deadletter.NewEvent(by, c.Action, kind, target, reason, nil, facts, at)
}

// bounded returns the refusal with texts that may stand in the audit trail and the log.
func (one Refusal) bounded() Refusal {
	one.By.Name = deadletter.Printable(one.By.Name, refusalName)
	one.By.Addr = deadletter.Printable(one.By.Addr, refusalText)
	one.Message = deadletter.ID(deadletter.Printable(string(one.Message), refusalText))
	one.Request = deadletter.Printable(one.Request, refusalText)
	one.Reason = deadletter.Printable(one.Reason, refusalText)
	return one
}

package deadletter

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// RuleID identifies a rule. Older rules have lower ids.
type RuleID int64

func (id RuleID) String() string { return strconv.FormatInt(int64(id), 10) }

// RuleState is the state of a rule.
type RuleState string

// The states of a rule.
const (
	RuleShadow RuleState = "shadow" // it only records what it would do; every new or changed rule begins so
	RuleOn     RuleState = "on"     // it acts
	RuleOff    RuleState = "off"    // it does nothing
	RuleAway   RuleState = "away"   // it was put away: nothing can be done with it any more
)

// RuleStates lists every state.
func RuleStates() []RuleState { return []RuleState{RuleShadow, RuleOn, RuleOff, RuleAway} }

// Rule acts by itself on messages that fail: it archives them, or replays them after some time. It is no GroupRule, by
// which messages are grouped. Example: of the messages that fail because their handler answers 503, each is replayed
// after 30 minutes, 3 times at most, and 100 an hour at most.
type Rule struct {
	ID RuleID // given by the store
	RuleSpec
	State     RuleState
	Why       string // why dlqdesk switched the rule off; "": a person did, or it is not off
	By        string // who made it, changed it or switched it on last
	Owner     string // the user whose account decides whether it may go on, see Actor.Account
	Token     TokenID
	Version   int // counts its changes
	CreatedBy string
	CreatedAt time.Time
	Last      LastChange // its time is when the state began
}

// RuleSpec is what people decide about a rule.
type RuleSpec struct {
	Name      string
	Match     RuleMatch
	Action    Action        // ActArchive, ActReplay, or ActEdit for a replay with a recipe
	Reason    string        // of an archive, or of an edit
	Recipe    Recipe        // of an edit; without a table
	Saved     RecipeUse     // the version of a saved recipe that Recipe is
	After     time.Duration // how long after the failure a replay is
	Times     int           // how often a message is replayed at most
	PerHour   int           // how many messages it archives or replays in an hour at most
	MaxFailed int           // the share of its replays, in percent, beyond which it switches itself off
	Unknown   bool          // it also replays messages that may already have been processed
}

// RuleMatch says which messages a rule is for: those of a cause, or those of a source that failed with a status code.
type RuleMatch struct {
	Source      string
	Fingerprint string  // of the cause; "": Code counts
	Cause       Failure // one of its failures, by which the rule follows the cause when people merge or split it
	Code        string  // "503", "5xx", or NoAnswer
}

// NoAnswer is the Code of failures without a status code.
const NoAnswer = "none"

// Limits of rules.
const (
	MaxRules      = 100 // that are not put away
	MaxRuleName   = 80  // characters
	MinRuleAfter  = time.Minute
	MaxRuleAfter  = 7 * 24 * time.Hour
	MaxRuleTimes  = 20
	MaxRuleHourly = 1000

	// RuleHour is the time within which PerHour counts.
	RuleHour = time.Hour

	// JudgedReplays is how many of the latest replays decide whether a rule switches itself off.
	JudgedReplays = 20

	// leastJudged is how many replays have to have ended before they are judged.
	leastJudged = 5
)

// The inputs of a rule that an Error can be about, beside FieldReason and FieldPatch.
const (
	FieldRuleName = "name"
	FieldSource   = "source"
	FieldCode     = "code"
	FieldAction   = "action"
	FieldAfter    = "after"
	FieldTimes    = "times"
	FieldPerHour  = "perHour"
	FieldFailed   = "maxFailed"
)

// RuleChange is a rule before and after, with its audit event.
type RuleChange struct {
	Before, After Rule // the id of a new rule is given by the store
	Event         Event
}

// Actor returns the author of what the rule does.
func (r Rule) Actor() Actor {
	return Actor{Kind: ActorRule, Name: fmt.Sprintf("rule '%s' of %s", r.Name, r.By)}
}

// Replays reports whether the rule replays messages, with a recipe or without.
func (s RuleSpec) Replays() bool { return s.Action.Delivers() }

// NewRule makes a rule, which begins in shadow. others is how many there are that are not put away.
func NewRule(by Actor, spec RuleSpec, others int, at time.Time) (RuleChange, error) {
	if err := mayRule(by, spec); err != nil {
		return RuleChange{}, err
	}
	if others >= MaxRules {
		return RuleChange{}, Errorf(Conflict, "there are %d rules, as many as there can be: put one away first", others)
	}
	spec, err := spec.check()
	if err != nil {
		return RuleChange{}, err
	}
	next := Rule{RuleSpec: spec, CreatedBy: by.Name, CreatedAt: at}
	return Rule{}.changeTo(next, RuleShadow, by, "made", "rule.create", "", at)
}

// Change gives the rule another specification, and has it begin in shadow again. It returns Conflict if version is not
// the current one.
func (r Rule) Change(by Actor, spec RuleSpec, version int, at time.Time) (RuleChange, error) {
	if err := mayRule(by, spec); err != nil {
		return RuleChange{}, err
	}
	if err := r.checkVersion(version, at); err != nil {
		return RuleChange{}, err
	}
	spec, err := spec.check()
	if err != nil {
		return RuleChange{}, err
	}
	next := r
	next.RuleSpec = spec
	return r.changeTo(next, RuleShadow, by, "changed", "rule.change", "", at)
}

// Switch brings the rule into another state, as a person orders. It returns Conflict if version is not the current one,
// or if the rule has that state already.
func (r Rule) Switch(by Actor, state RuleState, version int, at time.Time) (RuleChange, error) {
	if err := mayRule(by, r.RuleSpec); err != nil {
		return RuleChange{}, err
	}
	if !slices.Contains(RuleStates(), state) {
		return RuleChange{}, Errorf(Invalid, "a rule can be in shadow, on, off or put away (got %q)", state)
	}
	if err := r.checkVersion(version, at); err != nil {
		return RuleChange{}, err
	}
	if state == r.State {
		return RuleChange{}, Errorf(Conflict, "the rule is %s already (%s by %s %s)", state.Label(), r.Last.Action,
			r.Last.By, ago(r.Last.At, at))
	}
	did := map[RuleState]string{
		RuleShadow: "put into shadow", RuleOn: "switched on", RuleOff: "switched off", RuleAway: "put away",
	}[state]
	return r.changeTo(r, state, by, did, "rule."+string(state), "", at)
}

// SwitchOff switches off a rule that is on, on behalf of dlqdesk, for the given reason.
func (r Rule) SwitchOff(why string, at time.Time) (RuleChange, error) {
	if r.State != RuleOn {
		return RuleChange{}, Errorf(Conflict, "the rule is %s: only one that is on is switched off", r.State.Label())
	}
	return r.changeTo(r, RuleOff, System(), "switched off", "rule.off", why, at)
}

// Judge switches off a rule that is on if too many of its latest replays failed. results are of those that ended since
// it was switched on, the latest first. It returns false if the rule goes on.
func (r Rule) Judge(results []RuleActionState, at time.Time) (RuleChange, bool, error) {
	results = results[:min(len(results), JudgedReplays)]
	failed := 0
	for _, result := range results {
		if result == RuleFailed {
			failed++
		}
	}
	if r.State != RuleOn || len(results) < leastJudged || failed*100 <= len(results)*r.MaxFailed {
		return RuleChange{}, false, nil
	}
	change, err := r.SwitchOff(fmt.Sprintf("%d of its last %d replays failed again, more than %d %%",
		failed, len(results), r.MaxFailed), at)
	return change, err == nil, err
}

// Label returns the state in words for people.
func (s RuleState) Label() string {
	switch s {
	case RuleShadow:
		return "in shadow"
	case RuleAway:
		return "put away"
	case RuleOn, RuleOff:
	}
	return string(s)
}

func mayRule(by Actor, spec RuleSpec) error {
	if err := by.May(ActRules); err != nil || len(spec.Action.AllowedStatuses()) == 0 {
		return err
	}
	return by.May(spec.Action)
}

// checkVersion returns Conflict if the page that the person saw shows an older version, or the rule was put away.
func (r Rule) checkVersion(version int, at time.Time) error {
	if version != r.Version || r.State == RuleAway {
		return Errorf(Conflict, "the rule was %s by %s %s: look at it again, then decide", r.Last.Action, r.Last.By,
			ago(r.Last.At, at))
	}
	return nil
}

// changeTo returns the change to next in a state. No other function changes a rule.
func (r Rule) changeTo(
	next Rule, state RuleState, by Actor, did, action, why string, at time.Time,
) (RuleChange, error) {
	next.State, next.Why = state, why
	next.Version++
	next.Last = LastChange{By: by.Name, Action: did, At: at}
	if by.Kind != ActorSystem && state != RuleOff && state != RuleAway {
		next.By, next.Owner, next.Token = by.Name, by.Account(), by.Token
	}
	var before any
	if r.ID != 0 {
		before = r.facts()
	}
	e, err := NewEvent(by, action, "rule", r.ID.String(), why, before, next.facts(), at)
	e.Source = next.Match.Source
	return RuleChange{Before: r, After: next, Event: e}, err
}

// ruleFacts holds the facts of a rule that an event stores.
type ruleFacts struct {
	Name      string     `json:"name"`
	State     RuleState  `json:"state"`
	Cause     string     `json:"cause,omitempty"`
	Code      string     `json:"code,omitempty"`
	Action    Action     `json:"action"`
	Reason    string     `json:"reason,omitempty"`
	Patch     string     `json:"patch,omitempty"`
	Recipe    RecipeKind `json:"recipe,omitempty"`
	Saved     string     `json:"savedRecipe,omitempty"`
	After     string     `json:"after,omitempty"`
	Times     int        `json:"times,omitempty"`
	PerHour   int        `json:"perHour"`
	MaxFailed int        `json:"maxFailed,omitempty"`
	Unknown   bool       `json:"unknown,omitempty"`
	By        string     `json:"by"`
}

func (r Rule) facts() ruleFacts {
	f := ruleFacts{
		Name: r.Name, State: r.State, Cause: r.Match.Fingerprint, Code: r.Match.Code, Action: r.Action,
		Reason: r.Reason, Patch: r.Recipe.Text, Recipe: r.Recipe.Kind, Times: r.Times, PerHour: r.PerHour,
		MaxFailed: r.MaxFailed, Unknown: r.Unknown, By: r.By,
	}
	if r.Replays() {
		f.After = ShortDuration(r.After)
		f.Saved = r.Saved.Text()
	}
	return f
}

// check returns the specification with its texts tidied, and without what its action does not use. It returns Invalid
// for the first input that does not do.
func (s RuleSpec) check() (RuleSpec, error) {
	s.Name = strings.Join(strings.Fields(s.Name), " ")
	s.Reason = strings.TrimSpace(s.Reason)
	switch n := utf8.RuneCountInString(s.Name); {
	case s.Name == "":
		return s, invalidField(FieldRuleName, "give the rule a name: the history of its messages has it")
	case n > MaxRuleName:
		return s, invalidField(FieldRuleName, "the name has %d characters: shorten it to %d", n, MaxRuleName)
	}
	match, err := s.Match.check()
	if err != nil {
		return s, err
	}
	s.Match = match
	if s.PerHour < 1 || s.PerHour > MaxRuleHourly {
		return s, invalidField(FieldPerHour, "enter 1 to %d messages an hour", MaxRuleHourly)
	}
	switch s.Action {
	case ActArchive:
		s.Recipe, s.Saved, s.After, s.Times, s.MaxFailed, s.Unknown = Recipe{}, RecipeUse{}, 0, 0, 0, false
		return s, s.Action.CheckReason(s.Reason)
	case ActReplay:
		s.Recipe, s.Saved, s.Reason = Recipe{}, RecipeUse{}, ""
	case ActEdit:
		if err := s.Action.CheckReason(s.Reason); err != nil {
			return s, err
		}
		if strings.TrimSpace(s.Recipe.Text) == "" {
			return s, invalidField(FieldPatch, "write the recipe, or choose a replay without one")
		}
		s.Recipe.Table = ""
	default:
		return s, invalidField(FieldAction, "choose whether the rule archives or replays")
	}
	switch {
	case s.After < MinRuleAfter || s.After > MaxRuleAfter:
		return s, invalidField(FieldAfter, "enter a wait of 1 minute to 7 days (10,080 minutes)")
	case s.Times < 1 || s.Times > MaxRuleTimes:
		return s, invalidField(FieldTimes, "enter 1 to %d replays of a message", MaxRuleTimes)
	case s.MaxFailed < 1 || s.MaxFailed > 100:
		return s, invalidField(FieldFailed, "enter 1 to 100 percent of failed replays")
	}
	return s, nil
}

func (m RuleMatch) check() (RuleMatch, error) {
	if m.Source == "" && m.Fingerprint == "" {
		return m, invalidField(FieldSource, "choose the source that the rule is for")
	}
	if m.Fingerprint != "" {
		m.Code = ""
		return m, nil
	}
	m.Cause = Failure{}
	m.Code = strings.ToLower(strings.TrimSpace(m.Code))
	if _, _, ok := m.codes(); !ok && m.Code != NoAnswer {
		return m, invalidField(FieldCode, "enter a status code such as 503 or 5xx, or none for no response")
	}
	return m, nil
}

// codes returns the lowest and the highest status code that Code matches.
func (m RuleMatch) codes() (low, high int, ok bool) {
	if digit, whole := strings.CutSuffix(m.Code, "xx"); whole && len(digit) == 1 && "1" <= digit && digit <= "5" {
		low = int(digit[0]-'0') * 100
		return low, low + 99, true
	}
	n, err := strconv.Atoi(m.Code)
	return n, n, err == nil && len(m.Code) == 3 && 100 <= n && n <= 599
}

// MatchesCode reports whether a match by status code is for a failed delivery.
func (m RuleMatch) MatchesCode(code int, outcome Outcome) bool {
	if m.Code == NoAnswer {
		return outcome == Unreachable || outcome == Unknown
	}
	low, high, ok := m.codes()
	return ok && m.Fingerprint == "" && low <= code && code <= high
}

// Causes returns the fingerprints of the causes that the rule is for at present: its own and, where people merged or
// split that, the one that the failure of which the rule was made is part of now. It is nil for a match by code.
func (m RuleMatch) Causes(g *Grouping) []string {
	if m.Fingerprint == "" {
		return nil
	}
	causes := []string{m.Fingerprint}
	if now := g.fingerprint(m.Cause); now != m.Fingerprint && m.Cause.Error != "" {
		causes = append(causes, now)
	}
	return causes
}

// RuleSet finds the rules for messages that fail. It does not change.
type RuleSet struct {
	rules []setRule // by source, the oldest first
}

type setRule struct {
	Rule
	causes []string
}

// NewRuleSet returns the set of those rules that are on or in shadow.
func NewRuleSet(rules []Rule, g *Grouping) *RuleSet {
	set := &RuleSet{}
	for _, r := range rules {
		if r.State == RuleOn || r.State == RuleShadow {
			set.rules = append(set.rules, setRule{r, r.Match.Causes(g)})
		}
	}
	slices.SortFunc(set.rules, func(a, b setRule) int { return int(a.ID - b.ID) })
	return set
}

// IsEmpty reports whether no rule is in the set.
func (s *RuleSet) IsEmpty() bool { return len(s.rules) == 0 }

// For returns the rules for a message that has just failed. The oldest rule that is on acts, and is the last one.
// Before it are the rules in shadow that would act in its place. A younger rule does nothing, not even in shadow.
func (s *RuleSet) For(m Message) (rules []Rule) {
	for _, r := range s.rules {
		if r.Match.Source != m.Source || !r.matches(m.Fingerprint, m.StatusCode, m.Outcome) {
			continue
		}
		rules = append(rules, r.Rule)
		if r.State == RuleOn {
			break
		}
	}
	return rules
}

func (r setRule) matches(cause string, code int, outcome Outcome) bool {
	return slices.Contains(r.causes, cause) || r.Match.MatchesCode(code, outcome)
}

// RulesOfCause returns those of some rules that are for messages of a cause: they are on or in shadow, or dlqdesk
// switched them off.
func RulesOfCause(rules []Rule, c Cause, g *Grouping) (list []Rule) {
	outcome := ErrorResponse
	if c.StatusCode == 0 {
		outcome = Unreachable
	}
	for _, r := range rules {
		present := r.State == RuleOn || r.State == RuleShadow || r.Why != ""
		of := setRule{r, r.Match.Causes(g)}
		if present && r.Match.Source == c.Source && of.matches(c.Fingerprint, c.StatusCode, outcome) {
			list = append(list, r)
		}
	}
	return list
}

// Fails reports whether a message fails by the change and waits for a person: its automatic retries are over. A message
// that a person restores does not fail, nor does one whose redrive failed.
func (c Change) Fails() bool { return c.Failure != "" && c.After.Status == Failed }

// RuleActionState is the state of what a rule does to a message.
type RuleActionState string

// The states of an action.
const (
	RuleWouldAct  RuleActionState = "shadow"    // what a rule in shadow would have done
	RuleWaiting   RuleActionState = "waiting"   // not due yet, or the rule may do no more this hour
	RuleInFlight  RuleActionState = "in_flight" // its delivery is in flight
	RuleArchived  RuleActionState = "archived"
	RuleDelivered RuleActionState = "delivered"
	RuleFailed    RuleActionState = "failed"  // its replay failed
	RuleSkipped   RuleActionState = "skipped" // the message was left alone
)

// ReplayStates lists the states of those actions of the rule that count as replays of a message: in shadow, those that
// it would have made.
func (r Rule) ReplayStates() []RuleActionState {
	if r.State == RuleShadow {
		return []RuleActionState{RuleWouldAct}
	}
	return []RuleActionState{RuleInFlight, RuleDelivered, RuleFailed}
}

// RuleAction is what a rule does to a message because it failed once.
type RuleAction struct {
	ID          int64 // given by the store
	Rule        RuleID
	RuleVersion int
	Message     ID
	Version     int // of the message when it failed
	OrderKey    OrderKey
	FailedAt    time.Time
	DueAt       time.Time
	ActedAt     time.Time // zero: it has not acted
	State       RuleActionState
	At          time.Time // of the state
	Text        string    // why the message was skipped, or what its replay failed for
}

// ActionFor returns what the rule does because a message has failed. replays is how often it has replayed the message.
func (r Rule) ActionFor(m Message, replays int, at time.Time) RuleAction {
	a := RuleAction{
		Rule: r.ID, RuleVersion: r.Version, Message: m.ID, Version: m.Version, OrderKey: m.OrderKey,
		FailedAt: at, DueAt: at, State: RuleWaiting, At: at,
	}
	if r.Replays() {
		a.DueAt = at.Add(r.After)
	}
	switch {
	case r.Replays() && replays >= r.Times:
		return a.Skipped(fmt.Sprintf("replayed %d of %d times already", replays, r.Times), at)
	case r.State == RuleShadow:
		a.State = RuleWouldAct
	}
	return a
}

// Skipped returns the action of a message that is left alone.
func (a RuleAction) Skipped(why string, at time.Time) RuleAction {
	a.State, a.Text, a.At = RuleSkipped, why, at
	return a
}

// Room returns how many more messages the rule may act on now, if it acted on so many within RuleHour.
func (r Rule) Room(acted int) int { return max(0, r.PerHour-acted) }

// refusal returns why the rule leaves a message alone now, as a Conflict.
func (r Rule) refusal(a RuleAction, m Message) error {
	switch {
	case r.State != RuleOn:
		return Errorf(Conflict, "the rule was %s before", r.Last.Action)
	case a.RuleVersion != r.Version:
		return Errorf(Conflict, "the rule was changed before")
	case a.Version != m.Version && m.LastChange.By != "":
		return Errorf(Conflict, "%s by %s in the meantime", m.LastChange.Action, m.LastChange.By)
	case a.Version != m.Version:
		return Errorf(Conflict, "changed in the meantime")
	case m.Status != Failed:
		return Errorf(Conflict, "%s already", m.Status)
	case r.Replays() && !r.Unknown && m.Outcome == Unknown:
		return Errorf(Conflict, "it may already have been processed")
	}
	return nil
}

// ChangeOf returns the change that the rule makes to a message. latest is the newest revision of the message, which
// only an edit reads; newer are the newer events of its order key that were delivered. Conflict and Invalid say why the
// rule leaves the message alone.
func (r Rule) ChangeOf(
	a RuleAction, m Message, latest Revision, apply Apply, newer Newer, at time.Time,
) (Change, error) {
	if err := r.refusal(a, m); err != nil {
		return Change{}, err
	}
	if r.Replays() && newer.Count > 0 {
		return Change{}, Errorf(Conflict, "%s", newer)
	}
	c, err := r.change(m, latest, apply, at)
	if err != nil {
		return Change{}, err
	}
	c.Event.After = append(fmt.Appendf(nil, `{"rule":%d,`, r.ID), c.Event.After[1:]...)
	return c, nil
}

func (r Rule) change(m Message, latest Revision, apply Apply, at time.Time) (Change, error) {
	switch r.Action {
	case ActArchive:
		return m.Archive(r.Actor(), r.Reason, m.Version, at)
	case ActEdit:
		body, err := apply(latest)
		if err != nil {
			return Change{}, err
		}
		if latest.Number == 0 || !bytes.Equal(body, latest.Body) { // otherwise it was edited by the replay before
			edited := Revision{Body: body, Headers: latest.Headers, Reason: r.Reason, Recipe: r.Saved}
			return m.EditAndReplay(r.Actor(), TriggerRule, edited, m.Version, at)
		}
	default:
	}
	return m.Replay(r.Actor(), TriggerRule, m.Revision, m.Version, at)
}

// Acted returns the action once it acted: an archived message is done with, a replay is in flight.
func (a RuleAction) Acted(replays bool, at time.Time) RuleAction {
	a.State, a.ActedAt, a.At = RuleArchived, at, at
	if replays {
		a.State = RuleInFlight
	}
	return a
}

// RuleResult returns the state of the action whose delivery the attempt is, and what it failed for. A failed delivery
// that only tested its destination costs the message none of its replays: it waits as before.
func (a Attempt) RuleResult() (RuleActionState, string) {
	switch {
	case a.Outcome == Delivered:
		return RuleDelivered, ""
	case a.Probe && a.Transient():
		return RuleWaiting, ""
	}
	return RuleFailed, WithStatus(a.StatusCode, a.Error)
}

// PastFailure is a stored message that became failed.
type PastFailure struct {
	Message    ID
	Status     Status // of the message now
	At         time.Time
	StatusCode int
	Outcome    Outcome
}

// RulePreview is what a rule would have done to messages that failed.
type RulePreview struct {
	Messages []WouldAct // those that failed last come first
	Actions  int
	Busiest  int // the most actions within one RuleHour; more than PerHour would have had to wait
}

// WouldAct is a message that a rule would have acted on, with its latest failure.
type WouldAct struct {
	PastFailure
	Actions int // how often it would have acted
}

// Preview returns what a rule would have done because of failures, which come latest first.
func (s RuleSpec) Preview(failures []PastFailure) (p RulePreview) {
	at := map[ID]int{}
	var times []time.Time
	for _, f := range failures {
		if s.Match.Fingerprint == "" && !s.Match.MatchesCode(f.StatusCode, f.Outcome) {
			continue
		}
		i, known := at[f.Message]
		if !known {
			i = len(p.Messages)
			at[f.Message] = i
			p.Messages = append(p.Messages, WouldAct{PastFailure: f})
		}
		if m := &p.Messages[i]; m.Actions < max(1, s.Times) {
			m.Actions++
			times = append(times, f.At)
		}
	}
	p.Actions = len(times)
	slices.SortFunc(times, time.Time.Compare)
	for first, last := 0, 0; last < len(times); last++ {
		for times[last].Sub(times[first]) >= RuleHour {
			first++
		}
		p.Busiest = max(p.Busiest, last-first+1)
	}
	return p
}

package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// ChainFault is a sign that the audit trail was changed outside of the program.
type ChainFault struct{ What string }

func (f *ChainFault) Error() string { return f.What }

// Events that accept the trail as it is. All before such an event is vouched for as it was then, and not further back.
const (
	ActionAccept = "audit.accept" // of a gap: events that were changed or removed, a backup that was restored
	ActionRekey  = "audit.rekey"  // the same, because the audit key is another one from this event on
)

// AuditGap is a part of the trail that cannot be verified.
type AuditGap struct {
	From, To int64 // events
	Missing  bool  // they are not in the trail; otherwise they were changed, or written with another key
}

func (g AuditGap) String() string {
	events := fmt.Sprintf("event %d", g.From)
	if g.To > g.From {
		events = fmt.Sprintf("events %d to %d", g.From, g.To)
	}
	switch {
	case g.Missing && g.To > g.From:
		return fmt.Sprintf("%s of the audit trail are missing, so event %d cannot be verified", events, g.To+1)
	case g.Missing:
		return fmt.Sprintf("%s of the audit trail is missing, so event %d cannot be verified", events, g.To+1)
	case g.To > g.From:
		return events + " of the audit trail were changed outside dlqdesk, or written with another audit key"
	}
	return events + " of the audit trail was changed outside dlqdesk"
}

// AcceptedGaps are gaps that a person accepted, in an event that says why.
type AcceptedGaps struct {
	Gaps []AuditGap
	By   EventRow
}

// acceptanceFacts are what an event says that accepts the trail as it is.
type acceptanceFacts struct {
	By    string   `json:"acceptedBy"`
	Found []string `json:"found"`
	Seal  string   `json:"seal,omitempty"` // the event that the seal file named
	Note  string   `json:"note,omitempty"`
}

func (a AcceptedGaps) facts() (facts acceptanceFacts) {
	// An event of another version may lack some of these fields.
	_ = json.Unmarshal(a.By.After, &facts)
	return facts
}

// Person returns the name of the person who accepted the gaps.
func (a AcceptedGaps) Person() string { return a.facts().By }

// Found returns what was wrong with the trail.
func (a AcceptedGaps) Found() []string { return a.facts().Found }

// AuditReport is the result of reading the whole trail.
type AuditReport struct {
	Events   int64
	End      deadletter.Mark // the last event
	Accepted []AcceptedGaps
}

// eventsInOrder reads the whole trail.
const eventsInOrder = `SELECT ` + eventColumns + `, e.link FROM audit_events e ORDER BY e.seq`

// VerifyAudit reads the whole trail and checks every link, the seal of its end, the seal file, the triggers, and that
// the trail still contains the given marks. It returns a *ChainFault if rows were changed, removed or added, and no
// event accepts that.
func (s *Store) VerifyAudit(ctx context.Context, marks ...deadletter.Mark) (AuditReport, error) {
	tx, err := s.db.Snapshot(ctx)
	if err != nil {
		return AuditReport{}, asFault(fmt.Errorf("read audit trail: %w", err))
	}
	defer func() { _ = tx.Rollback() }()
	r, err := s.readTrail(ctx, tx, s.db, marks)
	if err != nil {
		return AuditReport{}, err
	}
	return r.report(), r.fault()
}

// CheckAudit makes those checks of VerifyAudit that take no longer for a long trail: the seal file, the end of the
// trail, the triggers, and that the desk's file is still the one that was opened.
func (s *Store) CheckAudit(ctx context.Context) error {
	faults, err := s.checkSurroundings(ctx, s.db, nil)
	if err == nil && len(faults) > 0 {
		err = &ChainFault{faults[0]}
	}
	return err
}

// asFault turns an error that only a changed file can cause into a ChainFault.
func asFault(err error) error {
	if sqlite.IsAltered(err) {
		return &ChainFault{fmt.Sprintf("the audit trail cannot be read: %v", err)}
	}
	return err
}

// checkSurroundings returns what is wrong around the events, most telling first.
func (s *Store) checkSurroundings(ctx context.Context, q sqlite.Querier, marks []deadletter.Mark) ([]string, error) {
	var faults []string
	if now, err := os.Stat(s.mark.desk); err != nil || !os.SameFile(now, s.mark.opened) {
		faults = append(faults, "the database was replaced or removed while dlqdesk runs: it works on the old file, "+
			"which is lost when it stops. Make a backup before you stop it")
	}
	if _, err := s.mark.lastEvent(ctx, q); err != nil {
		return nil, asFault(err)
	}
	saved, err := s.mark.inspect()
	if err != nil {
		return nil, err
	}
	faults = append(faults, s.mark.faults()...)
	for _, mark := range append([]deadletter.Mark{saved}, marks...) {
		found, err := contains(ctx, q, mark)
		if err != nil {
			return nil, asFault(err)
		}
		if fault := removedText(mark); !found && !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
	}
	missing, err := s.alteredTriggers(ctx, q)
	if err == nil && len(missing) > 0 {
		faults = append(faults, "the triggers that keep audit events from being changed or deleted were removed or "+
			"changed: "+missing[0])
	}
	return faults, asFault(err)
}

// trailReader follows the chain of the trail from its first event.
type trailReader struct {
	key    []byte
	events int64
	end    deadletter.Mark // of the events that were read

	// sum stands for all events that were read, as they are stored. It is the link of the last one until there is a
	// gap; from then on it is computed, for an event that accepts the gap.
	sum      []byte
	gaps     []AuditGap // not accepted so far
	accepted []AcceptedGaps
	faults   []string // around the events
}

// readTrail reads the trail and looks at all that belongs to it. q sees the trail as it is at one moment. Events and
// the seal go on being written while it is read, so it compares the seal with the trail as latest sees it then.
func (s *Store) readTrail(
	ctx context.Context, q, latest sqlite.Querier, marks []deadletter.Mark,
) (*trailReader, error) {
	r := &trailReader{key: s.mark.key}
	err := sqlite.Each(ctx, q, func(row sqlite.Row) error {
		var link []byte
		e, err := scanEvent(row, &link)
		if err == nil {
			r.add(e, bytes.Clone(link))
		}
		return err
	}, eventsInOrder)
	if err != nil {
		return nil, asFault(fmt.Errorf("read audit trail: %w", err))
	}
	head, seal, err := readHead(ctx, q)
	if err != nil {
		return nil, asFault(err)
	}
	if r.faults, err = s.checkSurroundings(ctx, latest, marks); err != nil {
		return nil, err
	}
	if fault := r.checkHead(head, seal); fault != "" {
		r.faults = append(r.faults, fault)
	}
	for _, mark := range marks {
		r.checkMark(mark)
	}
	return r, nil
}

// checkMark adds a fault if the event of a mark is part of an accepted gap: its hash no longer proves anything.
func (r *trailReader) checkMark(mark deadletter.Mark) {
	for _, accepted := range r.accepted {
		for _, gap := range accepted.Gaps {
			if gap.From <= mark.Sequence && mark.Sequence <= gap.To {
				r.faults = append(
					r.faults,
					fmt.Sprintf("event %d cannot be verified: it is among the events %d to %d, "+
						"which were accepted in event %d", mark.Sequence, gap.From, gap.To, accepted.By.Sequence),
				)
			}
		}
	}
}

// add checks an event against the one before it.
func (r *trailReader) add(e EventRow, link []byte) {
	next := r.end.Sequence + 1
	whole := e.Sequence == next && hmac.Equal(link, deadletter.ChainLink(r.key, r.end.Link, e.Sequence, e.Event))
	switch {
	case whole && bytes.Equal(r.sum, r.end.Link):
		r.sum = link
	case r.accepts(e, link):
		if e.Sequence > next {
			r.gap(AuditGap{From: next, To: e.Sequence - 1, Missing: true})
		}
		r.accepted = append(r.accepted, AcceptedGaps{r.gaps, e})
		r.gaps, r.sum = nil, link
	default:
		if e.Sequence > next {
			r.gap(AuditGap{From: next, To: e.Sequence - 1, Missing: true})
		} else if !whole {
			r.gap(AuditGap{From: e.Sequence, To: e.Sequence})
		}
		r.sum = deadletter.ChainLink(r.key, slices.Concat(r.sum, link), e.Sequence, e.Event)
	}
	r.events, r.end = r.events+1, deadletter.Mark{Sequence: e.Sequence, Link: link}
}

// accepts reports whether the event is an acceptance of all events before it as they are now.
func (r *trailReader) accepts(e EventRow, link []byte) bool {
	return (e.Action == ActionAccept || e.Action == ActionRekey) &&
		hmac.Equal(link, deadletter.ChainLink(r.key, r.sum, e.Sequence, e.Event))
}

// maxGaps bounds the gaps that are listed one by one.
const maxGaps = 20

// gap adds a gap, to the latest one if it goes on.
func (r *trailReader) gap(g AuditGap) {
	if n := len(r.gaps); n > 0 {
		latest := &r.gaps[n-1]
		if n == maxGaps || latest.To+1 == g.From && latest.Missing == g.Missing {
			latest.To = g.To
			return
		}
	}
	r.gaps = append(r.gaps, g)
}

func (r *trailReader) checkHead(head deadletter.Mark, seal []byte) string {
	if r.end.Sequence == 0 && head.Sequence == 0 {
		return ""
	}
	sealed := hmac.Equal(seal, r.end.Seal(r.key, deadletter.SealOfHead)) ||
		hmac.Equal(seal, r.end.Seal(r.key, deadletter.SealOfOldHead))
	if head.Is(r.end) && sealed {
		return ""
	}
	if head.Sequence == r.end.Sequence {
		return fmt.Sprintf("the end of the audit trail, event %d, is not sealed with this audit key", head.Sequence)
	}
	return fmt.Sprintf("the end of the audit trail was changed outside dlqdesk: it stops at event %d, %d is sealed",
		r.end.Sequence, head.Sequence)
}

func (r *trailReader) report() AuditReport {
	return AuditReport{r.events, r.end, r.accepted}
}

// otherKey is the fault of a trail of which nothing fits the key.
const otherKey = "no event of the audit trail was written with this audit key: the key was replaced. Restore " +
	"audit.key from its copy, or run dlqdesk audit rekey if it is lost"

// found returns everything that is wrong with the trail.
func (r *trailReader) found() (list []string) {
	if len(r.gaps) == 1 && r.gaps[0] == (AuditGap{From: 1, To: r.end.Sequence}) &&
		slices.Contains(r.faults, sealForged) {
		return []string{otherKey}
	}
	return append(r.gapTexts(), r.faults...)
}

func (r *trailReader) gapTexts() (list []string) {
	for _, gap := range r.gaps {
		list = append(list, gap.String())
	}
	return list
}

// fault returns the first thing that is wrong with the trail; nil if nothing is.
func (r *trailReader) fault() error {
	if list := r.found(); len(list) > 0 {
		return &ChainFault{list[0]}
	}
	return nil
}

// Acceptance is what an event says that accepts the trail as it is.
type Acceptance struct {
	Action string // ActionAccept or ActionRekey
	By     string // the person, as they called themselves: a command has no session
	Reason string
	Note   string // of a new key: what the old one said about the trail
	At     time.Time
}

// AcceptAudit records that a person accepts the trail as it is. The event covers all events before it, as they
// are now, and the seal file names it. The faults stay visible: see AuditReport. The numbers of missing events
// are not used again. No other process may write to the file meanwhile. It returns Conflict if nothing is wrong.
func (s *Store) AcceptAudit(ctx context.Context, a Acceptance) (end deadletter.Mark, err error) {
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		r, err := s.readTrail(ctx, tx.tx, tx.tx, nil)
		if err != nil {
			return err
		}
		found := r.found()
		if len(found) == 0 {
			return deadletter.Errorf(
				deadletter.Conflict,
				"nothing is wrong with the audit trail: there is nothing to accept",
			)
		}
		if a.Action == ActionRekey { // the seals are those of the old key
			found = r.gapTexts()
		}
		event, err := a.event(found, s.mark.named())
		if err != nil {
			return err
		}
		last, err := s.mark.lastEvent(ctx, tx.tx)
		if err != nil {
			return err
		}
		tx.end = trailEnd{known: true, Mark: deadletter.Mark{Sequence: max(last.Sequence, r.end.Sequence), Link: r.sum}}
		if err := s.restoreTriggers(ctx, tx.tx); err != nil {
			return err
		}
		err = tx.Record(ctx, event)
		end = tx.end.Mark
		return err
	})
	if err != nil {
		return end, err
	}
	return end, s.mark.replace(end)
}

func (a Acceptance) event(found []string, seal string) (deadletter.Event, error) {
	facts := acceptanceFacts{a.By, found, seal, a.Note}
	return deadletter.NewEvent(deadletter.System(), a.Action, "audit", "", a.Reason, nil, facts, a.At)
}

// triggerText finds the triggers of the audit trail in the schema.
var triggerText = regexp.MustCompile(`(?s)CREATE TRIGGER (audit_events_\w+) .*?\nEND`)

// triggersOf returns the triggers that a schema has on the audit trail, by name.
func triggersOf(schema fs.FS) (map[string]string, error) {
	triggers := map[string]string{}
	files, err := fs.Glob(schema, "*.sql")
	for _, name := range files {
		text, unread := fs.ReadFile(schema, name)
		err = errors.Join(err, unread)
		for _, found := range triggerText.FindAllSubmatch(text, -1) {
			triggers[string(found[1])] = string(found[0])
		}
	}
	return triggers, err
}

const auditTriggers = `SELECT name, sql FROM sqlite_schema
	WHERE type = 'trigger' AND tbl_name = 'audit_events' ORDER BY name`

// alteredTriggers returns the names of triggers of the audit trail that are missing, changed or too many.
func (s *Store) alteredTriggers(ctx context.Context, q sqlite.Querier) (names []string, err error) {
	missing := map[string]bool{}
	for name := range s.triggers {
		missing[name] = true
	}
	err = sqlite.Each(ctx, q, func(r sqlite.Row) error {
		var name string
		var text sql.NullString
		err := r.Scan(&name, &text)
		if delete(missing, name); s.triggers[name] != text.String {
			names = append(names, name)
		}
		return err
	}, auditTriggers)
	for name := range missing {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, err
}

// restoreTriggers makes the triggers of the audit trail as the schema has them.
func (s *Store) restoreTriggers(ctx context.Context, tx *sqlite.Tx) error {
	names, err := s.alteredTriggers(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range names {
		drop := `DROP TRIGGER IF EXISTS "` + strings.ReplaceAll(name, `"`, `""`) + `"`
		for _, statement := range []string{drop, cmp.Or(s.triggers[name], drop)} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("restore trigger %s: %w", name, err)
			}
		}
	}
	return nil
}

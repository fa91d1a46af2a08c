package desk_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// eventsOf returns the actions that the audit trail has of a cause, newest first.
func (b bundle) eventsOf(t *testing.T, fingerprint string) string {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Cause: fingerprint}, Limit: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range page.Items {
		actions = append(actions, e.By+" "+e.Action)
	}
	return strings.Join(actions, ", ")
}

func TestOrdersForACause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fingerprint := b.receive(t, "a-1", nil).Fingerprint
	now := desk.CauseRef{Fingerprint: fingerprint}
	for _, o := range []struct {
		name string
		give func(by deadletter.Actor) (desk.CauseView, error)
		want deadletter.CauseState
	}{
		{"claim", func(by deadletter.Actor) (desk.CauseView, error) {
			return b.Claim(t.Context(), by, now, time.Hour)
		}, deadletter.CauseClaimed},
		{"mark as known", func(by deadletter.Actor) (desk.CauseView, error) {
			return b.MarkKnown(t.Context(), by, now, "OPS-1")
		}, deadletter.CauseClaimed},
		{"mute", func(by deadletter.Actor) (desk.CauseView, error) {
			return b.Mute(t.Context(), by, now, deadletter.Mute{PerHour: 5})
		}, deadletter.CauseMuted},
		{"release", func(by deadletter.Actor) (desk.CauseView, error) {
			return b.Release(t.Context(), by, now)
		}, deadletter.CauseMuted},
		{"unmute", func(by deadletter.Actor) (desk.CauseView, error) {
			return b.Unmute(t.Context(), by, now)
		}, deadletter.CauseKnown},
		{"take the ticket away", func(by deadletter.Actor) (desk.CauseView, error) {
			return b.Unmark(t.Context(), by, now)
		}, deadletter.CauseOpen},
	} {
		if _, err := o.give(vera); deadletter.KindOf(err) != deadletter.Forbidden {
			t.Errorf("%s of a viewer is %v", o.name, err)
		}
		if _, err := o.give(noone); deadletter.KindOf(err) != deadletter.Unauthenticated {
			t.Errorf("%s of a stranger is %v", o.name, err)
		}
		v, err := o.give(anna)
		if err != nil || v.Cause.State != o.want || v.Cause.Version != now.Version+1 {
			t.Fatalf("%s: %s, version %d, %v", o.name, v.Cause.State, v.Cause.Version, err)
		}
		if again, err := o.give(anna); deadletter.KindOf(err) != deadletter.Conflict ||
			again.Cause.Version != v.Cause.Version {
			t.Errorf("%s of the older page: %+v, %v", o.name, again.Cause, err)
		}
		read, err := b.Cause(t.Context(), vera, fingerprint)
		if err != nil || read.Cause != v.Cause {
			t.Errorf("%s: read %+v, want %+v, %v", o.name, read.Cause, v.Cause, err)
		}
		now.Version = v.Cause.Version
	}
	const want = "anna cause.unmark, anna cause.unmute, anna cause.release, anna cause.mute, anna cause.known, anna cause.claim"
	if got := b.eventsOf(t, fingerprint); got != want {
		t.Errorf("the trail has %s, want %s", got, want)
	}
	_, err := b.Claim(t.Context(), anna, desk.CauseRef{Fingerprint: "none"}, time.Hour)
	if deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("a claim of no cause is %v", err)
	}
}

func TestOneOfManySimultaneousClaimsWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := desk.CauseRef{Fingerprint: b.receive(t, "a-1", nil).Fingerprint}
	errs := make([]error, 16)
	var all sync.WaitGroup
	for i := range errs {
		by := deadletter.User(string(rune('a'+i)), deadletter.Operator, "")
		all.Go(func() { _, errs[i] = b.Claim(t.Context(), by, ref, time.Hour) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if deadletter.KindOf(err) != deadletter.Conflict {
			t.Error(err)
		}
	}
	if c, err := b.store.Cause(t.Context(), ref.Fingerprint); err != nil || won != 1 || c.Owner == "" ||
		c.Version != 1 {
		t.Errorf("%d claims won, %+v, %v", won, c, err)
	}
}

// A page greys out what the order would refuse, for the same reason.
func TestViewOfACauseSaysWhatIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := desk.CauseRef{Fingerprint: b.receive(t, "a-1", nil).Fingerprint}
	if _, err := b.Claim(t.Context(), anna, ref, time.Hour); err != nil {
		t.Fatal(err)
	}
	ref.Version++
	v, err := b.Cause(t.Context(), bert, ref.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	_, refused := b.Claim(t.Context(), bert, ref, time.Hour)
	if got := v.Refused[deadletter.ActClaim]; got == nil || refused == nil || got.Error() != refused.Error() {
		t.Errorf("the page says %v, the order %v", got, refused)
	}
	for _, act := range []deadletter.Action{deadletter.ActRelease, deadletter.ActMute, deadletter.ActNote} {
		if err := v.Refused[act]; err != nil {
			t.Errorf("%s is refused: %v", act, err)
		}
	}
	if _, err := b.Release(t.Context(), bert, ref); err != nil {
		t.Errorf("the claim of another is not released: %v", err)
	}
}

func TestNextStepOfACause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fingerprint := b.receive(t, "a-1", nil).Fingerprint
	step := func() deadletter.StepKind {
		page, err := b.Causes(t.Context(), vera, store.CauseQuery{Limit: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].Cause.Fingerprint != fingerprint {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Items[0].Next.Kind
	}
	if got := step(); got != deadletter.StepLook {
		t.Errorf("it is %q", got)
	}
	b.waits.Store(true)
	if got := step(); got != deadletter.StepBreaker {
		t.Errorf("while the breaker is open it is %q", got)
	}
	if _, err := b.Causes(
		t.Context(),
		noone,
		store.CauseQuery{},
	); deadletter.KindOf(err) != deadletter.Unauthenticated {
		t.Errorf("for a stranger: %v", err)
	}
}

func TestNotesOfACause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fingerprint := b.receive(t, "a-1", nil).Fingerprint
	if err := b.AddNote(t.Context(), vera, fingerprint, "no"); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("a note of a viewer is %v", err)
	}
	if err := b.AddNote(t.Context(), anna, fingerprint, "the **id**, see password=abcdefghijklmnop0123"); err != nil {
		t.Fatal(err)
	}
	list, err := b.CauseNotes(t.Context(), vera, fingerprint)
	if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Text, "the **id**") ||
		strings.Contains(list[0].Text, "abcdefghijklmnop") {
		t.Fatalf("notes %+v, %v", list, err)
	}
	if err := b.EditNote(t.Context(), bert, list[0].ID, "mine"); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("an edit of another is %v", err)
	}
	if err := b.EditNote(t.Context(), anna, list[0].ID, "the name"); err != nil {
		t.Fatal(err)
	}
	list, err = b.CauseNotes(t.Context(), vera, fingerprint)
	if err != nil || list[0].Text != "the name" || len(list[0].Edits) != 1 {
		t.Errorf("notes %+v, %v", list, err)
	}
	if got := b.eventsOf(t, fingerprint); got != "anna cause.note_edit, anna cause.note" {
		t.Errorf("the trail has %s", got)
	}
	events, err := b.store.Events(
		t.Context(),
		store.EventQuery{EventFilter: store.EventFilter{Action: "cause.note"}, Limit: 1},
	)
	if err != nil || strings.Contains(string(events.Items[0].After), "abcdefghijklmnop") {
		t.Errorf("the trail stores a secret: %s, %v", events.Items[0].After, err)
	}
	if err := b.EditNote(t.Context(), anna, 99, "x"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("an edit of no note is %v", err)
	}
	if err := b.AddNote(t.Context(), anna, "none", "x"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("a note about no cause is %v", err)
	}
}

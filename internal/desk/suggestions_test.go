package desk_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// claude is an assistant with a token of anna's.
var claude = deadletter.Actor{Kind: deadletter.ActorToken, Name: "claude of anna", Role: deadletter.Operator}

// events returns what the audit trail says since a number of events, oldest first, without times.
func (b bundle) events(t *testing.T, action string) (list []string) {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Action: action}, Limit: 50,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Items {
		list = append([]string{e.Action + " by " + e.By + ": " + e.Reason}, list...)
	}
	return list
}

func TestSuggestedNoteIsWrittenByThePersonWhoStartsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := b.receive(t, "a-1", nil).Fingerprint
	s, err := b.Suggest(t.Context(), claude, deadletter.Suggestion{
		Kind: deadletter.SuggestNote, Cause: cause, Note: "The field id is gone.", Why: "All bodies lack it.",
	})
	if err != nil || s.ID == 0 || s.Source != "genesys" {
		t.Fatalf("it is suggested as %+v, %v", s, err)
	}
	if notes, err := b.CauseNotes(t.Context(), anna, cause); err != nil || len(notes) != 0 {
		t.Errorf("before anyone starts it there are the notes %+v, %v", notes, err)
	}
	if err := b.StartSuggestion(t.Context(), bert, s.ID, 0); err != nil {
		t.Fatal(err)
	}
	notes, err := b.CauseNotes(t.Context(), anna, cause)
	if err != nil || len(notes) != 1 || notes[0].By != "bert" || notes[0].Text != "The field id is gone." {
		t.Errorf("the notes are %+v, %v", notes, err)
	}
	want := "suggestion.make by claude of anna: All bodies lack it." +
		"|suggestion.start by bert: suggested by claude of anna"
	if got := strings.Join(b.events(t, "suggestion."), "|"); got != want {
		t.Errorf("the trail says %q, want %q", got, want)
	}
	if got := strings.Join(b.events(t, "cause.note"), "|"); got != "cause.note by bert: " {
		t.Errorf("the trail says of notes %q", got)
	}
	err = b.StartSuggestion(t.Context(), anna, s.ID, 0)
	if deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(deadletter.TextOf(err), "started by bert") {
		t.Errorf("started twice: %v", err)
	}
	if list, err := b.OpenSuggestions(t.Context(), anna, cause); err != nil || len(list) != 0 {
		t.Errorf("open are %+v, %v", list, err)
	}
}

func TestSuggestedMuteIsForTheCauseThatThePersonSaw(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := b.receive(t, "a-1", nil).Fingerprint
	until := b.clock.Now().Add(time.Hour)
	s, err := b.Suggest(t.Context(), claude, deadletter.Suggestion{
		Kind: deadletter.SuggestMute, Cause: cause, Mute: deadletter.Mute{Until: until}, Why: "It is known.",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Claim(t.Context(), bert, desk.CauseRef{Fingerprint: cause}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := b.StartSuggestion(t.Context(), anna, s.ID, 0); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("started for a cause that has changed: %v", err)
	}
	if err := b.StartSuggestion(t.Context(), anna, s.ID, 1); err != nil {
		t.Fatal(err)
	}
	seen, err := b.Cause(t.Context(), anna, cause)
	if err != nil || !seen.Cause.Mute.Until.Equal(until) || seen.Cause.LastChange.By != "anna" {
		t.Errorf("the cause is %+v, %v", seen.Cause, err)
	}
}

// The draft of an assistant stays a draft for everyone but a person, however it is asked for.
func TestSuggestedJobIsStartedByAPersonOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	s, j, err := b.SuggestJob(t.Context(), claude, desk.JobSuggestion{
		Action: deadletter.ActEdit, Of: desk.Choice{Cause: m.Fingerprint},
		Recipe: merge(`{"id":1}`), SaveAs: "add id", Why: "The field id is missing.",
	})
	if err != nil || s.Job != j.ID || s.Cause != m.Fingerprint || j.State != deadletter.JobDraft {
		t.Fatalf("it is suggested as %+v, %+v, %v", s, j, err)
	}
	if run, err := b.store.DryRun(t.Context(), j.ID); err != nil || run.Recipe.Text != `{"id":1}` {
		t.Errorf("its dry run is %+v, %v", run, err)
	}
	in := deadletter.JobInput{Recipe: merge(`{"id":1}`), Reason: "the id was missing"}
	if err := b.StartJob(t.Context(), claude, j.ID, in); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("the assistant starts it: %v", err)
	}
	if got := b.job(t, j.ID); got.State != deadletter.JobDraft {
		t.Errorf("it is %s", got.State)
	}
	for range 3 { // a draft of a person is removed after an hour
		if more, err := b.store.DeleteOldDraft(t.Context(), b.clock.Now().Add(6*24*time.Hour)); err != nil || more {
			t.Fatalf("the draft is removed: %v, %v", more, err)
		}
	}
	if err := b.StartJob(t.Context(), bert, j.ID, in); err != nil {
		t.Fatal(err)
	}
	if got := b.job(t, j.ID); got.State != deadletter.JobRunning || got.By.Name != "bert" {
		t.Errorf("it is %+v", got)
	}
	want := "suggestion.start by bert: suggested by claude of anna"
	if got := b.events(t, "suggestion.start"); len(got) != 1 || got[0] != want {
		t.Errorf("the trail says %q", got)
	}
}

func TestDismissedAndExpiredSuggestionsStartNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	suggest := func() (s deadletter.Suggestion) {
		t.Helper()
		s, _, err := b.SuggestJob(t.Context(), claude, desk.JobSuggestion{
			Action: deadletter.ActReplay, Of: desk.Choice{IDs: []string{string(m.ID)}}, Why: "The handler is back.",
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	dismissed, expired := suggest(), suggest()
	if err := b.DismissSuggestion(t.Context(), claude, dismissed.ID); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("the assistant dismisses it: %v", err)
	}
	if err := b.DismissSuggestion(t.Context(), anna, dismissed.ID); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(deadletter.SuggestionLife)
	for name, s := range map[string]deadletter.Suggestion{"dismissed": dismissed, "expired": expired} {
		err := b.StartJob(t.Context(), anna, s.Job, deadletter.JobInput{})
		if deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(deadletter.TextOf(err), name) {
			t.Errorf("%s: %v", name, err)
		}
		if more, err := b.store.DeleteOldDraft(t.Context(), b.clock.Now()); err != nil || !more {
			t.Errorf("%s: the draft stays: %v, %v", name, more, err)
		}
	}
}

func TestSuggestionsAreRefusedAsTheirOrdersAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	viewer, limited := claude, claude
	viewer.Role, limited.Sources = deadletter.Viewer, "cxone"
	note := deadletter.Suggestion{Kind: deadletter.SuggestNote, Cause: m.Fingerprint, Note: "x", Why: "y"}
	mute := deadletter.Suggestion{
		Kind: deadletter.SuggestMute, Cause: m.Fingerprint, Mute: deadletter.Mute{Count: 5}, Why: "y",
	}
	elsewhere, endless, unreasoned, wordy, unknown := mute, mute, mute, mute, mute
	elsewhere.Cause, endless.Mute, unreasoned.Why, unknown.Kind = "none", deadletter.Mute{}, " ", "archive"
	wordy.Why = strings.Repeat("x", deadletter.MaxSuggestionWhy+1)
	for name, c := range map[string]struct {
		by   deadletter.Actor
		s    deadletter.Suggestion
		want deadletter.Kind
	}{
		"a note by a viewer":         {viewer, note, deadletter.Forbidden},
		"a mute by a viewer":         {viewer, mute, deadletter.Forbidden},
		"a cause of another source":  {limited, note, deadletter.NotFound},
		"no such cause":              {claude, elsewhere, deadletter.NotFound},
		"a mute that never ends":     {claude, endless, deadletter.Invalid},
		"no reason":                  {claude, unreasoned, deadletter.Invalid},
		"a reason that is too long":  {claude, wordy, deadletter.Invalid},
		"something of no known kind": {claude, unknown, deadletter.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := b.Suggest(b.ctx, c.by, c.s); deadletter.KindOf(err) != c.want {
				t.Errorf("%v", err)
			}
		})
	}
	replay := desk.JobSuggestion{
		Action: deadletter.ActReplay, Of: desk.Choice{Status: deadletter.Failed}, Why: "y",
	}
	for name, c := range map[string]struct {
		by   deadletter.Actor
		in   desk.JobSuggestion
		want deadletter.Kind
	}{
		"a job by a viewer": {viewer, replay, deadletter.Forbidden},
		"of another source": {limited, replay, deadletter.Conflict},
		"a broken recipe": {
			claude, desk.JobSuggestion{Action: deadletter.ActEdit, Recipe: merge("{"), Why: "y"}, deadletter.Invalid,
		},
		"nothing to do at once": {claude, desk.JobSuggestion{Action: deadletter.ActProbe, Why: "y"}, deadletter.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := b.SuggestJob(b.ctx, c.by, c.in); deadletter.KindOf(err) != c.want {
				t.Errorf("%v", err)
			}
		})
	}
	for range deadletter.MaxSuggestions {
		if _, err := b.Suggest(t.Context(), claude, note); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Suggest(t.Context(), claude, note); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("one too many: %v", err)
	}
	_, _, err := b.SuggestJob(t.Context(), claude, replay)
	if deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a job too many: %v", err)
	}
}

// Who is limited to some sources neither sees nor decides a suggestion about another one.
func TestSuggestionsOfOtherSourcesAreNotReached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	note, err := b.Suggest(t.Context(), claude, deadletter.Suggestion{
		Kind: deadletter.SuggestNote, Cause: m.Fingerprint, Note: "The id is gone.", Why: "All lack it.",
	})
	if err != nil {
		t.Fatal(err)
	}
	job, j, err := b.SuggestJob(t.Context(), claude, desk.JobSuggestion{
		Action: deadletter.ActReplay, Of: desk.Choice{IDs: []string{string(m.ID)}}, Why: "The handler is back.",
	})
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]deadletter.Kind{"cxone": deadletter.NotFound, "genesys": 0} {
		by := anna
		by.Sources = deadletter.NamesOf([]string{source})
		reads := map[string]error{}
		_, reads["the note"] = b.Suggestion(t.Context(), by, note.ID)
		_, reads["the job"] = b.Suggestion(t.Context(), by, job.ID)
		_, reads["of the job"] = b.SuggestionOfJob(t.Context(), by, j.ID)
		if source == "cxone" {
			reads["started"] = b.StartSuggestion(t.Context(), by, note.ID, 0)
			reads["dismissed"] = b.DismissSuggestion(t.Context(), by, job.ID)
		}
		for name, err := range reads {
			if err == nil && want != 0 || err != nil && deadletter.KindOf(err) != want {
				t.Errorf("%s for %s: %v", name, source, err)
			}
		}
		list, err := b.OpenSuggestions(t.Context(), by, "")
		if err != nil || (len(list) == 2) != (want == 0) || want != 0 && len(list) != 0 {
			t.Errorf("%s lists %+v, %v", source, list, err)
		}
	}
}

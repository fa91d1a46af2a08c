package desk_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

func TestScopeOfADraftNamesDestinationsAndCauses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var refs []desk.Ref
	for i := range 5 {
		c := desktest.Failure(fmt.Sprintf("s-%d", i), 422, b.clock.Now())
		if i > 2 {
			c.Source, c.Destination = "cxone", "http://127.0.0.1:9090/cxone"
		}
		desktest.Receive(t, b.store, c)
		refs = append(refs, desk.Ref{ID: c.ID})
	}
	id := b.draft(t, deadletter.ActReplay, refs...)
	scope, err := b.JobScope(t.Context(), b.job(t, id))
	if err != nil {
		t.Fatal(err)
	}
	if len(scope.Targets) != 2 || scope.Targets[0].Messages != 3 || scope.Targets[1].Source != "cxone" {
		t.Errorf("it goes to %+v", scope.Targets)
	}
	if len(scope.Causes) != 2 || scope.Causes[0].Messages != 3 || scope.MoreCauses > 0 {
		t.Errorf("its causes are %+v", scope.Causes)
	}
	for _, entered := range []int{0, 4} {
		err := b.StartJob(t.Context(), anna, id, deadletter.JobInput{Count: entered})
		if deadletter.KindOf(err) != deadletter.NeedsConfirmation || deadletter.FieldOf(err) != deadletter.FieldCount {
			t.Errorf("%d is entered: %v", entered, err)
		}
	}
	if err := b.StartJob(t.Context(), anna, id, deadletter.JobInput{Count: 5}); err != nil {
		t.Error(err)
	}
	if scope, err := b.JobScope(t.Context(), b.job(t, b.draft(t, deadletter.ActArchive, refs...))); err != nil ||
		len(scope.Asks) > 0 || len(scope.Targets) > 0 {
		t.Errorf("a job that sends nothing has %+v, %v", scope, err)
	}
}

func TestNumberIsAskedForBeyondASlip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action       deadletter.Action
		messages     int
		destinations int
		asks         bool
	}{
		{deadletter.ActReplay, 500, 1, false},
		{deadletter.ActReplay, 501, 1, true},
		{deadletter.ActReplay, 2, 2, true},
		{deadletter.ActRedrive, 501, 1, true},
		{deadletter.ActArchive, 5000, 3, false},
	} {
		j := deadletter.Job{Action: c.action, Items: deadletter.JobItems{Pending: c.messages}}
		if got := slices.Contains(j.Asks(c.destinations), deadletter.FieldCount); got != c.asks {
			t.Errorf("%+v", c)
		}
	}
}

// A draft asks for what a start is refused without, and for nothing else.
func TestDraftAsksForWhatAStartIsRefusedWithout(t *testing.T) {
	t.Parallel()
	anna := deadletter.User("anna", deadletter.Operator, "")
	for _, action := range []deadletter.Action{
		deadletter.ActReplay, deadletter.ActEdit, deadletter.ActRedrive, deadletter.ActEditRedrive, deadletter.ActArchive,
		deadletter.ActRestore,
	} {
		for unknown := range 2 {
			for overtaken := range 2 {
				j := deadletter.Job{
					Action: action, State: deadletter.JobDraft, Unknown: unknown, Overtaken: overtaken,
					Items: deadletter.JobItems{Pending: 2},
				}
				in, refused := deadletter.JobInput{Reason: "fix"}, []string(nil)
				for {
					_, err := j.Start(anna, in, time.Now())
					if err == nil {
						break
					}
					field := deadletter.FieldOf(err)
					if deadletter.KindOf(err) != deadletter.NeedsConfirmation || slices.Contains(refused, field) {
						t.Fatalf("%s: %v", action, err)
					}
					refused = append(refused, field)
					in.ConfirmUnknown = in.ConfirmUnknown || field == deadletter.FieldConfirm
					if field == deadletter.FieldOrder {
						in.Order = deadletter.OrderSend
					}
				}
				if got := j.Asks(1); !slices.Equal(got, refused) {
					t.Errorf("%s, %d unknown, %d overtaken: asks for %q, is refused for %q",
						action, unknown, overtaken, got, refused)
				}
			}
		}
	}
}

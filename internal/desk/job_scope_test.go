package desk_test

import (
	"fmt"
	"testing"

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
		scope.AsksCount || len(scope.Targets) > 0 {
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
		if j.AsksCount(c.destinations) != c.asks {
			t.Errorf("%+v", c)
		}
	}
}

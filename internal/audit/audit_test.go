package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/audit"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"
)

var order = audit.Order{By: "Ana Ruiz", Reason: "disk failed, restored the backup of 03:00"}

// An order makes the trail verify again after tampering of every kind. The faults stay in the report,
// and a later change of the accepted part is noticed.
func TestAcceptedGapStaysVisible(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"row changed", "row deleted in the middle", "all rows deleted with the head", "older database restored",
		"trigger replaced", "seal deleted", "seal forged with another key",
	} {
		c := tamperings()[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := closedDesk(t)
			c.do(t, d)
			end, err := d.folder().Accept(t.Context(), order)
			if err != nil {
				t.Fatal(err)
			}
			d.expectAccepted(t, end, store.ActionAccept)
			if end.Sequence != 9 && !strings.HasPrefix(name, "seal") {
				t.Errorf("the acceptance is event %d: numbers of removed events are used again", end.Sequence)
			}
			if _, err := d.folder().Accept(t.Context(), order); deadletter.KindOf(err) != deadletter.Conflict {
				t.Errorf("a second acceptance says %v", err)
			}
			d.open(t)
			d.record(t, 1)
			d.close(t)
			d.sql(
				t,
				noTriggers(`UPDATE audit_events SET by = 'mallory' WHERE seq = (SELECT min(seq) FROM audit_events)`)...)
			d.expectFault(t, "of the audit trail") // was changed, or its acceptance of missing ones was
		})
	}
}

// expectAccepted expects a trail that verifies, up to an event that says who accepted what and why.
func (d *desk) expectAccepted(t *testing.T, end deadletter.Mark, action string) {
	t.Helper()
	report, err := d.folder().Verify(t.Context(), end)
	if err != nil || !report.End.Is(end) {
		t.Fatalf("after the order the trail says %+v, %v", report, err)
	}
	d.open(t)
	d.record(t, 1)
	d.checker.Verify(t.Context())
	if got := d.checker.Latest(); got.Fault != "" || d.log.Len() > 0 {
		t.Errorf("after the order the program says %+v: %s", got, d.log)
	}
	page, err := d.store.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: action}, Limit: 2})
	d.close(t)
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the trail has %+v, %v", page.Items, err)
	}
	e := page.Items[0]
	if e.Sequence != end.Sequence || e.Reason != order.Reason || !strings.Contains(string(e.After), order.By) {
		t.Errorf("the event is %+v, with %s", e, e.After)
	}
}

func TestIntactTrailCannotBeAccepted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.folder().Accept(t.Context(), order); err != nil && deadletter.KindOf(err) != deadletter.Conflict {
		t.Error(err)
	}
	d.close(t)
	for _, o := range []audit.Order{
		{}, {By: "Ana"}, {Reason: "x"}, {By: " ", Reason: "x"}, {By: "Ana", Reason: strings.Repeat("x", 1001)},
	} {
		if _, err := d.folder().Accept(t.Context(), o); deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := d.folder().Rekey(t.Context(), o); deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestOrdersNeedTheFolderForThemselves(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.dir.Lock(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.dir.Unlock() }()
	d.remove(t, store.SealFile)
	if _, err := d.folder().Accept(t.Context(), order); !errors.Is(err, server.ErrLocked) {
		t.Errorf("accepting says %v", err)
	}
	if _, err := d.folder().Rekey(t.Context(), order); !errors.Is(err, server.ErrLocked) {
		t.Errorf("re-keying says %v", err)
	}
}

// A new key closes the old part of the trail as it is: what the old key said about it is in the event.
func TestRekey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(t *testing.T, d *desk)
		note string
		kept int // old keys
	}{
		"lost": {
			func(t *testing.T, d *desk) { t.Helper(); d.remove(t, "audit.key") },
			"the audit key is missing", 0,
		},
		"known":       {func(*testing.T, *desk) {}, "intact under the old key up to 8:", 1},
		"cut":         {func(t *testing.T, d *desk) { t.Helper(); d.write(t, "audit.key", "short") }, "has 5 bytes", 1},
		"row changed": {tamperings()["row changed"].do, "under the old key: event 4", 1},
		"swapped":     {tamperings()["key swapped"].do, "under the old key: no event", 1},
		"seal and key lost": {func(t *testing.T, d *desk) {
			t.Helper()
			d.remove(t, "audit.key")
			d.remove(t, store.SealFile)
		}, "the audit key is missing", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := closedDesk(t)
			before, err := d.folder().Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.do(t, d)
			end, err := d.folder().Rekey(t.Context(), order)
			if err != nil {
				t.Fatal(err)
			}
			d.expectAccepted(t, end, store.ActionRekey)
			old, err := filepath.Glob(d.file("audit.key.*"))
			if err != nil || len(old) != c.kept {
				t.Errorf("%d old keys are in the folder: %v", len(old), err)
			}
			report, err := d.folder().Verify(t.Context())
			if err != nil || len(report.Accepted) != 1 ||
				!strings.Contains(string(report.Accepted[0].By.After), c.note) {
				t.Fatalf("the report is %+v, %v; want the note %q", report, err, c.note)
			}
			if found := report.Accepted[0].Found(); len(found) != 1 || !strings.Contains(found[0], "events 1 to 8") {
				t.Errorf("the event says %q", found)
			}
			if facts := string(report.Accepted[0].By.After); name == "lost" && !strings.Contains(facts, `"seal":"8:`) {
				t.Errorf("the event does not say what the seal named: %s", facts)
			}
			if gaps := report.Accepted[0].Gaps; len(gaps) != 1 || gaps[0] != (store.AuditGap{From: 1, To: 8}) {
				t.Errorf("the gap of trust is %v", gaps)
			}
			if _, err := d.folder().
				Verify(t.Context(), before.End); err == nil ||
				!strings.Contains(err.Error(), "cannot be verified") {
				t.Errorf("a mark from before the new key: %v", err)
			}
			d.sql(t, noTriggers(`UPDATE audit_events SET by = 'mallory' WHERE seq = 2`)...)
			d.expectFault(t, "changed outside dlqdesk")
		})
	}
}

func TestWrittenDownMark(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	report, err := d.folder().Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.record(t, 3)
	if _, err := d.folder().Verify(t.Context(), report.End); err != nil {
		t.Errorf("a mark of earlier: %v", err)
	}
	d.close(t)
	tamperings()["older database restored with its seal"].do(t, d)
	if _, err := d.folder().Verify(t.Context()); err != nil {
		t.Errorf("without the mark: %v", err)
	}
	_, err = d.folder().Verify(t.Context(), report.End)
	if fault, ok := errors.AsType[*store.ChainFault](err); !ok ||
		!strings.Contains(fault.What, "does not contain event 8") {
		t.Errorf("with the mark: %v", err)
	}
}

// A store of a version without a seal file gets one at its first start, without an alarm. After that it needs it.
func TestStoreOfAnOlderVersionGetsItsSeal(t *testing.T) {
	t.Parallel()
	d := closedDesk(t)
	d.makeOld(t)
	d.expectFault(t, "")
	d.remove(t, store.SealFile)
	d.expectFault(t, "") // nothing was recorded since: it may still be the older version's
	d.open(t)
	d.record(t, 1)
	d.close(t)
	d.remove(t, store.SealFile)
	d.expectFault(t, "audit.seal is missing")
}

// makeOld makes the folder as a version without seal files leaves it.
func (d *desk) makeOld(t *testing.T) {
	t.Helper()
	key, err := os.ReadFile(d.file("audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := d.folder().Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE audit_head SET seal = ?`, report.End.Seal(key, deadletter.SealOfOldHead))
	d.remove(t, store.SealFile)
}

// An older version's trail that was emptied before the first start is not taken for a new one.
func TestEmptiedStoreOfAnOlderVersionIsNoticed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	err := d.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.AddUser(
			ctx,
			store.User{Name: "anna", Role: deadletter.Admin, CreatedAt: at},
			deadletter.Event{At: at},
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	d.close(t)
	d.makeOld(t)
	again := d.triggers(t)
	d.sql(t, append(noTriggers(`DELETE FROM audit_events`, `DELETE FROM audit_head`), again...)...)
	d.expectFault(t, "audit.seal is missing")
}

// Checks by the program and by a command find no fault while events and the seal are written.
func TestChecksBesideWritesRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.recordTogether(t, 2000)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				d.record(t, 1)
				if err := d.store.SaveSeal(); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for range 4 {
		d.checker.Check(t.Context())
		d.checker.Verify(t.Context())
		if _, err := d.folder().Verify(t.Context()); err != nil {
			t.Errorf("the command says %v", err)
		}
	}
	close(stop)
	<-done
	if got := d.checker.Latest(); got.Fault != "" || got.Events < 2008 {
		t.Errorf("the program says %q of %d events", got.Fault, got.Events)
	}
}

package desk_test

import (
	"context"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// A person who sends a message after newer events of the same thing confirms that, besides that it may have been
// processed.
func TestLateMessageIsSentOnceThatIsConfirmed(t *testing.T) {
	t.Parallel()
	edit := func(confirm desk.SendCommand) desk.Edit {
		return desk.Edit{Body: []byte(`{}`), Reason: "add id", Confirm: confirm}
	}
	for name, send := range map[string]func(b bundle, ref desk.Ref, confirm desk.SendCommand) (desk.View, error){
		"replay": func(b bundle, ref desk.Ref, confirm desk.SendCommand) (desk.View, error) {
			return b.Replay(b.ctx, anna, ref, confirm)
		},
		"redrive": func(b bundle, ref desk.Ref, confirm desk.SendCommand) (desk.View, error) {
			return b.Redrive(b.ctx, anna, ref, confirm)
		},
		"edit and replay": func(b bundle, ref desk.Ref, confirm desk.SendCommand) (desk.View, error) {
			return b.EditAndReplay(b.ctx, anna, ref, edit(confirm))
		},
		"edit and redrive": func(b bundle, ref desk.Ref, confirm desk.SendCommand) (desk.View, error) {
			return b.EditAndRedrive(b.ctx, anna, ref, edit(confirm))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			m := b.receive(t, "a-1", func(c *deadletter.Capture) {
				c.OrderKey, c.Queue.ConfigName = 7, "orders"
				c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode = deadletter.Unknown, 0
			})
			events := []store.DeliveredEvent{{Key: 7, ReceivedAt: m.ReceivedAt.Add(time.Second)}}
			err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				return tx.AddDelivered(ctx, events)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, asks := range []struct {
				confirm desk.SendCommand
				field   string
			}{
				{desk.SendCommand{}, deadletter.FieldConfirm},
				{desk.SendCommand{ConfirmNewer: true}, deadletter.FieldConfirm},
				{desk.SendCommand{ConfirmUnknown: true}, deadletter.FieldNewer},
			} {
				_, err := send(b, ref(m), asks.confirm)
				if deadletter.KindOf(err) != deadletter.NeedsConfirmation || deadletter.FieldOf(err) != asks.field {
					t.Errorf("%+v is answered by %v (%s)", asks.confirm, err, deadletter.FieldOf(err))
				}
			}
			if _, err := send(b, ref(m), desk.SendCommand{ConfirmUnknown: true, ConfirmNewer: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMessageSaysHowManyNewerEventsWereDelivered(t *testing.T) {
	t.Parallel()
	for text, n := range map[string]deadletter.Newer{
		"1 newer event of this conversation was delivered":          {Count: 1, Thing: "conversation"},
		"3 newer events of this case were delivered":                {Count: 3, Thing: "case"},
		"100 or more newer events of this order key were delivered": {Count: 100, AtLeast: true},
	} {
		if n.String() != text {
			t.Errorf("%+v is %q", n, n)
		}
		if err := n.CheckConfirmed(true); err != nil {
			t.Error(err)
		}
		if err := n.CheckConfirmed(false); deadletter.FieldOf(err) != deadletter.FieldNewer {
			t.Errorf("%+v: %v", n, err)
		}
	}
	if err := (deadletter.Newer{}).CheckConfirmed(false); err != nil {
		t.Error(err)
	}
}

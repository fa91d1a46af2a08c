package desk_test

import (
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// input is the part of an order that may be missing.
type input struct {
	noReason  bool
	confirmed bool
}

func (in input) reason() string {
	if in.noReason {
		return " "
	}
	return "known fault"
}

// order gives one of the orders for a message.
type order func(b bundle, by deadletter.Actor, ref desk.Ref, in input) (desk.View, error)

func orders() map[string]order {
	edit := func(in input) desk.Edit {
		return desk.Edit{
			Body:    []byte(`{}`),
			Reason:  in.reason(),
			Confirm: desk.SendCommand{ConfirmUnknown: in.confirmed},
		}
	}
	return map[string]order{
		"replay": func(b bundle, by deadletter.Actor, ref desk.Ref, in input) (desk.View, error) {
			return b.Replay(b.ctx, by, ref, desk.SendCommand{ConfirmUnknown: in.confirmed})
		},
		"redrive": func(b bundle, by deadletter.Actor, ref desk.Ref, in input) (desk.View, error) {
			return b.Redrive(b.ctx, by, ref, desk.SendCommand{ConfirmUnknown: in.confirmed})
		},
		"edit and replay": func(b bundle, by deadletter.Actor, ref desk.Ref, in input) (desk.View, error) {
			return b.EditAndReplay(b.ctx, by, ref, edit(in))
		},
		"edit and redrive": func(b bundle, by deadletter.Actor, ref desk.Ref, in input) (desk.View, error) {
			return b.EditAndRedrive(b.ctx, by, ref, edit(in))
		},
		"archive": func(b bundle, by deadletter.Actor, ref desk.Ref, in input) (desk.View, error) {
			return b.Archive(b.ctx, by, ref, in.reason())
		},
		"restore": func(b bundle, by deadletter.Actor, ref desk.Ref, _ input) (desk.View, error) {
			return b.Restore(b.ctx, by, ref)
		},
	}
}

func callers() map[string]deadletter.Actor {
	return map[string]deadletter.Actor{
		"operator": anna,
		"admin":    deadletter.User("ada", deadletter.Admin, "192.0.2.1"),
		"token":    {Kind: deadletter.ActorToken, Name: "deploy", Role: deadletter.Operator},
		"system":   deadletter.System(),
	}
}

// unknown receives a message of the queue orders whose handler never answered.
func (b bundle) unknown(t *testing.T, id string) deadletter.Message {
	t.Helper()
	return b.receive(t, id, func(c *deadletter.Capture) {
		c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode = deadletter.Unknown, 0
		c.Queue.ConfigName, c.Foreign = "orders", true
	})
}

func TestReplayOfUnknownOutcomeNeedsConfirmation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for caller, by := range callers() {
		for name, do := range orders() {
			if name == "archive" || name == "restore" {
				continue // nothing is sent
			}
			t.Run(caller+" "+name, func(t *testing.T) {
				m := b.unknown(t, caller+"-"+name)
				v, err := do(b, by, ref(m), input{})
				if deadletter.KindOf(err) != deadletter.NeedsConfirmation ||
					deadletter.FieldOf(err) != deadletter.FieldConfirm {
					t.Errorf("without a confirmation: %v", err)
				}
				if v.Message.Status != deadletter.Failed || v.Message.Version != 0 {
					t.Errorf("it returns %+v", v.Message)
				}
				v, err = do(b, by, ref(m), input{confirmed: true})
				if err != nil || v.Message.Status != deadletter.Replaying || v.Message.Version != 1 {
					t.Errorf("with one: %v, %+v", err, v.Message)
				}
			})
		}
	}
}

func TestActionWithoutReasonIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for caller, by := range callers() {
		for _, name := range []string{"archive", "edit and replay", "edit and redrive"} {
			t.Run(caller+" "+name, func(t *testing.T) {
				m := b.unknown(t, caller+"-"+name)
				v, err := orders()[name](b, by, ref(m), input{noReason: true, confirmed: true})
				if deadletter.KindOf(err) != deadletter.Invalid || deadletter.FieldOf(err) != deadletter.FieldReason {
					t.Errorf("without a reason: %v", err)
				}
				if v.Message.Status != deadletter.Failed || v.Message.Version != 0 {
					t.Errorf("it returns %+v", v.Message)
				}
			})
		}
	}
}

func TestJobNeedsReasonAndConfirmation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	patch := deadletter.Recipe{Text: `{"id":1}`}
	for caller, by := range callers() {
		for action, in := range map[deadletter.Action]deadletter.JobInput{
			deadletter.ActReplay:      {ConfirmUnknown: true},
			deadletter.ActRedrive:     {ConfirmUnknown: true},
			deadletter.ActEdit:        {ConfirmUnknown: true, Reason: "known fault", Recipe: patch},
			deadletter.ActEditRedrive: {ConfirmUnknown: true, Reason: "known fault", Recipe: patch},
			deadletter.ActArchive:     {Reason: "known fault"},
		} {
			t.Run(caller+" "+string(action), func(t *testing.T) {
				id := b.draft(t, action, ref(b.unknown(t, caller+"-"+string(action))))
				refused := func(kind deadletter.Kind, field string, less deadletter.JobInput) {
					t.Helper()
					err := b.StartJob(t.Context(), by, id, less)
					if deadletter.KindOf(err) != kind || deadletter.FieldOf(err) != field {
						t.Errorf("started with %+v: %v", less, err)
					}
				}
				if in.ConfirmUnknown {
					less := in
					less.ConfirmUnknown = false
					refused(deadletter.NeedsConfirmation, deadletter.FieldConfirm, less)
				}
				if in.Reason != "" {
					less := in
					less.Reason = " "
					refused(deadletter.Invalid, deadletter.FieldReason, less)
				}
				if err := b.StartJob(t.Context(), by, id, in); err != nil {
					t.Errorf("with all it needs: %v", err)
				}
			})
		}
	}
}

// A page greys a button out for the error that the order itself returns.
func TestViewRefusesTheSameActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	messages := map[string]deadletter.Message{
		"webhook": b.receive(t, "w-1", nil),
		"unnamed": b.receive(t, "u-1", func(c *deadletter.Capture) { c.Source = "" }),
		"gone":    b.receive(t, "g-1", func(c *deadletter.Capture) { c.Source = "gone" }),
		"queued": b.receive(
			t, "q-1", func(c *deadletter.Capture) { c.Queue.ConfigName, c.Source, c.Foreign = "orders", "", true },
		),
		"dropped": b.receive(t, "d-1", func(c *deadletter.Capture) { c.Queue.ConfigName, c.Foreign = "dropped", true }),
	}
	archived := b.receive(t, "a-1", nil)
	v, err := b.Archive(t.Context(), bert, ref(archived), "known fault")
	if err != nil {
		t.Fatal(err)
	}
	messages["archived"] = v.Message
	flight, err := b.Replay(t.Context(), bert, ref(b.receive(t, "f-1", nil)), desk.SendCommand{})
	if err != nil {
		t.Fatal(err)
	}
	messages["in flight"] = flight.Message
	actions := map[string]deadletter.Action{
		"replay":           deadletter.ActReplay,
		"redrive":          deadletter.ActRedrive,
		"archive":          deadletter.ActArchive,
		"edit and replay":  deadletter.ActEdit,
		"edit and redrive": deadletter.ActEditRedrive,
		"restore":          deadletter.ActRestore,
	}
	for _, by := range []deadletter.Actor{anna, vera, noone} {
		for which, m := range messages {
			for name, act := range actions {
				want := b.View(by, m).Refused[act]
				if want == nil {
					continue // the order would change the message for the ones after it
				}
				t.Run(string(by.Role)+" "+which+" "+name, func(t *testing.T) {
					_, got := orders()[name](b, by, ref(m), input{confirmed: true})
					if deadletter.KindOf(got) != deadletter.KindOf(want) ||
						deadletter.TextOf(got) != deadletter.TextOf(want) {
						t.Errorf("the view refuses it with %v, the order with %v", want, got)
					}
				})
			}
		}
	}
}

func TestViewPermitsTheSameActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, act := range map[string]deadletter.Action{
		"replay": deadletter.ActReplay, "edit and replay": deadletter.ActEdit, "archive": deadletter.ActArchive,
		"redrive": deadletter.ActRedrive, "edit and redrive": deadletter.ActEditRedrive,
	} {
		t.Run(name, func(t *testing.T) {
			m := b.unknown(t, "m-"+name)
			v := b.View(anna, m)
			if v.Refused[act] != nil || v.RedrivesTo != "orders" {
				t.Fatalf("it is refused: %v, and redrives to %q", v.Refused[act], v.RedrivesTo)
			}
			if _, err := orders()[name](b, anna, ref(m), input{confirmed: true}); err != nil {
				t.Errorf("the order is refused: %v", err)
			}
		})
	}
}

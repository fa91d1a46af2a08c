package deadletter_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func anySource(string) bool { return true }

// Who may make which token: never one that may do more than its maker, and of a machine only who manages users.
func TestNewTokenIsAllowedByRole(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		by      deadletter.Role
		token   deadletter.Role
		machine bool
		kind    deadletter.Kind
		field   string
	}{
		{by: deadletter.Viewer, token: deadletter.Viewer},
		{by: deadletter.Viewer, token: deadletter.Operator, kind: deadletter.Invalid, field: deadletter.FieldTokenRole},
		{by: deadletter.Operator, token: deadletter.Viewer},
		{by: deadletter.Operator, token: deadletter.Admin, kind: deadletter.Invalid, field: deadletter.FieldTokenRole},
		{by: deadletter.Operator, token: deadletter.Viewer, machine: true, kind: deadletter.Forbidden},
		{by: deadletter.Admin, token: deadletter.Admin, machine: true},
		{by: deadletter.Admin, token: "owner", kind: deadletter.Invalid, field: deadletter.FieldTokenRole},
	} {
		in := deadletter.TokenInput{Name: "ci", Machine: c.machine, Role: c.token, Days: 30}
		change, err := deadletter.NewToken(deadletter.User("anna", c.by, ""), deadletter.Token{}, in, anySource, at)
		if deadletter.KindOf(err) != c.kind && (err != nil || c.kind != 0) || deadletter.FieldOf(err) != c.field {
			t.Errorf("%s makes a token of %s (machine %v): %v", c.by, c.token, c.machine, err)
		}
		if err == nil && (change.After.Owner == "") != c.machine || err == nil && change.Event.Action != "token.add" {
			t.Errorf("it is %+v", change.After)
		}
	}
}

func TestTokenInputHasFaultsAtItsFields(t *testing.T) {
	t.Parallel()
	by := deadletter.User("anna", deadletter.Admin, "")
	good := deadletter.TokenInput{Name: "ci", Role: deadletter.Viewer}
	for field, change := range map[string]func(in *deadletter.TokenInput){
		deadletter.FieldTokenName:    func(in *deadletter.TokenInput) { in.Name = "  " },
		deadletter.FieldTokenSources: func(in *deadletter.TokenInput) { in.Sources = []string{"nowhere"} },
		deadletter.FieldTokenDays:    func(in *deadletter.TokenInput) { in.Days = -1 },
		deadletter.FieldTokenRole:    func(in *deadletter.TokenInput) { in.Role = "" },
	} {
		in := good
		change(&in)
		known := func(source string) bool { return source == "genesys" }
		if _, err := deadletter.NewToken(
			by,
			deadletter.Token{},
			in,
			known,
			time.Now(),
		); deadletter.FieldOf(err) != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, name := range []string{strings.Repeat("x", 61), "a\nb", "a\x00"} {
		in := good
		in.Name = name
		if _, err := deadletter.NewToken(
			by,
			deadletter.Token{},
			in,
			anySource,
			time.Now(),
		); deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("the name %q: %v", name, err)
		}
	}
}

// A token acts as its role and its user allow, in both names, while both are in force.
func TestTokenActsWithinItsUser(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	token := deadletter.Token{
		Name: "ci", Owner: "anna", Role: deadletter.Operator, Sources: []string{"cxone", "genesys"},
		ExpiresAt: at.Add(time.Hour),
	}
	anna := deadletter.Account{Name: "anna", Role: deadletter.Admin, HasPassword: true}
	by, err := token.Actor(anna, "192.0.2.7", at)
	if err != nil || by.Kind != deadletter.ActorToken || by.Name != "ci of anna" || by.Role != deadletter.Operator {
		t.Fatalf("it acts as %+v, %v", by, err)
	}
	if by.Reaches("genesys", "message 1") != nil || deadletter.KindOf(by.Reaches("other", "message 1")) !=
		deadletter.NotFound || by.ReachesAll() == nil {
		t.Error("it does not reach its sources alone")
	}
	anna.Role = deadletter.Viewer
	if by, err := token.Actor(anna, "", at); err != nil || by.Role != deadletter.Viewer {
		t.Errorf("of a viewer it acts as %+v, %v", by, err)
	}
	machine := deadletter.Token{Name: "robot", Role: deadletter.Operator}
	if by, err := machine.Actor(deadletter.Account{Deleted: true}, "", at); err != nil || by.Name != "robot" ||
		by.ReachesAll() != nil {
		t.Errorf("a machine acts as %+v, %v", by, err)
	}
	disabled, invited := anna, anna
	disabled.Disabled, invited.HasPassword = true, false
	revoked := token
	revoked.RevokedAt = at
	for name, refused := range map[string]error{
		"of a disabled user": second(token.Actor(disabled, "", at)),
		"of an invited user": second(token.Actor(invited, "", at)),
		"expired":            second(token.Actor(anna, "", at.Add(time.Hour))),
		"revoked":            second(revoked.Actor(anna, "", at)),
	} {
		if deadletter.KindOf(refused) != deadletter.Unauthenticated {
			t.Errorf("%s: %v", name, refused)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestTokenIsRevokedByItsUserOrAnAdmin(t *testing.T) {
	t.Parallel()
	at := time.Now()
	own := deadletter.Token{ID: 1, Name: "ci", Owner: "anna", Role: deadletter.Viewer}
	machine := deadletter.Token{ID: 2, Name: "robot", Role: deadletter.Viewer}
	for _, c := range []struct {
		token deadletter.Token
		by    deadletter.Actor
		kind  deadletter.Kind
	}{
		{own, deadletter.User("Anna", deadletter.Viewer, ""), 0},
		{own, deadletter.User("ben", deadletter.Operator, ""), deadletter.Forbidden},
		{own, deadletter.User("adam", deadletter.Admin, ""), 0},
		{own, deadletter.Actor{Kind: deadletter.ActorToken, Name: "anna", Role: deadletter.Operator}, deadletter.Forbidden},
		{machine, deadletter.User("", deadletter.Viewer, ""), deadletter.Unauthenticated},
		{machine, deadletter.User("ben", deadletter.Operator, ""), deadletter.Forbidden},
		{machine, deadletter.User("adam", deadletter.Admin, ""), 0},
	} {
		change, err := c.token.Revoke(c.by, at)
		if err == nil && (c.kind != 0 || change.After.InForce(at) || change.Event.Action != "token.revoke") ||
			err != nil && (c.kind == 0 || deadletter.KindOf(err) != c.kind) {
			t.Errorf("%s revokes %s: %v", c.by.Name, c.token.Name, err)
		}
		if err == nil {
			if _, err := change.After.Revoke(c.by, at); deadletter.KindOf(err) != deadletter.Conflict {
				t.Errorf("it is revoked twice: %v", err)
			}
		}
	}
}

// A token makes tokens of its user within its own limits, and ends those alone.
func TestTokenMakesNoneBeyondItself(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	anna := deadletter.Account{Name: "anna", Role: deadletter.Admin, HasPassword: true}
	open := deadletter.Token{ID: 1, Name: "ci", Owner: "anna", Role: deadletter.Operator}
	limited := open
	limited.Sources, limited.ExpiresAt = []string{"cxone", "genesys"}, at.AddDate(0, 0, 30)
	admin := open
	admin.Role = deadletter.Admin
	limitedAdmin := limited
	limitedAdmin.Role = deadletter.Admin
	machine := deadletter.Token{ID: 1, Name: "robot", Role: deadletter.Admin}
	assistant := open
	assistant.Assistant = true
	for name, c := range map[string]struct {
		with    deadletter.Token
		in      deadletter.TokenInput
		kind    deadletter.Kind // 0: it is made
		field   string
		expires time.Time
	}{
		"within it": {with: open, in: deadletter.TokenInput{Role: deadletter.Viewer, Days: 7}, expires: at.AddDate(0, 0, 7)},
		"as much":   {with: open, in: deadletter.TokenInput{Role: deadletter.Operator}},
		"a higher role": {
			with: open, in: deadletter.TokenInput{Role: deadletter.Admin},
			kind: deadletter.Invalid, field: deadletter.FieldTokenRole,
		},
		"of a machine": {
			with: open, in: deadletter.TokenInput{Role: deadletter.Viewer, Machine: true}, kind: deadletter.Forbidden,
		},
		"of a machine by an admin": {with: admin, in: deadletter.TokenInput{Role: deadletter.Admin, Machine: true}},
		"of a machine by a limited admin": {
			with: limitedAdmin, kind: deadletter.Forbidden,
			in: deadletter.TokenInput{Role: deadletter.Viewer, Machine: true, Sources: []string{"cxone"}},
		},
		"of a machine in a name of its own": {
			with: machine, in: deadletter.TokenInput{Role: deadletter.Viewer}, kind: deadletter.Forbidden,
		},
		"by an assistant": {
			with: assistant, in: deadletter.TokenInput{Role: deadletter.Viewer}, kind: deadletter.Forbidden,
		},
		"of all sources": {
			with: limited, in: deadletter.TokenInput{Role: deadletter.Viewer},
			kind: deadletter.Invalid, field: deadletter.FieldTokenSources,
		},
		"of another source": {
			with: limited, in: deadletter.TokenInput{Role: deadletter.Viewer, Sources: []string{"cxone", "acd"}},
			kind: deadletter.Invalid, field: deadletter.FieldTokenSources,
		},
		"of one of its sources": {
			with: limited, in: deadletter.TokenInput{Role: deadletter.Viewer, Sources: []string{"cxone"}},
			expires: limited.ExpiresAt,
		},
		"for longer": {
			with: limited, in: deadletter.TokenInput{Role: deadletter.Viewer, Sources: []string{"cxone"}, Days: 31},
			kind: deadletter.Invalid, field: deadletter.FieldTokenDays,
		},
	} {
		by, err := c.with.Actor(anna, "", at)
		if err != nil {
			t.Fatal(err)
		}
		c.in.Name = "made"
		change, err := deadletter.NewToken(by, c.with, c.in, anySource, at)
		if (err == nil) != (c.kind == 0) || err != nil && deadletter.KindOf(err) != c.kind ||
			deadletter.FieldOf(err) != c.field {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (!change.After.ExpiresAt.Equal(c.expires) || change.After.By != by.Name ||
			change.After.Owner == "" != c.in.Machine) {
			t.Errorf("%s: it is %+v", name, change.After)
		}
	}
	for name, c := range map[string]struct {
		with, token deadletter.Token
		may         bool
	}{
		"itself":               {limited, limited, true},
		"a machine itself":     {machine, machine, true},
		"one that may as much": {open, deadletter.Token{ID: 2, Name: "x", Owner: "Anna", Role: deadletter.Operator}, true},
		"one that may more":    {open, deadletter.Token{ID: 2, Name: "x", Owner: "anna", Role: deadletter.Admin}, false},
		"one of more sources":  {limited, deadletter.Token{ID: 2, Name: "x", Owner: "anna", Role: deadletter.Viewer}, false},
		"one of another":       {open, deadletter.Token{ID: 2, Name: "x", Owner: "ben", Role: deadletter.Viewer}, false},
		"as an administrator":  {admin, deadletter.Token{ID: 2, Name: "x", Owner: "ben", Role: deadletter.Admin}, true},
		"as a limited one":     {limitedAdmin, deadletter.Token{ID: 2, Name: "x", Owner: "ben", Role: deadletter.Admin}, false},
	} {
		by, err := c.with.Actor(anna, "", at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.token.Revoke(by, at); (err == nil) != c.may {
			t.Errorf("%s is revoked: %v", name, err)
		}
	}
}

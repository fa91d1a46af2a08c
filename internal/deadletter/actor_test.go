package deadletter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestRolesAndActions(t *testing.T) {
	t.Parallel()
	all := []deadletter.Role{deadletter.Viewer, deadletter.Operator, deadletter.Admin}
	workers := all[1:]
	may := map[deadletter.Action][]deadletter.Role{
		deadletter.ActView:    all,
		deadletter.ActReplay:  workers,
		deadletter.ActEdit:    workers,
		deadletter.ActArchive: workers,
		deadletter.ActRestore: workers,
		deadletter.ActProbe:   workers,
		deadletter.ActUsers:   {deadletter.Admin},
		deadletter.ActUnmask:  {deadletter.Admin},

		deadletter.ActAcknowledge: workers,
		deadletter.ActRedrive:     workers,
		deadletter.ActEditRedrive: workers,
		deadletter.ActSeparate:    workers,

		deadletter.ActClaim:      workers,
		deadletter.ActRelease:    workers,
		deadletter.ActMute:       workers,
		deadletter.ActUnmute:     workers,
		deadletter.ActKnown:      workers,
		deadletter.ActUnmark:     workers,
		deadletter.ActNote:       workers,
		deadletter.ActGroup:      workers,
		deadletter.ActGroupRules: {deadletter.Admin},
		deadletter.ActConfig:     {deadletter.Admin},
		deadletter.ActRules:      workers,
		deadletter.ActTestSink:   workers,
	}
	for _, action := range append(deadletter.Actions(), "launch") {
		for _, role := range append(slices.Clone(all), "", "root") {
			want := slices.Contains(may[action], role)
			if got := role.Allows(action); got != want {
				t.Errorf("%q allows %q: %t, want %t", role, action, got, want)
			}
			err := deadletter.User("anna", role, "").May(action)
			if (err == nil) != want || err != nil && deadletter.KindOf(err) != deadletter.Forbidden {
				t.Errorf("%q may %q: %v, want permitted %t", role, action, err, want)
			}
		}
		if len(may[action]) == 0 && action != "launch" {
			t.Errorf("nothing here says who may %q", action)
		}
	}
}

func TestMay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		actor deadletter.Actor
		act   deadletter.Action
		kind  deadletter.Kind
		text  string // empty: permitted
	}{
		{"nobody", deadletter.Actor{}, deadletter.ActView, deadletter.Unauthenticated, "sign in first"},
		{
			"a role without a name", deadletter.User("", deadletter.Admin, ""), deadletter.ActView,
			deadletter.Unauthenticated, "sign in first",
		},
		{
			"a viewer", deadletter.User("vera", deadletter.Viewer, ""), deadletter.ActReplay, deadletter.Forbidden,
			"a viewer may not replay: ask an admin",
		},
		{
			"an operator", deadletter.User("otto", deadletter.Operator, ""), deadletter.ActUsers,
			deadletter.Forbidden, "an operator may not manage users",
		},
		{
			"no role", deadletter.User("nora", "", ""), deadletter.ActView, deadletter.Forbidden,
			"a user without a role may not view",
		},
		{
			"a token",
			deadletter.Actor{Kind: deadletter.ActorToken, Name: "ci", Role: deadletter.Operator},
			deadletter.ActReplay, 0, "",
		},
		{"the system", deadletter.System(), deadletter.ActUsers, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.actor.May(c.act)
			if c.text == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if deadletter.KindOf(err) != c.kind || !strings.Contains(deadletter.TextOf(err), c.text) {
				t.Errorf("got kind %d %q, want kind %d %q", deadletter.KindOf(err), deadletter.TextOf(err), c.kind,
					c.text)
			}
		})
	}
}

func TestParseRole(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"viewer", "operator", "admin"} {
		t.Run(name, func(t *testing.T) {
			if role, err := deadletter.ParseRole(name); err != nil || string(role) != name {
				t.Errorf("role %q: got %q, %v", name, role, err)
			}
		})
	}
	for _, name := range []string{"", "Admin", "root", "viewer "} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			_, err := deadletter.ParseRole(name)
			if deadletter.KindOf(err) != deadletter.Invalid ||
				!strings.Contains(deadletter.TextOf(err), "viewer, operator or admin") {
				t.Errorf("role %q: %v, want Invalid with the roles listed", name, err)
			}
		})
	}
}

func TestPrintableCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "",
		"anna":                          "anna",
		"a\nb\x00":                      "a?b?",
		"annabelle":                     "annab",
		"annaé":                         "anna",
		"ann\xffa":                      "ann",
		strings.Repeat("\U000E0001", 9): "?????",
	} {
		if got := deadletter.Printable(text, 5); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

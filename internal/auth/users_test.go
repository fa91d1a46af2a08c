package auth_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// operator returns the actor of a user who may do the work of the desk.
func operator(name string) deadletter.Actor {
	return deadletter.User(name, deadletter.Operator, "192.0.2.1")
}

// tokenOf makes a token of a user and returns who a program with it is.
func (b bundle) tokenOf(t *testing.T, name string) deadletter.Actor {
	t.Helper()
	_, secret, err := b.AddToken(t.Context(), operator(name), deadletter.TokenInput{
		Name: "ci", Role: deadletter.Operator,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	by, _, err := b.ByToken(t.Context(), secret, "192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// runJob starts a job over one message in the name of an actor.
func (b bundle) runJob(t *testing.T, by deadletter.Actor) deadletter.JobID {
	t.Helper()
	m := desktest.Receive(t, b.store, desktest.Failure("a-"+by.Name, 422, b.clock.Now()))
	draft, err := deadletter.NewJob(by, deadletter.ActReplay, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	draft, err = b.store.DraftJob(t.Context(), draft, store.Filter{Source: m.Source})
	if err != nil {
		t.Fatal(err)
	}
	started, err := draft.Start(by, deadletter.JobInput{}, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	write := func(ctx context.Context, tx *store.Tx) error { return tx.ApplyJob(ctx, started) }
	if err := b.store.Write(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	return draft.ID
}

// ruleOn makes a rule that is on in the name of an actor.
func (b bundle) ruleOn(t *testing.T, by deadletter.Actor) (r deadletter.Rule) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		made, err := deadletter.NewRule(by, deadletter.RuleSpec{
			Name: "archive tests", Match: deadletter.RuleMatch{Source: "genesys", Code: "404"},
			Action: deadletter.ActArchive, Reason: "a test", PerHour: 1,
		}, 0, b.clock.Now())
		if err != nil {
			return err
		}
		if r, err = tx.ApplyRule(ctx, made); err != nil {
			return err
		}
		on, err := r.Switch(by, deadletter.RuleOn, r.Version, b.clock.Now())
		if err != nil {
			return err
		}
		r, err = tx.ApplyRule(ctx, on)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkJob checks whether a job was paused, and why; "": it runs.
func (b bundle) checkJob(t *testing.T, id deadletter.JobID, why string) {
	t.Helper()
	j, err := b.store.Job(t.Context(), id)
	if err != nil || j.PauseReason != why || (j.State == deadletter.JobPaused) != (why != "") {
		t.Errorf("the job of %s is %s: %q, %v", j.By.Name, j.State, j.PauseReason, err)
	}
}

// checkRule checks whether a rule was switched off for a reason.
func (b bundle) checkRule(t *testing.T, rule deadletter.Rule, off bool) {
	t.Helper()
	r, err := b.store.Rule(t.Context(), rule.ID)
	if err != nil || (r.State == deadletter.RuleOff) != off || (r.Why != "") != off {
		t.Errorf("the rule of %s is %s: %q, %v", r.By, r.State, r.Why, err)
	}
}

// Revoking a token stops what goes on with it in the same transaction. What its user or another token of theirs began
// goes on.
func TestRevokedTokenStopsItsJobsAndRules(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "olga", deadletter.Operator)
	token, another := b.tokenOf(t, "olga"), b.tokenOf(t, "olga")
	another.Name += " too" // so that the messages of their jobs have different ids
	job, rule := b.runJob(t, token), b.ruleOn(t, token)
	others := []deadletter.JobID{b.runJob(t, operator("olga")), b.runJob(t, another)}
	rules := []deadletter.Rule{b.ruleOn(t, operator("olga")), b.ruleOn(t, another)}
	if _, err := b.RevokeToken(t.Context(), operator("olga"), token.Token); err != nil {
		t.Fatal(err)
	}
	b.checkJob(t, job, "the token ci was revoked: an operator must take it over")
	b.checkRule(t, rule, true)
	for _, id := range others {
		b.checkJob(t, id, "")
	}
	for _, r := range rules {
		b.checkRule(t, r, false)
	}
}

// A change that takes rights away ends the sessions and stops the running jobs of this user in the same transaction.
// Those of other users go on.
func TestLosingRightsStopsSessionsAndJobs(t *testing.T) {
	t.Parallel()
	by := deadletter.CLI("root")
	for name, c := range map[string]struct {
		do    func(ctx context.Context, a *auth.Auth) error
		stops bool
		job   string // why it is paused
		event string
	}{
		"demoted": {func(ctx context.Context, a *auth.Auth) error {
			return a.SetRole(ctx, by, "OLGA", "viewer")
		}, true, "olga may no longer replay: an operator who may must resume it", "user.role by root"},
		"promoted": {func(ctx context.Context, a *auth.Auth) error {
			return a.SetRole(ctx, by, "olga", "admin")
		}, false, "", "user.role by root"},
		"disabled": {func(ctx context.Context, a *auth.Auth) error {
			return a.Disable(ctx, by, "Olga")
		}, true, "olga is disabled: another operator must resume it", "user.disable by root"},
		"deleted": {func(ctx context.Context, a *auth.Auth) error {
			return a.Delete(ctx, by, "olga", true)
		}, true, "olga is no longer a user: another operator must resume it", "user.delete by root"},
		"signed out": {func(ctx context.Context, a *auth.Auth) error {
			_, err := a.EndSessions(ctx, by, "olga")
			return err
		}, true, "", "user.end_sessions by root"},
		"another password": {func(ctx context.Context, a *auth.Auth) error {
			return a.SetPassword(ctx, by, "olga", "another long one")
		}, true, "", "user.set_password by root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, auth.Settings{})
			b.add(t, "adam", deadletter.Admin)
			b.add(t, "olga", deadletter.Operator)
			b.add(t, "otto", deadletter.Operator)
			olga, otto := b.person(t), b.person(t)
			olga.signIn("olga", password)
			otto.signIn("otto", password)
			token, tokenOfOther := b.tokenOf(t, "olga"), b.tokenOf(t, "otto")
			jobs := []deadletter.JobID{b.runJob(t, operator("olga")), b.runJob(t, token)}
			others := []deadletter.JobID{b.runJob(t, operator("otto")), b.runJob(t, tokenOfOther)}
			rules := []deadletter.Rule{b.ruleOn(t, operator("Olga")), b.ruleOn(t, token)}
			rulesOfOther := []deadletter.Rule{b.ruleOn(t, operator("otto")), b.ruleOn(t, tokenOfOther)}
			if err := c.do(t.Context(), b.Auth); err != nil {
				t.Fatal(err)
			}
			if got := olga.me(); (got == "") != c.stops {
				t.Errorf("olga's session is that of %q", got)
			}
			if otto.me() != "otto operator" {
				t.Error("otto's session has ended")
			}
			for _, id := range jobs {
				b.checkJob(t, id, c.job)
			}
			for _, id := range others {
				b.checkJob(t, id, "")
			}
			for _, r := range rules {
				b.checkRule(t, r, c.job != "")
			}
			for _, r := range rulesOfOther {
				b.checkRule(t, r, false)
			}
			if got := b.actions(t); !slices.Contains(got, c.event) {
				t.Errorf("the trail has %q", got)
			}
		})
	}
}

func TestDisabledUserCannotSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "adam", deadletter.Admin)
	b.add(t, "dora", deadletter.Viewer)
	admin := deadletter.User("adam", deadletter.Admin, "")
	if err := b.Disable(t.Context(), admin, "dora"); err != nil {
		t.Fatal(err)
	}
	p := b.person(t)
	if status, text := p.do("POST", "/in", url.Values{"name": {"dora"}, "password": {password}}); status != 403 ||
		!strings.Contains(text, "disabled: ask an administrator") || p.me() != "" {
		t.Errorf("signing in is answered %d %s", status, text)
	}
	if _, err := b.NewPasswordLink(t.Context(), admin, "dora"); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a link for a disabled user: %v", err)
	}
	if err := b.Enable(t.Context(), admin, "dora"); err != nil {
		t.Fatal(err)
	}
	if p.signIn("dora", password) != 200 {
		t.Error("an enabled user cannot sign in")
	}
}

func TestUnknownUsersAreNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "adam", deadletter.Admin)
	by := deadletter.CLI("root")
	for name, err := range map[string]error{
		"role":     b.SetRole(t.Context(), by, "bert", "viewer"),
		"disable":  b.Disable(t.Context(), by, "bert"),
		"enable":   b.Enable(t.Context(), by, "bert"),
		"delete":   b.Delete(t.Context(), by, "bert", true),
		"password": b.SetPassword(t.Context(), by, "bert", password),
	} {
		if deadletter.KindOf(err) != deadletter.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A user who is added again has nothing of the one who was deleted.
func TestDeletedUserLeavesNothingButTheTrail(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "adam", deadletter.Admin)
	b.add(t, "olga", deadletter.Operator)
	admin := deadletter.User("adam", deadletter.Admin, "")
	p := b.person(t)
	p.signIn("olga", password)
	link, err := b.NewPasswordLink(t.Context(), admin, "olga")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), admin, "olga", false); deadletter.KindOf(err) != deadletter.NeedsConfirmation {
		t.Fatalf("unconfirmed: %v", err)
	}
	if err := b.Delete(t.Context(), admin, "olga", true); err != nil {
		t.Fatal(err)
	}
	b.add(t, "olga", deadletter.Admin)
	if got := p.me(); got != "" {
		t.Errorf("the old session is that of %q", got)
	}
	if _, err := b.UserOfLink(t.Context(), link); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("the old link works: %v", err)
	}
	if got := b.actions(t); !slices.Contains(got, "user.sign_in by olga") {
		t.Errorf("the trail has %q", got)
	}
}

func TestPasswordLinkWorksOnceForADay(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "adam", deadletter.Admin)
	admin := deadletter.User("adam", deadletter.Admin, "192.0.2.1")
	replaced, err := b.AddUserByLink(t.Context(), admin, "olga", "operator")
	if err != nil {
		t.Fatal(err)
	}
	p := b.person(t)
	if p.signIn("olga", "") != 401 || p.signIn("olga", password) != 401 {
		t.Error("a user without a password signs in")
	}
	token, err := b.NewPasswordLink(t.Context(), admin, "OLGA")
	if err != nil {
		t.Fatal(err)
	}
	use := func(token, password string) int {
		status, _ := p.do("POST", "/link", url.Values{"token": {token}, "password": {password}})
		return status
	}
	for _, wrong := range []string{replaced, "", "guess"} {
		if status := use(wrong, password); status != 400 || p.me() != "" { // NotFound
			t.Errorf("token %q is answered %d", wrong, status)
		}
	}
	if use(token, "short") != 422 || use(token, "qwertyuiop1") != 422 {
		t.Error("a bad password is set")
	}
	if use(token, password) != 200 || p.me() != "olga operator" {
		t.Errorf("the link lets in %q", p.me())
	}
	if use(token, password) != 400 {
		t.Error("the link works twice")
	}
	late, err := b.NewPasswordLink(t.Context(), admin, "olga")
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Add(24*time.Hour + time.Second)
	if use(late, password) != 400 {
		t.Error("the link works after a day")
	}
	want := []string{
		"user.add by system", "user.add by adam", "user.password_link by adam", "user.password by olga",
		"user.sign_in by olga", "user.password_link by adam",
	}
	if got := b.actions(t); !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}

func TestOwnSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	b.add(t, "bert", deadletter.Viewer)
	here, there, elsewhere, bert := b.person(t), b.person(t), b.person(t), b.person(t)
	here.at("203.0.113.7").signIn("anna", password)
	there.at("198.51.100.1").signIn("anna", password)
	elsewhere.signIn("anna", password)
	bert.signIn("bert", password)
	_, text := here.do("GET", "/sessions", nil)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 3 || strings.Count(text, "true") != 1 || strings.Count(text, "Go-http-client") != 3 {
		t.Fatalf("the sessions are %q", text)
	}
	id := func(addr string) string {
		for _, line := range lines {
			if fields := strings.Fields(line); fields[1] == addr {
				return fields[0]
			}
		}
		t.Fatalf("no session from %s in %q", addr, text)
		return ""
	}
	if status, _ := bert.do("POST", "/sessions/end", url.Values{"id": {id("198.51.100.1")}}); status == 200 ||
		there.me() == "" {
		t.Errorf("bert ends a session of anna: %d", status)
	}
	if status, _ := here.do("POST", "/sessions/end", url.Values{"id": {id("198.51.100.1")}}); status != 200 ||
		there.me() != "" || elsewhere.me() == "" {
		t.Errorf("ending one session is answered %d", status)
	}
	if status, _ := here.do("POST", "/sessions/others", nil); status != 200 || here.me() == "" ||
		elsewhere.me() != "" ||
		bert.me() == "" {
		t.Errorf("ending the others is answered %d", status)
	}
	if got := b.actions(t); got[len(got)-1] != "user.end_sessions by anna" {
		t.Errorf("the trail has %q", got)
	}
}

// A request that is under way while its session is ended does not bring it back by what it stores.
func TestEndedSessionStaysEnded(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	p := b.person(t)
	p.signIn("anna", password)
	token := p.token()
	handler := b.Sessions(func(http.ResponseWriter, *http.Request, error) { t.Error("the store fails") })(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := b.EndSessions(r.Context(), deadletter.CLI("root"), "anna"); err != nil {
				t.Error(err)
			}
			b.PutFlash(r.Context(), auth.Flash{Kind: "done", Text: "stored after the end"})
		}))
	b.server.Config.Handler = handler
	p.do("GET", "/", nil)
	if _, found, err := b.store.SessionData(t.Context(), token, b.clock.Now()); found || err != nil {
		t.Errorf("the session is there again: %v", err)
	}
}

func TestCommonPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	for password, want := range map[string]string{
		"qwertyuiop": "common", "1234567890": "common", "QwertyUiop": "common", "1q2w3e4r5t": "common",
		"iloveyou123": "common", "P4ssw0rd2024!": "common", "!!dragon2024": "common", "sunshine99!!": "common",
		"monkeymonkey": "common", "Passwort123": "common", "letmein!!!1": "common", "trustno1trustno1": "common",
		"aaaaaaaaaaaaaa": "common", "1029384756": "common", "administrator": "common",
		"dlqdesk2026": "user name", "DLQdesk123": "user name", "bertram.lang1": "user name",
		"Bertram.Lang": "user name", "bertrambertram": "user name", "b3rtram.lang": "user name",
		"nine char": "at least 10", "short": "at least 10", strings.Repeat("x ", 101): "at most 200",
		"correct horse battery": "", "123456789ä": "", "dragon of the north": "", "Kx9#vLq2pW": "",
		"my dlqdesk is fine": "", "bertram eats plums": "", "zwölf Boxkämpfer": "", "tulip-93-ocean": "",
	} {
		err := b.CheckPassword("bertram.lang", password)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", password, err, want)
		}
		if err != nil && deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// A token that is revoked, by its user, an administrator or itself, takes those along that were made with it, each with
// its audit event and its jobs. Those that the user made otherwise stay.
func TestRevokedTokenEndsWhatWasMadeWithIt(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]func(token deadletter.Actor) deadletter.Actor{
		"its user":         func(deadletter.Actor) deadletter.Actor { return operator("olga") },
		"an administrator": func(deadletter.Actor) deadletter.Actor { return deadletter.User("ada", deadletter.Admin, "") },
		"itself":           func(token deadletter.Actor) deadletter.Actor { return token },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, auth.Settings{})
			b.add(t, "olga", deadletter.Operator)
			secrets := map[string]string{}
			add := func(by deadletter.Actor, name string) (deadletter.Actor, deadletter.TokenID) {
				t.Helper()
				token, secret, err := b.AddToken(t.Context(), by,
					deadletter.TokenInput{Name: name, Role: deadletter.Operator}, nil)
				if err != nil {
					t.Fatal(err)
				}
				secrets[name] = secret
				as, _, err := b.ByToken(t.Context(), secret, "")
				if err != nil {
					t.Fatal(err)
				}
				return as, token.ID
			}
			first, id := add(operator("olga"), "first")
			child, _ := add(first, "child")
			grandchild, _ := add(child, "grandchild")
			add(first, "sibling")
			add(operator("olga"), "another")
			job := b.runJob(t, grandchild)
			if ended, err := b.RevokeToken(t.Context(), who(first), id); err != nil || ended != 4 {
				t.Fatalf("%d ended, %v", ended, err)
			}
			for name, secret := range secrets {
				_, _, err := b.ByToken(t.Context(), secret, "")
				if (err == nil) != (name == "another") {
					t.Errorf("%s is answered %v", name, err)
				}
			}
			b.checkJob(t, job, "the token grandchild was revoked: an operator must take it over")
			reasons := map[string]string{}
			for _, e := range b.events(t) {
				if e.Action == "token.revoke" {
					reasons[e.Target] = e.Reason
				}
			}
			if len(reasons) != 4 || reasons["child"] != "made with the token first" ||
				reasons["grandchild"] != "made with the token child" {
				t.Errorf("the trail says %v", reasons)
			}
		})
	}
}

package acceptance_test

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/desk"
	"dlqdesk/web/docs"
)

// A surfaceOrder is what a person can have done, with the way to it on each surface. A way that there is none of says why:
// "none: …".
type surfaceOrder struct {
	does    []string // the methods of the desk or of auth that carry it out
	console string   // a route
	api     string   // the id of an operation
	cli     string   // a command
	mcp     string   // tools of assistants, which draft and never carry out
	cases   []surfaceCase
}

// A surfaceCase is one such order, as a form and as JSON. A $name in it stands for what the desk has of that name.
type surfaceCase struct {
	name string
	on   string // what it is about: the parameters of both addresses, as id=m-1&number=1
	form string
	json string
}

const (
	onePage   = "none: it is for pages alone"
	onServer  = "none: people do it on its page, or by the API"
	noDraft   = "none: assistants order nothing"
	readsOnly = "none: it changes nothing, and the API has lists for it"
)

// allOrders is the one table of everything that a person can order, and of the ways to it.
func allOrders() []surfaceOrder {
	return slices.Concat(
		messageOrders(),
		causeOrders(),
		jobOrders(),
		recipeAndRuleOrders(),
		peopleOrders(),
		pageOrders(),
	)
}

func messageOrders() []surfaceOrder {
	return []surfaceOrder{
		{
			[]string{"Desk.Replay"},
			"POST /messages/{id}/replay",
			"replay-message",
			"messages replay",
			noDraft,
			[]surfaceCase{
				{"failed", "id=m-1", "version=0&revision=0", `{"revision":0}`},
				{"unknown outcome", "id=m-unknown", "version=0&revision=0", `{}`},
				{
					"unknown outcome, confirmed",
					"id=m-unknown",
					"version=0&revision=0&confirmed=yes",
					`{"confirmUnknown":true}`,
				},
				{"archived", "id=m-archived", "version=1&revision=0", `{}`},
				{"no such revision", "id=m-1", "version=0&revision=9", `{"revision":9}`},
				{"no such message", "id=none", "version=0&revision=0", `{}`},
			},
		},
		{
			[]string{"Desk.Redrive"},
			"POST /messages/{id}/redrive", "redrive-message", "messages redrive", noDraft,
			[]surfaceCase{{"without a queue", "id=m-1", "version=0&revision=0", `{}`}},
		},
		{
			[]string{"Desk.ProbeWith"},
			"POST /messages/{id}/probe", "probe-message", onServer, noDraft,
			[]surfaceCase{{"failed", "id=m-1", "version=0&revision=0", `{}`}},
		},
		{
			[]string{"Desk.EditAndReplay", "Desk.EditAndRedrive"},
			"POST /messages/{id}/edit", "edit-message", "messages edit",
			noDraft,
			[]surfaceCase{
				{"failed", "id=m-1", "version=0&revision=0&body={}&reason=test", `{"body":"{}","reason":"test"}`},
				{"without a reason", "id=m-1", "version=0&revision=0&body={}&reason=", `{"body":"{}","reason":""}`},
				{
					"unknown outcome", "id=m-unknown", "version=0&revision=0&body={}&reason=test",
					`{"body":"{}","reason":"test"}`,
				},
				{
					"to no queue", "id=m-1", "version=0&revision=0&body={}&reason=test&then=redrive",
					`{"body":"{}","reason":"test","redrive":true}`,
				},
			},
		},
		{
			[]string{"Desk.Archive"},
			"POST /messages/{id}/archive", "archive-message", "messages archive", noDraft,
			[]surfaceCase{
				{"failed", "id=m-1", "version=0&reason=test", `{"reason":"test"}`},
				{"without a reason", "id=m-1", "version=0&reason=", `{}`},
				{"archived", "id=m-archived", "version=1&reason=test", `{"reason":"test"}`},
			},
		},
		{
			[]string{"Desk.Restore"},
			"POST /messages/{id}/restore", "restore-message", "messages restore", noDraft,
			[]surfaceCase{
				{"archived", "id=m-archived", "version=1", ""}, {"failed", "id=m-1", "version=0", ""},
			},
		},
		{
			[]string{"Desk.Unmask"},
			"POST /messages/{id}/unmask", "unmask-message", onServer, noDraft,
			[]surfaceCase{
				{"with a reason", "id=m-1", "reason=test", `{"reason":"test"}`},
				{"without a reason", "id=m-1", "reason=", `{"reason":""}`},
			},
		},
		{
			[]string{"Desk.MaskAgain"},
			"POST /messages/{id}/mask", "mask-message", onServer, noDraft,
			[]surfaceCase{{"masked", "id=m-1", "", ""}},
		},
		{
			[]string{"Desk.SendElsewhere"},
			"POST /messages/{id}/copy", "copy-message", onServer, noDraft,
			[]surfaceCase{{"to nowhere", "id=m-1", "version=0&to=nowhere", `{"to":"nowhere"}`}},
		},
		{
			[]string{"Desk.SendAllElsewhere"},
			"POST /messages/copy", "none: a request for each message", onServer, noDraft,
			nil,
		},
		{
			[]string{"Desk.Separate"},
			"POST /messages/{id}/arrivals/{arrival}/separate", "separate-arrival", onServer, noDraft,
			[]surfaceCase{{"no such arrival", "id=m-1&arrival=7&number=7", "", ""}},
		},
		{
			[]string{"Desk.Probe"},
			"POST /destinations/{source}/probe", "probe-source", onServer, noDraft,
			[]surfaceCase{
				{"nothing waits", "source=genesys&name=genesys", "", ""},
				{"not configured", "source=none&name=none", "", ""},
			},
		},
	}
}

func causeOrders() []surfaceOrder {
	return []surfaceOrder{
		{
			[]string{"Desk.Claim"},
			"POST /causes/{cause}/claim", "claim-cause", "causes claim", noDraft,
			[]surfaceCase{
				{"free", "cause=$cause&id=$cause", "version=0&for=4h", `{"hours":4}`},
				{"of another", "cause=$claimed&id=$claimed", "version=1&for=4h", `{"hours":4}`},
				{"no such cause", "cause=none&id=none", "version=0&for=4h", `{"hours":4}`},
			},
		},
		{
			[]string{"Desk.Release"},
			"POST /causes/{cause}/release", "release-cause", "causes release", noDraft,
			[]surfaceCase{
				{"free", "cause=$cause&id=$cause", "version=0", ""},
				{"of another", "cause=$claimed&id=$claimed", "version=1", ""},
			},
		},
		{
			[]string{"Desk.Mute"},
			"POST /causes/{cause}/mute", "mute-cause", "causes mute", "draft_mute",
			[]surfaceCase{
				{"until delivered", "cause=$cause&id=$cause", "version=0&delivered=yes", `{"untilDelivered":true}`},
				{"without end", "cause=$cause&id=$cause", "version=0", `{}`},
			},
		},
		{
			[]string{"Desk.Unmute"},
			"POST /causes/{cause}/unmute", "unmute-cause", "causes unmute", noDraft,
			[]surfaceCase{{"not muted", "cause=$cause&id=$cause", "version=0", ""}},
		},
		{
			[]string{"Desk.MarkKnown"},
			"POST /causes/{cause}/known", "known-cause", "causes known", noDraft,
			[]surfaceCase{{"by a ticket", "cause=$cause&id=$cause", "version=0&ticket=OPS-1", `{"ticket":"OPS-1"}`}},
		},
		{
			[]string{"Desk.Unmark"},
			"POST /causes/{cause}/unmark", "unmark-cause", "causes unmark", noDraft,
			[]surfaceCase{{"without a ticket", "cause=$cause&id=$cause", "version=0", ""}},
		},
		{
			[]string{"Desk.AddNote"},
			"POST /causes/{cause}/notes", "add-note", "causes note", "draft_note",
			[]surfaceCase{{"a text", "cause=$cause&id=$cause", "text=seen", `{"text":"seen"}`}},
		},
		{
			[]string{"Desk.EditNote"},
			"POST /causes/{cause}/notes/{note}", "edit-note", onServer, noDraft,
			[]surfaceCase{{"of olga", "cause=$cause&id=$cause&note=$note", "text=other", `{"text":"other"}`}},
		},
		{
			nil, "POST /causes/bulk", "none: a request for each cause", "none: a command for each cause", noDraft, nil,
		},
		{
			[]string{"Desk.MergeCauses"},
			"POST /causes/merge", "merge-causes", onServer, noDraft,
			[]surfaceCase{
				{"two", "", "cause=$claimed&into=$cause", `{"causes":["$claimed"],"into":"$cause"}`},
				{"with itself", "", "cause=$cause&into=$cause", `{"causes":["$cause"],"into":"$cause"}`},
			},
		},
		{
			[]string{"Desk.SplitCause", "Desk.TrySplit"},
			"POST /causes/split", "split-cause", onServer, noDraft,
			[]surfaceCase{
				{"nothing", "id=$cause", "cause=$cause&text=nowhere&title=T", `{"text":"nowhere","title":"T"}`},
			},
		},
		{
			nil, "", "try-split", onServer, noDraft,
			nil, // a button of the form of a split
		},
		{
			[]string{"Desk.AddGroupRule", "Desk.TryGroupRule"},
			"POST /causes/grouping", "add-group-rule", onServer, noDraft,
			[]surfaceCase{
				{
					"that joins", "", "kind=join&source=genesys&pattern=id .*&title=Ids",
					`{"kind":"join","source":"genesys","pattern":"id .*","title":"Ids"}`,
				},
				{
					"that is none", "", "kind=join&source=genesys&pattern=(&title=Ids",
					`{"kind":"join","source":"genesys","pattern":"(","title":"Ids"}`,
				},
			},
		},
		{nil, "", "try-group-rule", onServer, noDraft, nil},
		{
			[]string{"Desk.UndoGroupRule"},
			"POST /causes/grouping/{rule}/undo", "undo-group-rule", onServer, noDraft,
			[]surfaceCase{{"none", "rule=9&id=9", "", ""}},
		},
	}
}

func jobOrders() []surfaceOrder {
	draft := "job=$draft&id=$draft"
	return []surfaceOrder{
		{
			[]string{"Desk.Freeze", "Desk.FreezeSelected", "Desk.FreezeMatching"},
			"POST /messages/bulk", "draft-job", "jobs start", "draft_job",
			[]surfaceCase{
				{"an edit", "", "action=edit&item=m-1@0&back=status=all", `{"action":"edit","messages":["m-1"]}`},
				{"without messages", "", "action=edit&back=status=all", `{"action":"edit"}`},
			},
		},
		{
			[]string{"Desk.StartJob"},
			"POST /jobs/{job}/start", "start-job", "jobs start", noDraft,
			[]surfaceCase{
				{"a replay", draft, "", `{"allAtOnce":true}`},
				{"an edit without a recipe", "job=$edit&id=$edit", "reason=test", `{"reason":"test"}`},
				{"started", "job=$running&id=$running", "", `{"allAtOnce":true}`},
				{"unknown outcome", "job=$unknown&id=$unknown", "", `{"allAtOnce":true}`},
			},
		},
		{
			[]string{"Desk.PreviewRecipe"},
			"POST /jobs/{job}/preview", "preview-recipe", onServer, noDraft,
			[]surfaceCase{
				{"of an edit", "job=$edit&id=$edit", "kind=merge&patch={}", `{"recipe":{"kind":"merge","text":"{}"}}`},
				{"of a replay", draft, "kind=merge&patch={}", `{"recipe":{"kind":"merge","text":"{}"}}`},
			},
		},
		{
			[]string{"Desk.StartDryRun"},
			"POST /jobs/{job}/dry-run", "start-dry-run", onServer, "draft_recipe",
			[]surfaceCase{
				{"of an edit", "job=$edit&id=$edit", "kind=merge&patch={}", `{"recipe":{"kind":"merge","text":"{}"}}`},
				{"of a replay", draft, "kind=merge&patch={}", `{"recipe":{"kind":"merge","text":"{}"}}`},
			},
		},
		{
			[]string{"Desk.CancelDryRun"},
			"POST /jobs/{job}/dry-run/cancel", "cancel-dry-run", onServer, noDraft,
			[]surfaceCase{{"of a replay", draft, "", ""}},
		},
		{
			[]string{"Desk.SaveJobRecipe"},
			"POST /jobs/{job}/recipe", "save-job-recipe", onServer, noDraft,
			[]surfaceCase{
				{"of an edit", "job=$edited&id=$edited", "name=again", `{"name":"again"}`},
				{"of a replay", "job=$running&id=$running", "name=again", `{"name":"again"}`},
			},
		},
		{
			[]string{"Desk.PauseJob"},
			"POST /jobs/{job}/pause", "pause-job", "jobs pause", noDraft,
			[]surfaceCase{{"running", "job=$running&id=$running", "", ""}, {"a draft", draft, "", ""}},
		},
		{
			[]string{"Desk.ResumeJob"},
			"POST /jobs/{job}/resume",
			"resume-job",
			"jobs resume",
			noDraft,
			[]surfaceCase{
				{"running", "job=$running&id=$running", "", ""},
				{"paused", "job=$paused&id=$paused", "", ""},
			},
		},
		{
			[]string{"Desk.SetJobPace"},
			"POST /jobs/{job}/pace", "pace-job", onServer, noDraft,
			[]surfaceCase{
				{
					"running", "job=$running&id=$running", "rate=5&concurrency=2", `{"rate":5,"concurrency":2}`,
				},
				{"a draft", draft, "rate=5&concurrency=2", `{"rate":5,"concurrency":2}`},
			},
		},
		{
			[]string{"Desk.CancelJob"},
			"POST /jobs/{job}/cancel", "cancel-job", "jobs cancel", noDraft,
			[]surfaceCase{{"running", "job=$running&id=$running", "", ""}, {"a draft", draft, "", ""}},
		},
		{
			[]string{"Desk.UndoArchive"},
			"POST /jobs/{job}/undo", "undo-job", onServer, noDraft,
			[]surfaceCase{{"that archived nothing", "job=$running&id=$running", "", ""}},
		},
		{[]string{"Desk.HideJob"}, "POST /jobs/{job}/hide", onePage, onePage, noDraft, nil},
		{[]string{"Desk.RecordJobExport"}, "POST /jobs/{job}/export", readsOnly, "jobs show", noDraft, nil},
		{
			[]string{"Desk.Suggest", "Desk.SuggestJob"},
			"", "none: only assistants suggest", onePage,
			"draft_job, draft_recipe, draft_note, draft_mute", nil,
		},
		{
			[]string{"Desk.StartSuggestion"},
			"POST /suggestions/{suggestion}/start",
			"none: a person looks at its page and presses start", onePage, noDraft, nil,
		},
		{
			[]string{"Desk.DismissSuggestion"},
			"POST /suggestions/{suggestion}/dismiss",
			"none: a person looks at its page", onePage, noDraft, nil,
		},
	}
}

func recipeAndRuleOrders() []surfaceOrder {
	const spec = `{"name":"n","source":"genesys","code":"422","action":"archive","reason":"test","perHour":1}`
	const form = "name=n&source=genesys&code=422&action=archive&reason=test&perHour=1"
	return []surfaceOrder{
		{
			[]string{"Desk.SaveRecipe"},
			"POST /recipes/{recipe}/save", "save-recipe", onServer, noDraft,
			[]surfaceCase{
				{
					"the latest", "recipe=$recipe&id=$recipe", "version=1&kind=merge&patch={}",
					`{"base":1,"kind":"merge","text":"{}"}`,
				},
				{
					"no recipe", "recipe=$recipe&id=$recipe", "version=1&kind=merge&patch=[",
					`{"base":1,"kind":"merge","text":"["}`,
				},
			},
		},
		{
			[]string{"Desk.RestoreRecipe"},
			"POST /recipes/{recipe}/restore", "restore-recipe", onServer, noDraft,
			[]surfaceCase{{"in use", "recipe=$recipe&id=$recipe", "", ""}},
		},
		{
			[]string{"Desk.MakeRule"},
			"POST /rules",
			"make-rule",
			onServer,
			noDraft,
			[]surfaceCase{
				{"that archives", "", form, spec},
				{
					"of no source",
					"",
					strings.Replace(form, "genesys", "none", 1),
					strings.Replace(spec, "genesys", "none", 1),
				},
			},
		},
		{
			[]string{"Desk.ChangeRule"},
			"POST /rules/{rule}", "change-rule", onServer, noDraft,
			[]surfaceCase{{"that archives", "rule=$rule&id=$rule", "version=1&" + form, spec}},
		},
		{
			[]string{"Desk.SwitchRule"},
			"POST /rules/{rule}/state", "switch-rule", onServer, noDraft,
			[]surfaceCase{
				{"on", "rule=$rule&id=$rule", "version=1&state=on", `{"state":"on"}`},
				{"as it is", "rule=$rule&id=$rule", "version=1&state=shadow", `{"state":"shadow"}`},
				{"no such rule", "rule=99&id=99", "version=1&state=on", `{"state":"on"}`},
			},
		},
		{nil, "", "preview-rule", onServer, noDraft, nil}, // part of the page of a rule
	}
}

func peopleOrders() []surfaceOrder {
	other := "user=nora&name=nora"
	return []surfaceOrder{
		{
			[]string{"Desk.Acknowledge"},
			"POST /reconciliation/acknowledge",
			"acknowledge-imbalance",
			onServer,
			noDraft,
			[]surfaceCase{
				{
					"as it is",
					"",
					"hour=2026-03-02T08:00&source=genesys&stage=messages&kind=missing&amount=1&note=test",
					`{"hour":"2026-03-02T08:00:00Z","source":"genesys","stage":"messages","kind":"missing","amount":1,"note":"test"}`,
				},
				{
					"of another amount",
					"",
					"hour=2026-03-02T08:00&source=genesys&stage=messages&kind=missing&amount=7&note=test",
					`{"hour":"2026-03-02T08:00:00Z","source":"genesys","stage":"messages","kind":"missing","amount":7,"note":"test"}`,
				},
			},
		},
		{
			[]string{"Auth.AddUserByLink", "Auth.AddUser"},
			"POST /users", "add-user", "user add", noDraft,
			[]surfaceCase{
				{"new", "", "name=ines&role=viewer", `{"name":"ines","role":"viewer"}`},
				{"known", "", "name=nora&role=viewer", `{"name":"nora","role":"viewer"}`},
			},
		},
		{
			[]string{"Auth.NewPasswordLink"},
			"POST /users/{user}/link", "link-user", onServer, noDraft,
			[]surfaceCase{{"another", other, "", ""}},
		},
		{
			[]string{"Auth.SetPassword"}, "", "none: a person chooses it by a link", "user password", noDraft, nil,
		},
		{
			[]string{"Auth.SetRole"},
			"POST /users/{user}/role", "set-role", "user role", noDraft,
			[]surfaceCase{
				{"another", other, "role=viewer", `{"role":"viewer"}`},
				{"the same", other, "role=operator", `{"role":"operator"}`},
				{"of oneself", "user=adam&name=adam", "role=viewer", `{"role":"viewer"}`},
			},
		},
		{
			[]string{"Auth.Disable"},
			"POST /users/{user}/disable", "disable-user", "user disable", noDraft,
			[]surfaceCase{{"another", other, "", ""}, {"oneself", "user=adam&name=adam", "", ""}},
		},
		{
			[]string{"Auth.Enable"},
			"POST /users/{user}/enable", "enable-user", "user enable", noDraft,
			[]surfaceCase{{"not disabled", other, "", ""}},
		},
		{
			[]string{"Auth.EndSessions"},
			"POST /users/{user}/signout", "sign-out-user", "user sign-out", noDraft,
			[]surfaceCase{{"another", other, "", ""}},
		},
		{
			[]string{"Auth.Delete"},
			"POST /users/{user}/delete", "delete-user", "user delete", noDraft,
			[]surfaceCase{
				{"unconfirmed", other, "", ""},
				{"confirmed", other, "confirmed=yes", `{"confirm":true}`},
				{"no such user", "user=none&name=none", "confirmed=yes", `{"confirm":true}`},
			},
		},
		{
			[]string{"Auth.AddToken"},
			"POST /account/tokens",
			"make-token",
			"tokens make",
			noDraft,
			[]surfaceCase{
				{"of one's own", "", "name=x&role=viewer&days=7", `{"name":"x","role":"viewer","days":7}`},
				{
					"of a machine",
					"",
					"name=x&role=viewer&days=7&machine=yes",
					`{"name":"x","role":"viewer","days":7,"machine":true}`,
				},
				{"as an administrator", "", "name=x&role=admin&days=7", `{"name":"x","role":"admin","days":7}`},
			},
		},
		{
			[]string{"Auth.RevokeToken"},
			"POST /account/tokens/{token}/revoke", "revoke-token", "tokens revoke", noDraft,
			[]surfaceCase{
				{"of another", "token=$token&id=$token", "", ""}, {"none", "token=999&id=999", "", ""},
			},
		},
		{nil, "", "revoke-me", "logout", noDraft, nil}, // browsers sign out
		{nil, "POST /device", "none: a person enters the code on its page", onePage, noDraft, nil},
		{
			[]string{"Auth.GrantToken"},
			"POST /device/grant", "none: a person enters the code on its page", onePage, noDraft,
			nil,
		},
		{
			[]string{"Auth.RefuseToken"},
			"POST /device/refuse", "none: a person enters the code on its page", onePage, noDraft,
			nil,
		},
		{nil, "", "request-token", "login", noDraft, nil},
		{nil, "", "take-token", "login", noDraft, nil},
		{
			[]string{"Auth.SignOut"}, "POST /signout", "none: it ends a session of a browser", onePage, noDraft, nil,
		},
	}
}

// pageOrders are those of pages alone.
func pageOrders() []surfaceOrder {
	var list []surfaceOrder
	for route, does := range map[string][]string{
		"POST /signin":                         nil,
		"POST /setup":                          nil,
		"POST /password":                       nil,
		"POST /account/password":               nil,
		"POST /account/sessions/{session}/end": nil,
		"POST /account/sessions/others":        nil,
		"POST /messages/layout":                {"Desk.SaveListLayout"},
		"POST /views":                          {"Desk.SaveView"},
		"POST /views/{view}/delete":            {"Desk.DeleteView"},
	} {
		list = append(list, surfaceOrder{does, route, onePage, onePage, noDraft, nil})
	}
	return append(list,
		surfaceOrder{nil, "POST /messages/{id}/compare", readsOnly, onePage, noDraft, nil},
		surfaceOrder{nil, "POST /messages/{id}/edit/curl", readsOnly, onePage, noDraft, nil},
		surfaceOrder{[]string{"Desk.RecordExport"}, "POST /audit/export", readsOnly, "audit export", noDraft, nil},
		surfaceOrder{
			[]string{"Desk.TestSink"},
			"POST /alerts/sinks/{sink}/test",
			"test-sink",
			onServer,
			noDraft,
			[]surfaceCase{
				{"that is configured", "sink=ops&name=ops", "", ""},
				{"no such sink", "sink=no&name=no", "", ""},
			},
		},
		surfaceOrder{
			[]string{"Desk.Forward"},
			"", "none: only a command may choose where a copy goes", "messages forward", noDraft,
			nil,
		},
		surfaceOrder{
			[]string{"Desk.ArchiveRecipe"},
			"POST /recipes/{recipe}/archive", "archive-recipe", onServer, noDraft,
			[]surfaceCase{{"in use", "recipe=$recipe&id=$recipe", "", ""}},
		},
	)
}

// reads are the methods with an actor that change nothing.
func reads() []string {
	return []string{
		"Desk.Alert",
		"Desk.Alerts",
		"Desk.AlertsOfCause",
		"Desk.CausesOf",
		"Desk.Changes",
		"Desk.Sinks",
		"Desk.SuggestionOfJob",
		"Auth.TokenRequest",
		"Desk.Arrivals",
		"Desk.Attempts",
		"Desk.Body",
		"Desk.Cause",
		"Desk.CauseDifferences",
		"Desk.CauseNotes",
		"Desk.Causes",
		"Desk.CausesMatching",
		"Desk.DifferencesOf",
		"Desk.DryRun",
		"Desk.Events",
		"Desk.GroupRules",
		"Desk.Job",
		"Desk.JobFaults",
		"Desk.JobMessages",
		"Desk.Jobs",
		"Desk.MaskedDryRun",
		"Desk.Message",
		"Desk.Messages",
		"Desk.OpenSuggestions",
		"Desk.PreviewRule",
		"Desk.QueuedMessages",
		"Desk.Queues",
		"Desk.Recipe",
		"Desk.RecipeVersions",
		"Desk.Recipes",
		"Desk.Reconciliation",
		"Desk.Revisions",
		"Desk.RefusedOnJob",
		"Desk.Rule",
		"Desk.RuleActions",
		"Desk.Rules",
		"Desk.RulesOfCause",
		"Desk.RulesSwitchedOff",
		"Desk.SavedRecipe",
		"Desk.SourceFigures",
		"Desk.Suggestion",
		"Desk.Unmasked",
		"Desk.Unmaskings",
		"Desk.View",
		"Auth.MachineTokens",
		"Auth.OwnTokens",
		"Auth.User",
		"Auth.Users",
	}
}

// The table has every order that the desk and auth carry out, every route that changes something, and every operation.
func TestTableOfOrdersIsComplete(t *testing.T) {
	t.Parallel()
	b := newSurfaces(t)
	var methods, routes, operations []string
	for _, o := range allOrders() {
		methods = append(methods, o.does...)
		if o.console != "" {
			routes = append(routes, o.console)
		}
		if !strings.HasPrefix(o.api, "none: ") {
			operations = append(operations, o.api)
		}
		if o.cli == "" || o.mcp == "" || o.api == "" {
			t.Errorf("%s %s leaves out a surface", o.console, o.api)
		}
		both := o.console != "" && !strings.HasPrefix(o.api, "none: ")
		if both != (len(o.cases) > 0) {
			t.Errorf("%s %s has %d cases", o.console, o.api, len(o.cases))
		}
	}
	same(t, "orders", append(methods, reads()...), slices.Concat(
		methodsWithActor(
			reflect.TypeFor[*desk.Desk](),
			"Desk.",
		),
		methodsWithActor(reflect.TypeFor[*auth.Auth](), "Auth."),
	))
	var present []string
	err := chi.Walk(b.console, func(
		method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler,
	) error {
		if method == http.MethodPost && !strings.HasSuffix(route, "*") { // a file has all methods
			present = append(present, method+" "+route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "routes", routes, present)
	var ids []string
	for _, path := range b.api.Document.Paths {
		if path.Post != nil {
			ids = append(ids, path.Post.OperationID)
		}
	}
	same(t, "operations", operations, ids)
}

// The table has every command and every tool of assistants that orders something.
func TestTableOfOrdersHasCommandsAndTools(t *testing.T) {
	t.Parallel()
	var commands, tools []string
	for _, o := range allOrders() {
		if !strings.HasPrefix(o.cli, "none: ") {
			commands = append(commands, o.cli)
		}
		if !strings.HasPrefix(o.mcp, "none: ") {
			tools = append(tools, strings.Split(o.mcp, ", ")...)
		}
	}
	same(t, "tools", tools, inManual(t, "assistants", `<code>(draft_\w+)</code>`))
	group := regexp.MustCompile(`^(messages|causes|jobs|tokens|user|log)`)
	reading := regexp.MustCompile(` (list|show|watch|setup-link)$`)
	orders := slices.DeleteFunc(inManual(t, "cli", `<h2[^>]*>([a-z -]+) <a`), func(name string) bool {
		return !group.MatchString(name) || reading.MatchString(name)
	})
	same(t, "commands", slices.DeleteFunc(commands, func(name string) bool {
		return !group.MatchString(name) || reading.MatchString(name)
	}), orders)
}

// inManual returns what a page of the manual names.
func inManual(t *testing.T, page, pattern string) (names []string) {
	t.Helper()
	found, ok := docs.Find(page)
	if !ok {
		t.Fatalf("the manual has no page %s", page)
	}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(found.HTML, -1) {
		names = append(names, match[1])
	}
	if len(names) == 0 {
		t.Fatalf("the page %s names nothing", page)
	}
	return names
}

// methodsWithActor returns the methods that are given an actor: who orders it.
func methodsWithActor(of reflect.Type, prefix string) (names []string) {
	for m := range of.NumMethod() {
		method := of.Method(m)
		for i := 1; i < method.Type.NumIn(); i++ {
			if in := method.Type.In(i); in.Name() == "Actor" || in.Name() == "Viewer" {
				names = append(names, prefix+method.Name)
				break
			}
		}
	}
	return names
}

// same compares what the table has with what there is.
func same(t *testing.T, what string, listed, present []string) {
	t.Helper()
	for _, name := range present {
		if !slices.Contains(listed, name) {
			t.Errorf("the table of %s lacks %s", what, name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(present, name) {
			t.Errorf("the table of %s has %s, and there is none", what, name)
		}
	}
}

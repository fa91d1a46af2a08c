package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	rulesPath = "/rules"

	// maxPreviewed is how many messages the preview of a rule names.
	maxPreviewed = 50

	// maxRuleEvents is how many events the page of a rule shows.
	maxRuleEvents = 10

	// maxRuleActions is how many messages the page of a rule shows at a time.
	maxRuleActions = 25
)

func (c *Console) ruleRoutes(r chi.Router) {
	r.Get(rulesPath, c.handle(c.rules))
	r.Get(rulesPath+"/new", c.handle(c.newRule))
	r.Get(rulesPath+"/{rule}", c.handle(c.rule))
	r.Get(rulesPath+"/{rule}/edit", c.handle(c.editRule))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post(rulesPath, c.handle(c.makeRule))
		r.Post(rulesPath+"/{rule}", c.handle(c.changeRule))
		r.Post(rulesPath+"/{rule}/state", c.handle(c.switchRule))
	})
}

func ruleURL(id deadletter.RuleID) string { return rulesPath + "/" + id.String() }

func ruleID(r *http.Request) (deadletter.RuleID, error) {
	n, err := strconv.ParseInt(chi.URLParam(r, "rule"), 10, 64)
	if err != nil || n <= 0 {
		return 0, deadletter.Errorf(deadletter.NotFound, "there is no such rule")
	}
	return deadletter.RuleID(n), nil
}

// ruleRef parses the rule of an address, and the version of it that the form was made for.
func ruleRef(r *http.Request) (desk.RuleRef, error) {
	id, err := ruleID(r)
	if err != nil {
		return desk.RuleRef{}, err
	}
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return desk.RuleRef{}, deadletter.Errorf(deadletter.Invalid, "this form is incomplete: reload the page")
	}
	return desk.RuleRef{ID: id, Version: version}, nil
}

func (c *Console) rules(w http.ResponseWriter, r *http.Request) error {
	by := auth.Actor(r.Context())
	v, status := page.RulesView{RetryURL: rulesPath, Denied: errorText(by.May(deadletter.ActRules))}, http.StatusOK
	list, err := c.Desk.Rules(r.Context(), by)
	if err != nil {
		v.State, v.Fault, status = c.unreadable(r, err)
	} else if len(list) == 0 {
		v.State = page.StateNothing
	}
	for _, rule := range list {
		v.Rows = append(v.Rows, ruleRow(rule))
	}
	v.Chrome = c.chrome(r, "Rules")
	return c.render(w, r, status, page.Rules(v))
}

func ruleRow(r desk.RuleView) page.RuleRow {
	return page.RuleRow{
		Name: printable(r.Name), URL: ruleURL(r.ID), State: string(r.State), Why: printable(r.Why), By: printable(r.By),
		What: ruleWords(r), Parts: ruleParts(r.Counts),
		Last: page.RuleChange{How: r.Last.Action, By: printable(r.Last.By), At: ui.At(r.Last.At)},
	}
}

// ruleWords says what a rule does.
func ruleWords(r desk.RuleView) page.RuleWords {
	v := page.RuleWords{
		Source: printable(r.Match.Source), Code: r.Match.Code, Then: "archive it", Reason: printable(r.Reason),
		PerHour: plural(r.PerHour, "message"),
	}
	if r.Match.Fingerprint != "" {
		v.Cause = printable(cmp.Or(r.Cause.Title, r.Match.Cause.Error, "No error recorded"))
	}
	if r.Cause.Fingerprint != "" {
		v.CauseURL = page.CauseURL(r.Cause.Fingerprint)
	}
	if r.Replays() {
		v.Then = "replay it after " + wait(r.After) + ", " + times(r.Times) + " at most"
	}
	if r.Action.Edits() {
		v.Then = "edit it by a recipe and " + v.Then
	}
	return v
}

// wait writes a time of whole minutes: "90 minutes", "2 hours".
func wait(d time.Duration) string {
	if d%time.Hour == 0 {
		return plural(int(d.Hours()), "hour")
	}
	return plural(int(d.Minutes()), "minute")
}

// times writes how often something is done: "once", "3 times".
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}

// ruleParts are the counts of what a rule did.
func ruleParts(c store.RuleCounts) (parts []page.JobPart) {
	more := ""
	if c.Capped {
		more = "+"
	}
	for _, p := range []struct {
		state      deadletter.RuleActionState
		word, tone string
	}{
		{deadletter.RuleDelivered, "delivered", "done"},
		{deadletter.RuleArchived, "archived", "plain"},
		{deadletter.RuleFailed, "failed again", "fault"},
		{deadletter.RuleInFlight, "in flight", "plain"},
		{deadletter.RuleWaiting, "waiting", "plain"},
		{deadletter.RuleSkipped, "left alone", "plain"},
		{deadletter.RuleWouldAct, "in shadow", "plain"},
	} {
		if n := c.States[p.state]; n > 0 {
			parts = append(parts, page.JobPart{Text: number(n) + more + " " + p.word, Tone: p.tone})
		}
	}
	return parts
}

func (c *Console) rule(w http.ResponseWriter, r *http.Request) error {
	return c.showRule(w, r, http.StatusOK, ui.Notice{})
}

// showRule shows the page of a rule, with a notice.
func (c *Console) showRule(w http.ResponseWriter, r *http.Request, status int, notice ui.Notice) error {
	id, err := ruleID(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), auth.Actor(r.Context())
	seen, err := c.Desk.Rule(ctx, by, id)
	if err != nil {
		return err
	}
	v := page.RulePage{
		RuleRow: ruleRow(seen), Version: strconv.Itoa(seen.Version), Notice: notice, Switches: ruleSwitches(seen.State),
		EditURL: ruleURL(id) + "/edit", Denied: errorText(seen.Denied),
		Recipe: printable(seen.Recipe.Text), Saved: printable(seen.Saved.Text()),
		SavedURL: recipesPath + "/" + seen.Saved.ID.String(),
		Created:  page.RuleChange{By: printable(seen.CreatedBy), At: ui.At(seen.CreatedAt)},
	}
	if seen.Replays() {
		v.MaxFailed = strconv.Itoa(seen.MaxFailed) + " %"
		v.Unknown = "Messages that may already have been processed are left alone"
		if seen.Unknown {
			v.Unknown = "Messages that may already have been processed are replayed too"
		}
	}
	if v.Recipe != "" {
		v.Language = page.RecipeName(string(seen.Recipe.Kind))
	}
	if n := seen.Counts.States[deadletter.RuleWaiting]; n > 0 {
		v.Waiting = plural(n, "message")
		v.Next, v.GoesOn = ui.At(seen.Counts.Next), ui.At(seen.Counts.GoesOn)
	}
	if seen.State == deadletter.RuleShadow || seen.State == deadletter.RuleOff {
		v.Preview = c.rulePreview(r, by, seen.RuleSpec)
	}
	if err := c.addRuleActions(r, &v, id); err != nil {
		return err
	}
	if v.Events, err = c.ruleEvents(ctx, id); err != nil {
		return err
	}
	v.Chrome = c.chrome(r, printable(seen.Name))
	return c.render(w, r, status, page.Rule(v))
}

// ruleSwitches are the states that a person can bring a rule into.
func ruleSwitches(s deadletter.RuleState) []page.RuleSwitch {
	on := page.RuleSwitch{State: string(deadletter.RuleOn), Label: "Switch on", Icon: "check", Primary: true}
	shadow := page.RuleSwitch{State: string(deadletter.RuleShadow), Label: "Put into shadow", Icon: "eye"}
	off := page.RuleSwitch{State: string(deadletter.RuleOff), Label: "Switch off", Icon: "pause"}
	away := page.RuleSwitch{State: string(deadletter.RuleAway), Label: "Put away", Icon: "archive"}
	switch s {
	case deadletter.RuleShadow:
		return []page.RuleSwitch{on, off, away}
	case deadletter.RuleOn:
		return []page.RuleSwitch{off, shadow, away}
	case deadletter.RuleOff:
		return []page.RuleSwitch{on, shadow, away}
	case deadletter.RuleAway:
	}
	return nil
}

func (c *Console) addRuleActions(r *http.Request, v *page.RulePage, id deadletter.RuleID) error {
	by, cursor := auth.Actor(r.Context()), r.URL.Query().Get("cursor")
	found, err := c.Desk.RuleActions(r.Context(), by, id, cursor, maxRuleActions)
	if err != nil {
		return err
	}
	for _, a := range found.Items {
		row := page.RuleActionRow{
			ID: shortID(string(a.Message)), URL: messageURL(a.Message, ""), State: string(a.State),
			Failed: ui.At(a.FailedAt), At: ui.At(a.At), Text: printable(sentence(a.Text)),
		}
		if a.State == deadletter.RuleWaiting {
			row.At = ui.At(a.DueAt)
		}
		v.Actions = append(v.Actions, row)
	}
	v.NewerURL = pageURL(ruleURL(id), url.Values{}, found.Newer)
	v.OlderURL = pageURL(ruleURL(id), url.Values{}, found.Older)
	if v.NewerURL != "" {
		v.NewestURL = ruleURL(id)
	}
	return nil
}

// ruleEvents returns the latest events about a rule itself.
func (c *Console) ruleEvents(ctx context.Context, id deadletter.RuleID) (rows []page.AuditRow, err error) {
	events, err := c.Store.Events(ctx, store.EventQuery{
		EventFilter: store.EventFilter{Action: "rule.", Target: id.String()}, Limit: maxRuleEvents,
	})
	if err == nil {
		err = c.Desk.Hider().Events(ctx, events.Items)
	}
	for _, e := range events.Items {
		row := auditRow(e, nil)
		row.Sentence = strings.TrimSuffix(row.Sentence, "rule") + "this rule"
		row.Target, row.URL, row.Source = "", "", ""
		rows = append(rows, row)
	}
	return rows, err
}

// rulePreview says what a rule would have done. A page without it is still useful.
func (c *Console) rulePreview(r *http.Request, by deadletter.Actor, spec deadletter.RuleSpec) (v page.RulePreview) {
	p, err := c.Desk.PreviewRule(r.Context(), by, spec)
	if err != nil {
		_, v.Fault, _ = c.unreadable(r, err)
		return v
	}
	did := "archived"
	if spec.Replays() {
		did = "replayed"
	}
	v.Summary = "It would have " + did + " no message."
	if n := len(p.Messages); n > 0 {
		v.Summary = "It would have " + did + " " + plural(n, "message")
		if p.Actions > n {
			v.Summary += ", " + times(p.Actions) + " in all"
		}
		v.Summary += "."
	}
	if p.Busiest > spec.PerHour {
		v.Busiest = fmt.Sprintf(
			"In the busiest hour %s failed: the rule takes %s an hour, and the others would have waited.",
			plural(p.Busiest, "such message"), number(spec.PerHour),
		)
	}
	of := " of " + printable(spec.Match.Source)
	if spec.Match.Fingerprint != "" {
		of = " of the cause"
	}
	v.Bound = "Looked at all " + plural(p.Read, "message") + of + " received in these days."
	if !p.All {
		v.Bound = "Looked at the newest " + plural(p.Read, "message") + of + " only, received since " +
			p.Oldest.UTC().Format("2 January 15:04") + " UTC."
	} else if p.Read == 1 {
		v.Bound = "Looked at the only message" + of + " received in these days."
	}
	v.Days = ruleDays(p)
	for _, m := range p.Messages[:min(len(p.Messages), maxPreviewed)] {
		row := page.RuleWouldAct{
			ID: shortID(string(m.Message)), URL: messageURL(m.Message, ""), Failed: ui.At(m.At),
			Status: string(m.Status),
		}
		if m.Actions > 1 {
			row.Times = times(m.Actions)
		}
		v.Rows = append(v.Rows, row)
	}
	if len(p.Messages) > maxPreviewed {
		v.More = "The " + number(maxPreviewed) + " that failed last are shown."
	}
	return v
}

// ruleDays counts the messages of a preview by the day of their latest failure, the latest day first.
func ruleDays(p desk.RulePreview) (days []page.RuleDay) {
	if len(p.Messages) == 0 {
		return nil
	}
	counts, most := map[string]int{}, 0
	day := func(t time.Time) string { return t.UTC().Format("Mon 2 January") }
	for _, m := range p.Messages {
		counts[day(m.At)]++
		most = max(most, counts[day(m.At)])
	}
	for at := p.Since.Add(desk.RuleHistory); !at.Before(p.Since); at = at.Add(-24 * time.Hour) {
		n := counts[day(at)]
		days = append(days, page.RuleDay{Day: day(at), Messages: number(n), Share: strconv.Itoa(100 * n / most)})
	}
	return days
}

// newRule shows the form of a new rule: for a cause, or for a source.
func (c *Console) newRule(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	form := page.RuleForm{
		Heading: "New rule", PostURL: rulesPath, Button: "Make rule in shadow", OfCause: true,
		Cause: query.Get("cause"), Action: "replay", After: "10", Times: "3", PerHour: "100", MaxFailed: "50",
	}
	return c.showRuleForm(w, r, http.StatusOK, form, query.Get("source"))
}

// showRuleForm completes the form of a rule with what there is to choose, and shows it.
func (c *Console) showRuleForm(
	w http.ResponseWriter, r *http.Request, status int, form page.RuleForm, source string,
) error {
	by := auth.Actor(r.Context())
	form.BackURL, form.Back = cmp.Or(form.BackURL, rulesPath), cmp.Or(form.Back, "Rules")
	form.Denied = errorText(by.May(deadletter.ActRules))
	if form.Cause != "" {
		found, err := c.Desk.Cause(r.Context(), by, form.Cause)
		if err != nil {
			return err
		}
		cause := found.Cause
		form.Cause, form.Title = cause.Fingerprint, printable(cmp.Or(cause.Title, "No error recorded"))
		form.CauseURL = page.CauseURL(cause.Fingerprint)
		if form.Version == "" {
			form.BackURL, form.Back = form.CauseURL, "Cause"
		}
		source = cmp.Or(source, cause.Source)
		if form.Code == "" && cause.StatusCode != 0 {
			form.Code = strconv.Itoa(cause.StatusCode)
		}
		if form.Saved, err = c.savedRecipes(r.Context(), cause.Fingerprint, form.Saved); err != nil {
			return err
		}
	}
	form.Sources = options(source, c.sourceNames())
	form.Chrome = c.chrome(r, form.Heading)
	return c.render(w, r, status, page.MakeRule(form))
}

// savedRecipes are the recipes of a cause to choose from. chosen has the value of the one that is.
func (c *Console) savedRecipes(ctx context.Context, cause string, chosen []ui.Option) ([]ui.Option, error) {
	list, err := c.Store.RecipesOf(ctx, []string{cause}, false)
	if err != nil {
		return nil, err
	}
	c.Desk.Hider().Recipes(list)
	var saved []ui.Option
	for _, s := range list {
		saved = append(saved, ui.Option{Value: savedValue(s.Use()), Label: printable(s.Use().Text())})
	}
	if len(chosen) == 1 {
		if known := ui.Choose(saved, chosen[0].Value); len(known) > 0 {
			saved = known
		}
	}
	return saved, nil
}

// savedValue names a version of a saved recipe in a form: "7@3".
func savedValue(use deadletter.RecipeUse) string {
	if use.ID == 0 {
		return ""
	}
	return use.ID.String() + "@" + strconv.Itoa(use.Version)
}

// parseSaved reads what savedValue wrote.
func parseSaved(text string) (use deadletter.RecipeUse, err error) {
	if text == "" {
		return use, nil
	}
	id, version, _ := strings.Cut(text, "@")
	n, idErr := strconv.ParseInt(id, 10, 64)
	number, versionErr := strconv.Atoi(version)
	if idErr != nil || versionErr != nil {
		err := deadletter.Errorf(deadletter.Invalid, "choose another recipe")
		return use, deadletter.About(deadletter.FieldPatch, err)
	}
	return deadletter.RecipeUse{ID: deadletter.RecipeID(n), Version: number}, nil
}

// editRule shows the form that changes a rule.
func (c *Console) editRule(w http.ResponseWriter, r *http.Request) error {
	id, err := ruleID(r)
	if err != nil {
		return err
	}
	seen, err := c.Desk.Rule(r.Context(), auth.Actor(r.Context()), id)
	if err != nil {
		return err
	}
	form := changeForm(id, strconv.Itoa(seen.Version))
	form.Name, form.Code, form.OfCause = seen.Name, seen.Match.Code, seen.Match.Fingerprint != ""
	form.Cause = seen.Cause.Fingerprint
	form.Action, form.PerHour = "replay", strconv.Itoa(seen.PerHour)
	form.After, form.Times, form.MaxFailed = "10", "3", "50"
	if seen.Action == deadletter.ActArchive {
		form.Action, form.Reason = "archive", seen.Reason
	} else {
		form.After = strconv.Itoa(int(seen.After.Minutes()))
		form.Times, form.MaxFailed, form.Unknown = strconv.Itoa(seen.Times), strconv.Itoa(seen.MaxFailed), seen.Unknown
	}
	if seen.Action.Edits() {
		form.Recipe, form.EditReason = true, seen.Reason
		form.Kind, form.Text = string(seen.Recipe.Kind), printable(seen.Recipe.Text)
		form.Saved = []ui.Option{{Value: savedValue(seen.Saved)}}
	}
	return c.showRuleForm(w, r, http.StatusOK, form, seen.Match.Source)
}

func changeForm(id deadletter.RuleID, version string) page.RuleForm {
	return page.RuleForm{
		Heading: "Change rule", PostURL: ruleURL(id), Button: "Save, and put into shadow", Version: version,
		BackURL: ruleURL(id), Back: "Rule",
	}
}

func (c *Console) makeRule(w http.ResponseWriter, r *http.Request) error {
	form := page.RuleForm{Heading: "New rule", PostURL: rulesPath, Button: "Make rule in shadow"}
	spec, err := ruleSpec(r)
	if err == nil {
		var made deadletter.Rule
		if made, err = c.Desk.MakeRule(r.Context(), auth.Actor(r.Context()), spec); err == nil {
			c.redirect(w, r, ruleURL(made.ID), ui.Notice{
				Kind: ui.Done, Text: "The rule is in shadow.",
				Hint: "Look at what it would have done, then switch it on.",
			})
			return nil
		}
	}
	return c.refuseRule(w, r, form, err)
}

func (c *Console) changeRule(w http.ResponseWriter, r *http.Request) error {
	ref, err := ruleRef(r)
	if err != nil {
		return err
	}
	spec, err := ruleSpec(r)
	if err == nil {
		if err = c.Desk.ChangeRule(r.Context(), auth.Actor(r.Context()), ref, spec); err == nil {
			c.redirect(w, r, ruleURL(ref.ID), ui.Notice{
				Kind: ui.Done, Text: "Saved. The rule is in shadow.",
				Hint: "Look at what it would have done, then switch it on.",
			})
			return nil
		}
	}
	return c.refuseRule(w, r, changeForm(ref.ID, r.PostForm.Get("version")), err)
}

// ruleSpec reads the form of a rule. A number that is none counts as 0, which the domain refuses.
func ruleSpec(r *http.Request) (spec deadletter.RuleSpec, err error) {
	get := r.PostForm.Get
	whole := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(get(name)))
		if err != nil {
			return 0
		}
		return n
	}
	spec = deadletter.RuleSpec{
		Name: get("name"), Match: deadletter.RuleMatch{Source: get("source"), Code: get("code")},
		Action: deadletter.ActArchive, Reason: get("reason"), PerHour: whole("perHour"), Times: whole("times"),
		MaxFailed: whole("maxFailed"), Unknown: get("unknown") != "",
		After: time.Duration(min(max(0, whole("after")), 1<<20)) * time.Minute,
	}
	if get("match") == "cause" {
		spec.Match = deadletter.RuleMatch{Fingerprint: get("cause")}
	}
	switch {
	case get("action") == "archive":
	case get("action") != "replay":
		spec.Action = ""
	case get("recipe") == "":
		spec.Action = deadletter.ActReplay
	default:
		spec.Action, spec.Reason = deadletter.ActEdit, get("editReason")
		spec.Recipe = deadletter.Recipe{Kind: deadletter.RecipeKind(get("kind")), Text: get("patch")}
		spec.Saved, err = parseSaved(get("saved"))
	}
	return spec, err
}

// refuseRule shows the form of a rule again, with what is wrong.
func (c *Console) refuseRule(w http.ResponseWriter, r *http.Request, form page.RuleForm, err error) error {
	kind := deadletter.KindOf(err)
	if kind != deadletter.Invalid && kind != deadletter.Conflict && kind != deadletter.TooLarge {
		return err
	}
	get := r.PostForm.Get
	form.Name, form.Cause, form.OfCause, form.Code = get("name"), get("cause"), get("match") == "cause", get("code")
	form.Action, form.Reason, form.PerHour = get("action"), get("reason"), get("perHour")
	form.After, form.Times, form.MaxFailed = get("after"), get("times"), get("maxFailed")
	form.Unknown, form.Recipe, form.EditReason = get("unknown") != "", get("recipe") != "", get("editReason")
	form.Kind, form.Text, form.Saved = get("kind"), get("patch"), []ui.Option{{Value: get("saved")}}
	field, text := deadletter.FieldOf(err), errorText(err)
	switch field {
	case "":
		form.Error = text
	case deadletter.FieldReason:
		if form.Action != "archive" {
			field = "editReason"
		}
	case deadletter.FieldTable:
		field = deadletter.FieldPatch
	}
	form.Errors = map[string]string{field: text}
	return c.showRuleForm(w, r, statusOf(kind), form, get("source"))
}

func (c *Console) switchRule(w http.ResponseWriter, r *http.Request) error {
	ref, err := ruleRef(r)
	if err != nil {
		return err
	}
	state := deadletter.RuleState(r.PostForm.Get("state"))
	err = c.Desk.SwitchRule(r.Context(), auth.Actor(r.Context()), ref, state)
	switch kind := deadletter.KindOf(err); {
	case err == nil && state == deadletter.RuleAway:
		c.redirect(w, r, rulesPath, ui.Notice{Kind: ui.Done, Text: "The rule is put away."})
		return nil
	case err == nil:
		c.redirect(w, r, ruleURL(ref.ID), ui.Notice{Kind: ui.Done, Text: "The rule is " + state.Label() + "."})
		return nil
	case kind == deadletter.Conflict || kind == deadletter.Invalid:
		return c.showRule(w, r, statusOf(kind), ui.Notice{
			Kind: ui.Warn, Text: errorText(err), Hint: "You changed nothing.",
		})
	}
	return err
}

// ruleNotes mentions rules on other pages.
func ruleNotes(rules []deadletter.Rule) (notes []page.RuleNote) {
	for _, r := range rules {
		notes = append(notes, page.RuleNote{
			Name: printable(r.Name), URL: ruleURL(r.ID), State: string(r.State), Why: printable(r.Why),
		})
	}
	return notes
}

// ruleAhead names the rule that is about to act on a message.
func (c *Console) ruleAhead(ctx context.Context, m deadletter.Message) (v page.MessageRule, err error) {
	if m.Status != deadletter.Failed {
		return v, nil
	}
	r, due, err := c.Store.RuleAhead(ctx, m.ID)
	if err != nil {
		if deadletter.KindOf(err) == deadletter.NotFound {
			err = nil
		}
		return v, err
	}
	v = page.MessageRule{
		Name: printable(c.Desk.Hider().Note(r.Name)), URL: ruleURL(r.ID), Does: "archives it", Due: ui.At(due),
	}
	if r.Replays() {
		v.Does = "replays it"
	}
	return v, nil
}

// rulesOff returns the rules that dlqdesk switched off. A page without them is still useful.
func (c *Console) rulesOff(ctx context.Context) []page.RuleNote {
	rules, err := c.Desk.RulesSwitchedOff(ctx, auth.Actor(ctx))
	if err != nil {
		return nil
	}
	return ruleNotes(rules)
}

package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) audit(w http.ResponseWriter, r *http.Request) error {
	table, status := c.auditTable(r)
	if isPartial(r) {
		return c.render(w, r, status, page.AuditTable(table))
	}
	return c.render(w, r, status, page.Audit(c.chrome(r, "Audit"), table))
}

// auditTable returns the rows of the trail that match a query. If it cannot, the view says why.
func (c *Console) auditTable(r *http.Request) (page.AuditTableView, int) {
	query, cursor := pickFields(r.URL.Query(), auditFields()), r.URL.Query().Get("cursor")
	events, err := c.readEvents(r.Context(), query, cursor)
	var titles map[string]string
	if err == nil {
		titles, err = c.titlesFor(r.Context(), events.Items, query.Get("cause"))
	}
	v := c.auditView(query, cursor, events, titles)
	if err == nil {
		err = c.addFolded(r.Context(), &v, query, events.Items)
	}
	status := http.StatusOK
	switch kind := deadletter.KindOf(err); {
	case err == nil:
	case kind == deadletter.Invalid:
		v.State, v.Filter.Error, status = page.StateNoMatch, errorText(err), statusOf(kind)
	default:
		v.State, v.Fault, status = c.unreadable(r, err)
	}
	return v, status
}

func (c *Console) readEvents(ctx context.Context, query url.Values, cursor string) (store.Page[store.EventRow], error) {
	filter, err := eventFilter(query)
	if err != nil {
		return store.Page[store.EventRow]{}, err
	}
	events, err := c.Store.Events(ctx, store.EventQuery{
		EventFilter: filter, FoldJobs: foldsJobs(query, filter), Cursor: cursor, Limit: pageSize,
	})
	if err == nil {
		err = c.Desk.Hider().Events(ctx, events.Items)
	}
	return events, err
}

// titlesFor returns the titles of the causes that events are about, and of one more, by fingerprint.
func (c *Console) titlesFor(
	ctx context.Context,
	events []store.EventRow,
	fingerprint string,
) (map[string]string, error) {
	asked := []string{fingerprint}
	for _, e := range events {
		if e.TargetKind == causeTarget {
			asked = append(asked, e.Target)
		}
	}
	return c.causeTitles(ctx, asked)
}

// causeTitles returns the titles of causes as they may be shown in a line, by fingerprint.
func (c *Console) causeTitles(ctx context.Context, fingerprints []string) (map[string]string, error) {
	titles := map[string]string{}
	err := c.eachCause(
		ctx,
		fingerprints,
		func(cause deadletter.Cause) { titles[cause.Fingerprint] = shortTitle(cause) },
	)
	return titles, err
}

// eachCause calls a function with those causes that there are, as they may be shown.
func (c *Console) eachCause(ctx context.Context, fingerprints []string, do func(deadletter.Cause)) error {
	list, err := c.Store.CausesAmong(ctx, fingerprints)
	if err == nil {
		err = c.Desk.Hider().Causes(ctx, list)
	}
	for _, cause := range list {
		do(cause)
	}
	return err
}

// eventFilter parses the query of the audit page.
func eventFilter(query url.Values) (store.EventFilter, error) {
	var f store.EventFilter
	var errs [9]error
	f.By, errs[0] = parseText("name", query.Get("actor"))
	f.Action, errs[1] = oneOf("action", query.Get("action"), valuesOf(auditActions()))
	f.Target, errs[2] = parseText("message", query.Get("message"))
	f.From, f.To, errs[3] = parseRange(query)
	f.Actors, errs[4] = oneOf("actor kind", query.Get("by"), []store.ActorClass{store.People, store.Program})
	f.Source, f.NoSource, errs[5] = parseSource(query.Get("source"))
	f.Cause, errs[6] = parseText("cause", query.Get("cause"))
	f.Job, errs[7] = parseJob(query.Get("job"))
	_, errs[8] = oneOf("list of jobs", query.Get("jobs"), []string{everyEvent})
	return f, cmp.Or(errs[:]...)
}

// messageTarget is the target kind of events about a message.
const messageTarget = "message"

// jobTarget is the target kind of events about a job.
const jobTarget = "job"

// ruleTarget is the target kind of events about a rule that acts on messages.
const ruleTarget = "rule"

// suggestionTarget is the target kind of events about a suggestion of an assistant.
const suggestionTarget = "suggestion"

// causeTarget is the target kind of events about a cause.
const causeTarget = "cause"

// auditActions are the options of the filter. One that ends in a dot matches all actions that begin with it.
func auditActions() []ui.Option {
	return []ui.Option{
		{Value: "message.", Label: "Messages: everything"},
		{Value: "message.replay", Label: "Replays requested"},
		{Value: "message.edit", Label: "Edits"},
		{Value: "message.redrive", Label: "Redrives requested"},
		{Value: "message.returned", Label: "Returned after a redrive"},
		{Value: "message.archive", Label: "Archived"},
		{Value: "message.restore", Label: "Restored"},
		{Value: "message.unmask", Label: "Values unmasked"},
		{Value: "message.received", Label: "Received"},
		{Value: "destination.probe", Label: "Probes of destinations"},
		{Value: "attempt.", Label: "Deliveries: everything"},
		{Value: "attempt.delivered", Label: "Delivered"},
		{Value: "attempt.redriven", Label: "Redriven"},
		{Value: "attempt.error_response", Label: "Error response"},
		{Value: "attempt.unreachable", Label: "Unreachable"},
		{Value: "attempt.unknown", Label: "Unknown"},
		{Value: "cause.", Label: "Causes: everything"},
		{Value: "cause.claim", Label: "Causes claimed"},
		{Value: "cause.mute", Label: "Causes muted"},
		{Value: "cause.known", Label: "Causes marked as known"},
		{Value: "cause.resolved", Label: "Causes resolved"},
		{Value: "cause.regressed", Label: "Causes that came back"},
		{Value: "cause.note", Label: "Notes about causes"},
		{Value: "job.", Label: "Jobs: everything"},
		{Value: "job.export", Label: "Exports of jobs"},
		{Value: "rule.", Label: "Rules: everything"},
		{Value: "rule.off", Label: "Rules switched off"},
		{Value: "suggestion.", Label: "Suggestions of assistants"},
		{Value: "token.", Label: "API tokens made and revoked"},
		{Value: "user.", Label: "Users: everything"},
		{Value: "user.sign_in", Label: "Sign-ins"},
		{Value: desk.RefusedSignIn, Label: "Failed sign-ins"},
		{Value: desk.RefusedTooMany, Label: "Throttled sign-ins"},
		{Value: desk.RefusedPassword, Label: "Wrong current passwords"},
		{Value: desk.RefusedLink, Label: "Refused links"},
		{Value: desk.RefusedToken, Label: "Refused tokens"},
		{Value: desk.RefusedAction, Label: "Denied actions"},
		{Value: desk.RefusedSite, Label: "Forms from other sites"},
		{Value: "user.add", Label: "Users added"},
		{Value: "user.role", Label: "Roles changed"},
		{Value: "user.disable", Label: "Users disabled"},
		{Value: "user.enable", Label: "Users enabled"},
		{Value: "user.delete", Label: "Users deleted"},
		{Value: "user.end_sessions", Label: "Sessions ended"},
		{Value: "user.password", Label: "Passwords changed by users"},
		{Value: "user.set_password", Label: "Passwords set by commands"},
		{Value: "user.password_link", Label: "Password links"},
		{Value: "config.", Label: "Changes of the configuration"},
		{Value: "ledger.acknowledge", Label: "Imbalances acknowledged"},
		{Value: "audit.export", Label: "Exports of this trail"},
	}
}

func (c *Console) auditView(
	query url.Values, cursor string, events store.Page[store.EventRow], titles map[string]string,
) page.AuditTableView {
	valueText := func(name, value string) string {
		if name == "cause" {
			return cmp.Or(titles[value], value)
		}
		return auditValueText(name, value)
	}
	v := page.AuditTableView{
		RetryURL:      address("/audit", replaceParam(query, "cursor", cursor)),
		Chain:         chainView(c.Chain()),
		Filter:        c.auditFilter(query),
		TimePresets:   dayPresets("/audit", query, c.Now()),
		ActionPresets: actionPresets(query),
		ExportURL:     address("/audit/export", query),
		Chips:         chips("/audit", query, auditFields(), valueText),
		ClearURL:      "/audit",
		NewerURL:      pageURL("/audit", query, events.Newer),
		OlderURL:      pageURL("/audit", query, events.Older),
	}
	if v.NewerURL != "" {
		v.NewestURL = address("/audit", query)
	}
	for _, e := range events.Items {
		v.Rows = append(v.Rows, auditRow(e, titles))
	}
	switch {
	case len(v.Rows) == 0 && len(query) == 0:
		v.State = page.StateNothing
	case len(v.Rows) == 0:
		v.State = page.StateNoMatch
	}
	return v
}

// actionPresets are the most used filters by action.
func actionPresets(query url.Values) []page.Preset {
	deed := func(action string, by store.ActorClass) url.Values {
		return url.Values{"action": {action}, "by": {string(by)}}
	}
	return []page.Preset{
		preset("/audit", "Replays", query, deed("attempt.", store.People)),
		preset("/audit", "Edits", query, deed("message.edit", "")),
		preset("/audit", "Archived", query, deed("message.archive", "")),
		preset("/audit", "Sign-ins", query, deed("user.sign_in", "")),
	}
}

// auditActors are the options that separate people from the program.
func auditActors() []ui.Option {
	return []ui.Option{
		{Value: string(store.People), Label: "People"},
		{Value: string(store.Program), Label: "dlqdesk itself"},
	}
}

func (c *Console) auditFilter(query url.Values) page.AuditFilter {
	return page.AuditFilter{
		Actor:      query.Get("actor"),
		Message:    query.Get("message"),
		Cause:      query.Get("cause"),
		Job:        query.Get("job"),
		Jobs:       query.Get("jobs"),
		From:       formTimeOf(query.Get("from")),
		To:         formTimeOf(query.Get("to")),
		ActorTypes: ui.Choose(auditActors(), query.Get("by")),
		Actions:    ui.Choose(auditActions(), query.Get("action")),
		Sources:    c.sourceOptions(nil, query.Get("source")),
	}
}

// auditValueText returns the text of a filter's value.
func auditValueText(name, value string) string {
	switch name {
	case "action":
		return labelOf(auditActions(), value)
	case "by":
		return labelOf(auditActors(), value)
	case "jobs":
		return "each event"
	}
	return filterValueText(name, value)
}

// valuesOf returns the values of options.
func valuesOf(options []ui.Option) (values []string) {
	for _, option := range options {
		values = append(values, option.Value)
	}
	return values
}

// labelOf returns the label of a value, or the value if no option has it.
func labelOf(options []ui.Option, value string) string {
	for _, option := range options {
		if option.Value == value {
			return option.Label
		}
	}
	return value
}

// auditRow returns the row of an event. titles are those of causes, by fingerprint.
func auditRow(e store.EventRow, titles map[string]string) page.AuditRow {
	row := page.AuditRow{
		Number:   strconv.FormatInt(e.Sequence, 10),
		At:       ui.At(e.At),
		Actor:    printable(e.By),
		System:   e.Actor == deadletter.ActorSystem,
		Rule:     e.Actor == deadletter.ActorRule,
		Action:   e.Action,
		Sentence: eventSentence(e),
		Target:   printable(e.Target),
		Source:   printable(e.Source),
		Addr:     e.Addr,
		Reason:   printable(e.Reason),
		Changes:  changesOf(e.Before, e.After),
	}
	switch {
	case row.System:
		row.Actor = "dlqdesk"
	case e.Actor == deadletter.ActorCLI:
		row.Actor += " (command line)"
	case row.Actor == "":
		row.Actor = "unknown user"
	}
	switch {
	case e.TargetKind == messageTarget:
		row.Target, row.TargetID = shortID(e.Target), printable(e.Target)
		row.URL = messageURL(deadletter.ID(e.Target), "")
		addAttempt(&row, e)
	case e.TargetKind == jobTarget:
		row.URL = "/jobs/" + url.PathEscape(e.Target)
	case e.TargetKind == ruleTarget:
		row.URL = rulesPath + "/" + url.PathEscape(e.Target)
	case e.TargetKind == suggestionTarget:
		row.URL = suggestionsPath + "/" + url.PathEscape(e.Target)
	case e.TargetKind == causeTarget:
		title := titles[e.Target]
		row.Target, row.Named, row.URL = cmp.Or(title, shortID(e.Target)), title != "", page.CauseURL(e.Target)
	case e.TargetKind == recipeTarget:
		row.URL = recipesPath + "/" + url.PathEscape(e.Target)
		if name, ok := recipeName(e); ok {
			row.Target, row.Named = printable(name), true
		}
	case e.Target == e.By && e.Action != "user.add", e.TargetKind == auditTarget:
		row.Target = "" // the sentence needs no target
	}
	return row
}

// auditTarget is the target kind of events about the trail itself.
const auditTarget = "audit"

// shortID returns the end of a message id: enough to tell messages of a page apart. The beginning is a timestamp, which
// neighbours share.
func shortID(id string) string {
	const few, enough = 8, 12
	if text := []rune(printable(id)); len(text) > enough {
		return "…" + string(text[len(text)-few:])
	}
	return printable(id)
}

// addAttempt adds the result of a delivery to its row.
func addAttempt(row *page.AuditRow, e store.EventRow) {
	outcome, ok := strings.CutPrefix(e.Action, "attempt.")
	if !ok {
		return
	}
	var facts struct {
		Attempt    int
		StatusCode int
		LatencyMS  int64 `json:"latencyMs"`
		DueAt      time.Time
	}
	// An event of another version may lack some of these fields.
	_ = json.Unmarshal(e.After, &facts)
	if facts.Attempt > 0 {
		row.Attempt = strconv.Itoa(facts.Attempt)
	}
	if outcome == "started" {
		return
	}
	row.To, row.Source, row.Outcome = row.Source, "", outcome
	row.Code, row.Next = code(facts.StatusCode), ui.At(facts.DueAt)
	row.Took = latency(time.Duration(facts.LatencyMS) * time.Millisecond)
}

// chainView shows the latest checks of the trail; the zero view before the first one.
func chainView(chain store.AuditResult) page.ChainStatus {
	v := page.ChainStatus{At: ui.At(chain.At)}
	switch {
	case chain.Fault != "":
		v.Broken, v.Text = true, sentence(chain.Fault)
	case chain.At.IsZero(), chain.Events == 0: // an empty trail is not called intact: it may have been deleted
		return page.ChainStatus{}
	default:
		v.Text = plural(int(chain.Events), "event") + ", each confirmed by the next one."
	}
	for _, accepted := range chain.Accepted {
		v.Gaps = append(v.Gaps, page.ChainGap{
			Text: sentence(strings.Join(accepted.Found(), "; ")), By: printable(accepted.Person()),
			At: ui.At(accepted.By.At), Reason: printable(accepted.By.Reason),
		})
	}
	return v
}

// maxFact bounds one fact of an event on a page, in bytes.
const maxFact = 4 << 10

// changesOf returns the facts that differ before and after an event.
func changesOf(before, after json.RawMessage) []page.AuditChange {
	old, now := factsOf(before), factsOf(after)
	names := slices.Collect(maps.Keys(old))
	for name := range now {
		if _, ok := old[name]; !ok {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, statusFirst)
	var rows []page.AuditChange
	for _, name := range names {
		if !bytes.Equal(old[name], now[name]) {
			rows = append(rows, page.AuditChange{
				Name: factName(name), Old: factOf(name, old[name]), New: factOf(name, now[name]),
			})
		}
	}
	return rows
}

const statusFact = "status"

// statusFirst sorts names with the status first.
func statusFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == statusFact:
		return -1
	case b == statusFact:
		return 1
	}
	return strings.Compare(a, b)
}

// factsOf returns the fields of an object. Any other JSON value is one fact without a name.
func factsOf(text json.RawMessage) map[string]json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	var facts map[string]json.RawMessage
	if err := json.Unmarshal(text, &facts); err != nil {
		return map[string]json.RawMessage{"": text}
	}
	return facts
}

// factNames are the labels of fields whose names do not say it.
var factNames = map[string]string{
	"":             "Value",
	"statusCode":   "Status code",
	"latencyMs":    "Latency",
	"acceptedBy":   "Accepted by",
	"dueAt":        "Next delivery",
	"ownedUntil":   "Claimed until",
	"mutedUntil":   "Muted until",
	"mutedCount":   "Muted for messages",
	"mutedPerHour": "Muted up to messages an hour",

	"mutedUntilDelivered": "Muted until a delivery",
	"needsRestart":        "Needs a restart",
	"savedRecipe":         "Saved recipe",
	"recipeVersion":       "Version of the recipe",
	"bodySha256":          "SHA-256 of the body",
}

// factName returns the label of a field.
func factName(name string) string {
	if label := factNames[name]; label != "" {
		return label
	}
	if strings.ContainsAny(name, "._") {
		return printable(name) // a key of the configuration
	}
	return strings.TrimSuffix(sentence(printable(name)), ".")
}

func factOf(name string, value json.RawMessage) page.AuditFact {
	if len(value) == 0 || string(value) == "null" {
		return page.AuditFact{}
	}
	text, list := string(value), []string(nil)
	if json.Unmarshal(value, &list) == nil {
		text = strings.Join(list, "; ")
	} else if err := json.Unmarshal(value, &text); err != nil {
		text = string(value)
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil &&
		(strings.HasSuffix(name, "At") || strings.HasSuffix(name, "Until")) {
		return page.AuditFact{At: ui.At(at)}
	}
	switch name {
	case statusFact:
		text = ui.StatusWord(text)
	case "state":
		text = strings.TrimSuffix(sentence(text), ".")
	case "latencyMs":
		text += " ms"
	}
	return page.AuditFact{Text: printable(string(cutText([]byte(text), maxFact)))}
}

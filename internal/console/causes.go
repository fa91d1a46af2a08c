package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/search"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	causesPath = "/causes"

	// unresolved is the tab of all causes that are not resolved.
	unresolved = "unresolved"

	// ownedByMe and unowned are values of the filter by owner; any other one is a user's name.
	ownedByMe = "me"
	unowned   = "none"

	// plotHours is how many hours the plot of a row shows, the present one included.
	plotHours = 24
)

func (c *Console) causeListRoutes(r chi.Router) {
	r.Get(causesPath, c.handle(c.causes))
	r.With(c.form(maxForm)).Post(causesPath+"/bulk", c.handle(c.bulkCauses))
}

// causeFields are the filters of the list of causes.
func causeFields() []field {
	return []field{{"state", ""}, {"source", "Source"}, {"owner", "Owner"}, {"q", ""}, {"sort", ""}}
}

func (c *Console) causes(w http.ResponseWriter, r *http.Request) error {
	return c.showCauses(w, r, ui.Notice{}, r.URL.Query())
}

// showCauses renders the list for a query, with a notice about the action before it.
func (c *Console) showCauses(w http.ResponseWriter, r *http.Request, notice ui.Notice, values url.Values) error {
	v, status := c.causesView(r, values)
	v.Notice = notice
	if isPartial(r) {
		return c.render(w, r, status, page.CausesList(v))
	}
	return c.render(w, r, status, page.Causes(c.chrome(r, "Causes"), v))
}

// causeList is the data of a list of causes.
type causeList struct {
	query   url.Values // of the address, without cursor
	cursor  string
	after   int64 // the newest event of the audit trail before it was read
	asked   store.CauseQuery
	page    store.Page[desk.CauseView]
	hours   map[string][]deadletter.CauseHour
	counts  store.CauseCounts
	sources []string
	notes   []ui.Notice // what the search does not reach
}

// causesView returns the list. If it cannot, the view says why.
func (c *Console) causesView(r *http.Request, values url.Values) (page.CausesView, int) {
	l := causeList{query: pickFields(values, causeFields()), cursor: values.Get("cursor")}
	err := c.readCauses(r.Context(), &l)
	v := c.causeListView(r.Context(), l)
	var fault error
	v.Jobs, fault = c.userJobs(r, address(causesPath, replaceParam(l.query, "cursor", l.cursor)))
	err = cmp.Or(err, fault)
	v.Grouping = c.groupProgress(r)
	if v.OnTheirWay, fault = c.onTheirWayNotice(r.Context()); err == nil {
		err = fault
	}
	switch kind := deadletter.KindOf(err); {
	case err == nil:
	case kind == deadletter.Invalid:
		// Rather show nothing than causes that do not match.
		v.State, v.Filter.Error = page.StateNoMatch, errorText(err)
		v.Filter.Faulty = faulty(l.query.Get("q"), err)
		return v, statusOf(kind)
	default:
		var status int
		v.State, v.Fault, status = c.unreadable(r, err)
		return v, status
	}
	if len(v.Rows) > 0 {
		return v, http.StatusOK
	}
	v.State = page.StateNoMatch
	if n := l.counts.Total(); n > 0 {
		v.OtherState, v.OtherStateURL = plural(n, "cause"), address(causesPath, l.withState(allStatus))
		if l.counts.AtLeast {
			v.OtherState = number(n) + "+ causes"
		}
	}
	if all, err := c.Store.CauseCounts(r.Context(), store.CauseFilter{}); err == nil && all.Total() == 0 {
		v.State, v.Curl = page.StateNothing, c.tryCurl(r)
	}
	return v, http.StatusOK
}

func (c *Console) readCauses(ctx context.Context, l *causeList) (err error) {
	if l.after, err = c.Store.LatestSequence(ctx); err != nil {
		return err
	}
	if l.sources, err = c.Store.Sources(ctx); err != nil {
		return err
	}
	if l.asked, err = causeQuery(auth.Actor(ctx), l.query, l.cursor); err != nil {
		return err
	}
	if l.asked.CauseFilter, err = c.Store.LookupCauses(ctx, l.asked.CauseFilter); err != nil {
		return err
	}
	if l.counts, err = c.Store.CauseCounts(ctx, l.asked.CauseFilter); err != nil {
		return err
	}
	if l.page, err = c.Desk.Causes(ctx, auth.Actor(ctx), l.asked); err != nil {
		return err
	}
	if l.notes, err = c.causeSearchNotes(ctx, l.asked.CauseFilter); err != nil {
		return err
	}
	l.hours, err = c.causeHours(ctx, l.page.Items)
	return err
}

// causeHours returns what failed and recovered in the latest hours of causes.
func (c *Console) causeHours(ctx context.Context, causes []desk.CauseView) (map[string][]deadletter.CauseHour, error) {
	fingerprints := make([]string, len(causes))
	for i, v := range causes {
		fingerprints[i] = v.Cause.Fingerprint
	}
	return c.Store.CauseHours(ctx, fingerprints, firstPlotHour(c.Now()))
}

func firstPlotHour(now time.Time) time.Time {
	return now.UTC().Truncate(time.Hour).Add(-(plotHours - 1) * time.Hour)
}

// causeQuery parses the query of the list of causes. The store parses its text. The default tab has all that are not
// resolved.
func causeQuery(by deadletter.Actor, query url.Values, cursor string) (store.CauseQuery, error) {
	q := store.CauseQuery{Cursor: cursor, Limit: pageSize}
	q.Text, q.By = query.Get("q"), by.Name
	var errs [3]error
	q.Source, errs[0] = parseText("source", query.Get("source"))
	q.States, errs[1] = parseCauseStates(query.Get("state"))
	q.Sort, errs[2] = oneOf("order", query.Get("sort"), store.CauseSorts())
	selectOwner(&q.CauseFilter, by, query.Get("owner"))
	return q, cmp.Or(errs[:]...)
}

// selectOwner makes a filter select the causes of an owner: a user, ownedByMe, or unowned.
func selectOwner(f *store.CauseFilter, by deadletter.Actor, owner string) {
	f.Owner, f.Unowned = owner, false
	switch owner {
	case unowned:
		f.Owner, f.Unowned = "", true
	case ownedByMe:
		f.Owner = by.Name
	}
}

func parseCauseStates(text string) ([]deadletter.CauseState, error) {
	switch text {
	case allStatus:
		return nil, nil
	case "", unresolved:
		return slices.DeleteFunc(deadletter.CauseStates(), func(s deadletter.CauseState) bool {
			return s == deadletter.CauseResolved
		}), nil
	}
	state, err := oneOf("state", text, deadletter.CauseStates())
	return []deadletter.CauseState{state}, err
}

func (c *Console) causeListView(ctx context.Context, l causeList) page.CausesView {
	state := url.Values{}
	if s := l.query.Get("state"); s != "" {
		state.Set("state", s)
	}
	v := page.CausesView{
		RetryURL: address(causesPath, replaceParam(l.query, "cursor", l.cursor)),
		Here:     address(causesPath, replaceParam(l.query, "cursor", l.cursor)),
		FirstURL: address(causesPath, l.query),
		Tabs:     causeTabs(l),
		Filter: page.CausesFilter{
			Text: l.query.Get("q"), Sources: options(l.query.Get("source"), c.sourceNames(), l.sources),
		},
		Sorts: causeSorts(l),
		Order: causeOrders[l.asked.Sort].words,
		Owners: []page.Preset{
			preset(causesPath, "Mine", l.query, url.Values{"owner": {ownedByMe}}),
			preset(causesPath, "Unowned", l.query, url.Values{"owner": {unowned}}),
		},
		Chips: append(chips(causesPath, l.query, causeFields(), describeCauseFilter),
			termChips(causesPath, l.query, l.asked.Query(), search.Term.Compared)...),
		SearchNotes: l.notes,
		ClearURL:    address(causesPath, state),
		PrevURL:     pageURL(causesPath, l.query, l.page.Newer),
		NextURL:     pageURL(causesPath, l.query, l.page.Older),
		Denied:      errorText(auth.Actor(ctx).May(deadletter.ActClaim)),
	}
	if v.PrevURL != "" {
		v.StartURL = v.FirstURL
	}
	live := replaceParam(replaceParam(l.query, "cursor", l.cursor), "after", strconv.FormatInt(l.after, 10))
	v.Live = address(livePath, replaceParam(live, "only", causesOnly))
	for _, name := range []string{"state", "owner", "sort"} {
		if value := l.query.Get(name); value != "" {
			v.Filter.Carried = append(v.Filter.Carried, ui.Option{Label: name, Value: value})
		}
	}
	for _, cause := range l.page.Items {
		v.Rows = append(v.Rows, c.causeRow(ctx, cause, l.hours[cause.Cause.Fingerprint]))
	}
	return v
}

// sourceNames returns the names of the configured sources.
func (c *Console) sourceNames() (names []string) {
	for _, s := range c.Settings().Sources {
		names = append(names, s.Name)
	}
	return names
}

// describeCauseFilter returns the text of a filter's chip.
func describeCauseFilter(name, value string) string {
	switch {
	case name == "owner" && value == ownedByMe:
		return "you"
	case name == "owner" && value == unowned:
		return "nobody" // words:ok, a label
	}
	return filterValueText(name, value)
}

// withState returns the query of the list with another state, in place of one that its text asks for.
func (l causeList) withState(state string) url.Values {
	return replaceTerm(l.query, l.asked.Query(), "state", state)
}

// causeTabs returns the states with the number of matching causes in each.
func causeTabs(l causeList) []page.CauseTab {
	selected := cmp.Or(l.query.Get("state"), unresolved)
	if len(l.asked.States) == 1 {
		selected = string(l.asked.States[0])
	}
	tab := func(name, value string, n int) page.CauseTab {
		v := page.CauseTab{
			Name: name, Label: strings.ToUpper(name[:1]) + name[1:], Current: name == selected,
			URL: address(causesPath, l.withState(value)),
		}
		switch {
		case l.counts.ByState == nil || n == 0 && l.counts.AtLeast: // not known
		case l.counts.AtLeast:
			v.Count = number(n) + "+"
		default:
			v.Count = number(n)
		}
		return v
	}
	all := l.counts.Total()
	tabs := []page.CauseTab{tab(unresolved, "", all-l.counts.ByState[deadletter.CauseResolved])}
	for _, s := range deadletter.CauseStates() {
		tabs = append(tabs, tab(string(s), string(s), l.counts.ByState[s]))
	}
	return append(tabs, tab(allStatus, allStatus, all))
}

// causeOrders has the label and the words of each order.
var causeOrders = map[store.CauseSort]struct{ label, words string }{
	store.ByUrgency: {
		"Urgent",
		"Regressed and new first, then growing, then the rest by size; muted and resolved last.",
	},
	store.ByNewest:  {"Newest", "The latest failure first."},
	store.ByOldest:  {"Oldest", "The cause that was seen first stands first."},
	store.BySize:    {"Largest", "The most failed and retrying messages first."},
	store.ByGrowing: {"Growing", "The most failures this hour, compared with its usual hour, first."},
}

func causeSorts(l causeList) (list []page.Preset) {
	for _, by := range store.CauseSorts() {
		list = append(list, page.Preset{
			Label: causeOrders[by].label, Current: by == l.asked.Sort,
			URL: address(causesPath, replaceParam(l.query, "sort", string(by))),
		})
	}
	return list
}

// causeRow shows a cause as a row of the list.
func (c *Console) causeRow(ctx context.Context, v desk.CauseView, hours []deadletter.CauseHour) page.CauseRow {
	cause, now := v.Cause, c.Now()
	row := page.CauseRow{
		Fingerprint:   cause.Fingerprint,
		Version:       strconv.Itoa(cause.Version),
		URL:           page.CauseURL(cause.Fingerprint),
		Source:        printable(cause.Source),
		Destination:   printable(redact.Host(cause.Destination)),
		CauseStanding: c.causeStanding(auth.Actor(ctx), cause),
		Failed:        countedOfCause(cause.Failed, cause.Fingerprint, deadletter.Failed),
		Retrying:      countedOfCause(cause.Retrying, cause.Fingerprint, deadletter.Retrying),
		Hours:         causeSpark(hours, now),
		Arriving:      cause.Arriving(now),
		Growing:       cause.Growth > 0,
		First:         ui.At(cause.FirstAt),
		Last:          ui.At(cause.LastAt),
		Replays:       causeReplays(cause),
		Next:          nextStep(v),
		Refused:       causeRefusals(v),
	}
	row.Code, row.Title = titleParts(cause)
	if n := deadletter.PerHour(hours, now); n > 0 {
		row.PerHour = number(n)
	}
	return row
}

// titleParts returns the status code of a cause and the rest of its title.
func titleParts(cause deadletter.Cause) (status, title string) {
	status, title = code(cause.StatusCode), printable(cause.Title)
	if rest, ok := strings.CutPrefix(title, status); ok {
		return status, strings.TrimLeft(rest, ": ")
	}
	return "", title
}

// countedOfCause returns a number of messages of a cause, with a link to them.
func countedOfCause(n int, fingerprint string, s deadletter.Status) page.Count {
	return counted(n, "/messages", url.Values{"status": {string(s)}, "cause": {fingerprint}})
}

// causeStanding shows who or what a cause waits for.
func (c *Console) causeStanding(by deadletter.Actor, cause deadletter.Cause) page.CauseStanding {
	v := page.CauseStanding{
		State:      string(cause.State),
		Owner:      printable(cause.Owner),
		Mine:       cause.Owner != "" && strings.EqualFold(cause.Owner, by.Name),
		OwnedUntil: ui.At(cause.OwnedUntil),
		Ticket:     page.Ticket{ID: printable(cause.Ticket), URL: c.Desk.TicketURL(cause.Ticket)},
		MutedUntil: ui.At(cause.Mute.Until),
	}
	if m := cause.Mute; m.Count > 0 {
		v.MutedFor = append(v.MutedFor, "after "+number(max(0, m.From+m.Count-cause.Messages))+" more")
	}
	if cause.Mute.PerHour > 0 {
		v.MutedFor = append(v.MutedFor, "at "+number(cause.Mute.PerHour)+" an hour")
	}
	if cause.Mute.UntilDelivered {
		v.MutedFor = append(v.MutedFor, "at the next delivery")
	}
	return v
}

// causeReplays returns what replays of a cause came to.
func causeReplays(cause deadletter.Cause) (list []page.ReplayResult) {
	add := func(r deadletter.Replays, how string) {
		if r.Tried == 0 {
			return
		}
		tone := ui.Warn
		switch r.Delivered {
		case 0:
			tone = ui.Fault
		case r.Tried:
			tone = ui.Done
		}
		list = append(list, page.ReplayResult{
			Delivered: number(r.Delivered), Tried: number(r.Tried), Share: r.Delivered * 100 / r.Tried,
			How: how, Tone: tone,
		})
	}
	add(cause.Unedited, "as they were")
	edit := "after an edit"
	if cause.EditReason != "" {
		edit = "after “" + printable(cause.EditReason) + "”"
	}
	add(cause.Edited, edit)
	return list
}

// nextStep returns the next step for a cause in words, with where to do it.
func nextStep(v desk.CauseView) page.NextStep {
	step := page.NextStep{
		Text: page.StepText(string(v.Next.Kind), number(v.Cause.Failed), number(v.Cause.Retrying)),
		URL:  page.CauseURL(v.Cause.Fingerprint),
	}
	switch {
	case v.Next.Kind == deadletter.StepRecipe:
		step.Text = page.RecipeStep(
			printable(v.Next.Recipe.Name), number(v.Next.Replays.Delivered), number(v.Next.Replays.Tried),
		)
	case v.Next.Kind == deadletter.StepBreaker:
		step.URL = "/overview"
	case v.Next.Kind == deadletter.StepLook && v.Cause.Owner != "":
		step.Text = "Look at a message, then replay or edit it"
	}
	return step
}

// causeSpark counts the failures and recoveries of the latest hours.
func causeSpark(hours []deadletter.CauseHour, now time.Time) page.Spark {
	s := page.Spark{Failed: make([]int, plotHours), Recovered: make([]int, plotHours)}
	first := firstPlotHour(now)
	failed, recovered, most := 0, 0, 0
	for _, h := range hours {
		i := int(h.At.Sub(first) / time.Hour)
		if i < 0 || i >= plotHours {
			continue
		}
		s.Failed[i], s.Recovered[i] = h.Failed, h.Recovered
		failed, recovered = failed+h.Failed, recovered+h.Recovered
		if h.Failed > s.Failed[most] {
			most = i
		}
	}
	s.Summary = number(failed) + " failed and " + number(recovered) + " recovered in the last 24 hours."
	if failed > 0 {
		s.Summary += " Most failed from " + first.Add(time.Duration(most)*time.Hour).Format("15:04 UTC") + ": " +
			number(s.Failed[most]) + "."
	}
	return s
}

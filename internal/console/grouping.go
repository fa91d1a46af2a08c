package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	groupingPath = causesPath + "/grouping"
	mergePath    = causesPath + "/merge"
	splitPath    = causesPath + "/split"

	// mergeOffers is how many causes of a source are offered for a merge.
	mergeOffers = 20
)

func (c *Console) groupingRoutes(r chi.Router) {
	r.Get(groupingPath, c.handle(c.grouping))
	r.Get(mergePath, c.handle(c.mergeForm))
	r.Get(splitPath, c.handle(c.splitForm))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post(groupingPath, c.handle(c.addGroupRule))
		r.Post(groupingPath+"/{rule}/undo", c.handle(c.undoGroupRule))
		r.Post(mergePath, c.handle(c.merge))
		r.Post(splitPath, c.handle(c.split))
	})
}

// groupProgress returns how far stored messages are grouped anew. A page without it is still useful.
func (c *Console) groupProgress(r *http.Request) page.GroupProgress {
	now, err := c.Store.Regrouping(r.Context())
	if err != nil || !now.Active() {
		return page.GroupProgress{}
	}
	return page.GroupProgress{
		Done: number(now.Done), Of: number(now.Messages), Percent: strconv.Itoa(100 * now.Done / max(1, now.Messages)),
	}
}

func (c *Console) grouping(w http.ResponseWriter, r *http.Request) error {
	source := r.URL.Query().Get("source")
	return c.showGrouping(w, r, http.StatusOK, source, page.GroupRuleForm{Source: source}, nil)
}

func (c *Console) showGrouping(
	w http.ResponseWriter, r *http.Request, status int, source string, form page.GroupRuleForm, trial *page.GroupTrial,
) error {
	by := auth.Actor(r.Context())
	rules, err := c.Desk.GroupRules(r.Context(), by, source)
	if err != nil {
		return err
	}
	form.Sources = options(form.Source, c.sourceNames())
	v := page.GroupingView{
		Source: source, Sources: options(source, c.sourceNames()), Form: form, Trial: trial,
		Progress: c.groupProgress(r),
	}
	if err := by.May(deadletter.ActGroupRules); err != nil {
		v.Denied = sentence(errorText(err))
	}
	for _, rule := range rules {
		v.Rows = append(v.Rows, groupRuleRow(rule, by, c.Now()))
	}
	return c.render(w, r, status, page.Grouping(c.chrome(r, "Grouping"), v))
}

func groupRuleRow(r deadletter.GroupRule, by deadletter.Actor, now time.Time) page.GroupRuleRow {
	row := page.GroupRuleRow{
		Kind: string(r.Kind), Source: printable(r.Source), Pattern: printable(r.Pattern), Title: printable(r.Title),
		Into: printable(r.Into.Error), At: ui.At(r.At), Undone: printable(r.UndoneBy),
	}
	if !r.Configured {
		row.By = printable(r.By)
	}
	for _, from := range r.From {
		row.From = append(row.From, printable(from.Error))
	}
	if _, err := r.Undo(by, now); err == nil {
		row.UndoURL = groupingPath + "/" + strconv.FormatInt(r.ID, 10) + "/undo"
	} else if r.InForce() {
		row.Denied = sentence(errorText(err))
	}
	return row
}

// addGroupRule adds a rule, or tries it.
func (c *Console) addGroupRule(w http.ResponseWriter, r *http.Request) error {
	form := page.GroupRuleForm{
		Source: r.PostForm.Get("source"), Kind: r.PostForm.Get("kind"), Pattern: r.PostForm.Get("pattern"),
		Title: r.PostForm.Get("title"), Open: true,
	}
	rule := deadletter.GroupRule{
		Kind: deadletter.GroupKind(form.Kind), Source: form.Source, Pattern: form.Pattern, Title: form.Title,
	}
	by := auth.Actor(r.Context())
	if r.PostForm.Get("try") != "" {
		trial, err := c.Desk.TryGroupRule(r.Context(), by, rule)
		if err != nil {
			return c.refuseGroupRule(w, r, form, err)
		}
		return c.showGrouping(w, r, http.StatusOK, form.Source, form, groupTrial(trial))
	}
	if err := c.Desk.AddGroupRule(r.Context(), by, rule); err != nil {
		return c.refuseGroupRule(w, r, form, err)
	}
	c.redirect(w, r, address(groupingPath, url.Values{"source": {form.Source}}), ui.Notice{
		Kind: ui.Done, Text: "The rule is in force.", Hint: "Stored messages are grouped anew.",
	})
	return nil
}

func (c *Console) refuseGroupRule(w http.ResponseWriter, r *http.Request, form page.GroupRuleForm, err error) error {
	kind := deadletter.KindOf(err)
	if kind != deadletter.Invalid && kind != deadletter.Conflict {
		return err
	}
	text := sentence(errorText(err))
	switch deadletter.FieldOf(err) {
	case deadletter.FieldPattern:
		form.PatternError = text
	case deadletter.FieldTitle:
		form.TitleError = text
	default:
		form.Error = text
	}
	return c.showGrouping(w, r, statusOf(kind), form.Source, form, nil)
}

// maxMoves is how many causes a trial names.
const maxMoves = 20

func groupTrial(t store.GroupTrial) *page.GroupTrial {
	v := &page.GroupTrial{Looked: "Looked at " + plural(t.Looked, "stored message") + "."}
	if !t.All {
		v.Looked = "Looked at " + plural(t.Looked, "stored message") + ", not at all: there are more."
	}
	joined := joinedText(t)
	split, parts := t.Split()
	switch {
	case joined != "" && split > 0:
		v.Summary = joined + "; splits " + plural(split, "cause") + ", from which " + plural(parts, "message") +
			" would move."
	case joined != "":
		v.Summary = joined + "."
	case split > 0:
		v.Summary = "Splits " + plural(split, "cause") + ", from which " + plural(parts, "message") + " would move."
	default:
		v.Summary = "Changes nothing: no stored message would move."
	}
	for _, m := range t.Moves[:min(len(t.Moves), maxMoves)] {
		move := page.GroupMove{
			URL: causesPath + "/" + m.Fingerprint, Title: printable(m.Title), Messages: plural(m.Messages, "message"),
			To: printable(m.To),
		}
		if m.Stay > 0 {
			move.Stay = number(m.Stay)
		}
		v.Moves = append(v.Moves, move)
	}
	return v
}

// joinedText says how many causes a rule would join: "Joins 3 causes, 1,204 messages", or to how many if those are more
// than one; "" for none.
func joinedText(t store.GroupTrial) string {
	causes, into, messages := t.Joined()
	if causes == 0 {
		return ""
	}
	text := "Joins " + plural(causes, "cause") + ", " + plural(messages, "message")
	if into > 1 {
		text += ", to " + number(into)
	}
	return text
}

func (c *Console) undoGroupRule(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "rule"), 10, 64)
	if err != nil {
		return deadletter.Errorf(deadletter.NotFound, "there is no such rule")
	}
	if err := c.Desk.UndoGroupRule(r.Context(), auth.Actor(r.Context()), id); err != nil {
		return err
	}
	c.redirect(w, r, groupingPath, ui.Notice{
		Kind: ui.Done, Text: "Undone.", Hint: "The causes are as they were before, with their notes and states.",
	})
	return nil
}

func (c *Console) mergeForm(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return c.showMerge(w, r, http.StatusOK, q["cause"], page.MergeView{Text: q.Get("q")})
}

func (c *Console) merge(w http.ResponseWriter, r *http.Request) error {
	chosen, into := r.PostForm["cause"], r.PostForm.Get("into")
	err := c.Desk.MergeCauses(r.Context(), auth.Actor(r.Context()), chosen, into)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, causesPath+"/"+url.PathEscape(into), ui.Notice{
			Kind: ui.Done, Text: plural(len(chosen), "cause") + " are one now.", Hint: "Undo it under Grouping.",
		})
		return nil
	case kind == deadletter.Invalid || kind == deadletter.Conflict:
		return c.showMerge(w, r, statusOf(kind), chosen, page.MergeView{Error: sentence(errorText(err))})
	}
	return err
}

func (c *Console) showMerge(
	w http.ResponseWriter, r *http.Request, status int, chosen []string, v page.MergeView,
) error {
	by := auth.Actor(r.Context())
	if err := by.May(deadletter.ActGroup); err != nil {
		v.Denied = sentence(errorText(err))
	}
	if len(chosen) == 0 {
		return deadletter.Errorf(
			deadletter.Invalid,
			"no cause is chosen: select some in the list of causes, then merge them",
		)
	}
	for i, fingerprint := range chosen[:min(len(chosen), deadletter.MaxMerged+1)] {
		found, err := c.Desk.Cause(r.Context(), by, fingerprint)
		if err != nil {
			return err
		}
		m := mergeCause(found.Cause)
		m.Into = i == 0
		v.Source = cmp.Or(v.Source, found.Cause.Source)
		v.Chosen = append(v.Chosen, m)
	}
	others, err := c.Desk.Causes(r.Context(), by, store.CauseQuery{
		CauseFilter: store.CauseFilter{Source: v.Source, Text: v.Text}, Sort: store.BySize,
		Limit: mergeOffers + len(v.Chosen),
	})
	if deadletter.KindOf(err) == deadletter.Invalid {
		v.Error, status = sentence(errorText(err)), statusOf(deadletter.Invalid)
	} else if err != nil {
		return err
	}
	for _, other := range others.Items {
		m := mergeCause(other.Cause)
		isChosen := slices.ContainsFunc(
			v.Chosen,
			func(c page.MergeCause) bool { return c.Fingerprint == m.Fingerprint },
		)
		if isChosen || len(v.Others) == mergeOffers {
			continue
		}
		m.AddURL = address(mergePath, url.Values{"cause": append(slices.Clone(chosen), m.Fingerprint)})
		v.Others = append(v.Others, m)
	}
	return c.render(w, r, status, page.MergeCauses(c.chrome(r, "Merge causes"), v))
}

func mergeCause(c deadletter.Cause) page.MergeCause {
	return page.MergeCause{
		Fingerprint: c.Fingerprint, Title: printable(c.Title), URL: causesPath + "/" + c.Fingerprint,
		Open: number(c.Open()), Messages: plural(c.Messages, "message"), State: string(c.State),
	}
}

func (c *Console) splitForm(w http.ResponseWriter, r *http.Request) error {
	return c.showSplit(w, r, http.StatusOK, page.SplitView{Fingerprint: r.URL.Query().Get("cause")})
}

// split splits a cause by words or a pattern, or tries it.
func (c *Console) split(w http.ResponseWriter, r *http.Request) error {
	v := page.SplitView{
		Fingerprint: r.PostForm.Get("cause"), Text: r.PostForm.Get("text"), Pattern: r.PostForm.Get("pattern"),
		NewTitle: r.PostForm.Get("title"),
	}
	by := auth.Actor(r.Context())
	pattern := cmp.Or(v.Pattern, deadletter.LiteralPattern(v.Text))
	var err error
	if r.PostForm.Get("try") != "" {
		var trial store.GroupTrial
		if trial, err = c.Desk.TrySplit(r.Context(), by, v.Fingerprint, pattern, v.NewTitle); err == nil {
			v.Trial = groupTrial(trial)
			return c.showSplit(w, r, http.StatusOK, v)
		}
	} else if err = c.Desk.SplitCause(r.Context(), by, v.Fingerprint, pattern, v.NewTitle); err == nil {
		c.redirect(w, r, causesPath+"/"+url.PathEscape(v.Fingerprint), ui.Notice{
			Kind: ui.Done, Text: "The cause is split.", Hint: "Undo it under Grouping.",
		})
		return nil
	}
	kind := deadletter.KindOf(err)
	if kind != deadletter.Invalid && kind != deadletter.Conflict {
		return err
	}
	v.Error = sentence(errorText(err))
	return c.showSplit(w, r, statusOf(kind), v)
}

// splitExamples is how many errors of a cause the page shows.
const splitExamples = 10

func (c *Console) showSplit(w http.ResponseWriter, r *http.Request, status int, v page.SplitView) error {
	by := auth.Actor(r.Context())
	found, err := c.Desk.Cause(r.Context(), by, v.Fingerprint)
	if err != nil {
		return err
	}
	v.Title, v.URL = printable(found.Cause.Title), causesPath+"/"+found.Cause.Fingerprint
	if err := by.May(deadletter.ActGroup); err != nil {
		v.Denied = sentence(errorText(err))
	}
	list, err := c.Store.Messages(r.Context(), store.MessageQuery{
		Filter: store.Filter{Cause: found.Cause.Fingerprint}, Limit: splitExamples,
	})
	if err != nil {
		return err
	}
	messages := list.Items
	if err := c.Desk.Hider().Messages(r.Context(), messages); err != nil {
		return err
	}
	for _, m := range messages {
		if text := printable(m.Reason); !slices.Contains(v.Examples, text) {
			v.Examples = append(v.Examples, text)
		}
	}
	return c.render(w, r, status, page.SplitCause(c.chrome(r, "Split a cause"), v))
}

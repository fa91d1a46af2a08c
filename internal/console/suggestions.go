package console

import (
	"context"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const suggestionsPath = "/suggestions"

func (c *Console) suggestionRoutes(r chi.Router) {
	r.Get(suggestionsPath, c.handle(c.suggestions))
	r.Get(suggestionsPath+"/{suggestion}", c.handle(c.suggestion))
	r.With(c.form(maxForm)).Post(suggestionsPath+"/{suggestion}/start", c.handle(c.startSuggestion))
	r.With(c.form(maxForm)).Post(suggestionsPath+"/{suggestion}/dismiss", c.handle(c.dismissSuggestion))
}

func suggestionURL(id deadletter.SuggestionID) string { return suggestionsPath + "/" + id.String() }

func (c *Console) readSuggestion(r *http.Request) (s deadletter.Suggestion, err error) {
	id, err := strconv.ParseInt(chi.URLParam(r, "suggestion"), 10, 64)
	if err != nil {
		return s, deadletter.Errorf(deadletter.NotFound, "there is no suggestion %q",
			printable(chi.URLParam(r, "suggestion")))
	}
	return c.Desk.Suggestion(r.Context(), auth.Actor(r.Context()), deadletter.SuggestionID(id))
}

// suggestions lists those that wait for a person: all, or those about one cause.
func (c *Console) suggestions(w http.ResponseWriter, r *http.Request) error {
	v, status := page.SuggestionsView{RetryURL: r.URL.RequestURI()}, http.StatusOK
	list, err := c.Desk.OpenSuggestions(r.Context(), auth.Actor(r.Context()), r.URL.Query().Get("cause"))
	if err == nil {
		v.Rows, err = c.suggestionRows(r.Context(), list)
	}
	switch {
	case err != nil:
		v.State, v.Fault, status = c.unreadable(r, err)
	case len(v.Rows) == 0:
		v.State = page.StateNothing
	}
	v.Chrome = c.chrome(r, "Suggestions")
	return c.render(w, r, status, page.Suggestions(v))
}

// suggested returns the suggestions about a cause, or all for "". A page without them is still useful.
func (c *Console) suggested(ctx context.Context, cause string) []page.SuggestionRow {
	list, err := c.Desk.OpenSuggestions(ctx, auth.Actor(ctx), cause)
	if err != nil {
		return nil
	}
	rows := make([]page.SuggestionRow, len(list))
	for i, s := range list {
		rows[i] = suggestionRow(s)
	}
	return rows
}

func (c *Console) suggestionRows(
	ctx context.Context, list []deadletter.Suggestion,
) (rows []page.SuggestionRow, err error) {
	causes := make([]string, len(list))
	for i, s := range list {
		causes[i] = s.Cause
	}
	titles, err := c.causeTitles(ctx, causes)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		row := suggestionRow(s)
		if row.Cause = titles[s.Cause]; row.Cause != "" {
			row.CauseURL = page.CauseURL(s.Cause)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// suggestionRow shows a suggestion without its cause.
func suggestionRow(s deadletter.Suggestion) page.SuggestionRow {
	row := page.SuggestionRow{
		URL:    suggestionURL(s.ID),
		Why:    printable(s.Why),
		By:     printable(s.By),
		At:     ui.At(s.At),
		Expiry: ui.At(s.ExpiresAt),
	}
	switch s.Kind {
	case deadletter.SuggestNote:
		row.Does = "Add a note"
	case deadletter.SuggestMute:
		row.Does = "Mute the cause"
	case deadletter.SuggestJob:
		row.Does, row.URL = wordsOf(s.Action).verb+" messages", jobPath(s.Job)
	}
	return row
}

func (c *Console) suggestion(w http.ResponseWriter, r *http.Request) error {
	s, err := c.readSuggestion(r)
	if err != nil {
		return err
	}
	if s.Kind == deadletter.SuggestJob {
		http.Redirect(w, r, jobPath(s.Job), http.StatusSeeOther)
		return nil
	}
	return c.showSuggestion(w, r, http.StatusOK, s, ui.Notice{})
}

// showSuggestion shows what would be done for a cause, with what came of a form.
func (c *Console) showSuggestion(
	w http.ResponseWriter, r *http.Request, status int, s deadletter.Suggestion, notice ui.Notice,
) error {
	by := auth.Actor(r.Context())
	v := page.SuggestionView{
		SuggestionRow: suggestionRow(s), As: printable(by.Name), Note: printable(s.Note), Notice: notice,
		Button: "Add note",
	}
	if s.Kind == deadletter.SuggestMute {
		v.Mute, v.Button = s.Mute.Text(), "Mute"
	}
	if v.Decided.Denied = errorText(s.Permits(by, c.Now())); s.Decision != "" {
		v.Decided = page.SuggestionDecision{
			Word: string(s.Decision), By: printable(s.DecidedBy), At: ui.At(s.DecidedAt),
		}
	}
	seen, err := c.Desk.Cause(r.Context(), by, s.Cause)
	switch {
	case err == nil:
		v.Cause, v.CauseURL = printable(seen.Cause.Title), page.CauseURL(seen.Cause.Fingerprint)
		v.State, v.Failed = string(seen.Cause.State), number(seen.Cause.Failed)+" failed now"
		v.Ref = strconv.Itoa(seen.Cause.Version)
	case deadletter.KindOf(err) != deadletter.NotFound:
		return err
	}
	v.Chrome = c.chrome(r, v.Does)
	return c.render(w, r, status, page.Suggestion(v))
}

func (c *Console) startSuggestion(w http.ResponseWriter, r *http.Request) error {
	return c.decideSuggestion(
		w,
		r,
		"Done.",
		func(ctx context.Context, by deadletter.Actor, s deadletter.Suggestion) error {
			version, err := strconv.Atoi(r.PostForm.Get("version"))
			if err != nil {
				return deadletter.Errorf(deadletter.Invalid, "the form is incomplete: reload the page")
			}
			return c.Desk.StartSuggestion(ctx, by, s.ID, version)
		},
	)
}

func (c *Console) dismissSuggestion(w http.ResponseWriter, r *http.Request) error {
	return c.decideSuggestion(
		w,
		r,
		"Dismissed.",
		func(ctx context.Context, by deadletter.Actor, s deadletter.Suggestion) error {
			return c.Desk.DismissSuggestion(ctx, by, s.ID)
		},
	)
}

// decideSuggestion carries out the decision of a person, and leads to the cause.
func (c *Console) decideSuggestion(
	w http.ResponseWriter, r *http.Request, done string,
	order func(ctx context.Context, by deadletter.Actor, s deadletter.Suggestion) error,
) error {
	s, err := c.readSuggestion(r)
	if err != nil {
		return err
	}
	err = order(r.Context(), auth.Actor(r.Context()), s)
	kind := deadletter.KindOf(err)
	switch {
	case err == nil:
		to := suggestionsPath
		if s.Cause != "" {
			to = page.CauseURL(s.Cause)
		}
		c.redirect(w, r, to, ui.Notice{Kind: ui.Done, Text: done})
		return nil
	case (kind == deadletter.Conflict || kind == deadletter.Invalid) && s.Kind != deadletter.SuggestJob:
		notice := ui.Notice{Kind: ui.Warn, Text: errorText(err)}
		if s, err = c.readSuggestion(r); err != nil {
			return err
		}
		return c.showSuggestion(w, r, statusOf(kind), s, notice)
	}
	return err
}

// jobSuggestion says which assistant made a draft, and names its recipe in the form.
func (c *Console) jobSuggestion(
	ctx context.Context, id deadletter.JobID, form *page.JobConfirmView,
) (v page.JobSuggestion, err error) {
	by := auth.Actor(ctx)
	s, err := c.Desk.SuggestionOfJob(ctx, by, id)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.SuggestionRow = suggestionRow(s)
	if err := s.Permits(by, c.Now()); err != nil {
		form.Denied, form.Size.Label = errorText(err), ""
	} else {
		v.DismissURL = suggestionURL(s.ID) + "/dismiss"
	}
	if form.Saved.SaveAs == "" {
		form.Saved.SaveAs = printable(s.SaveAs)
	}
	return v, nil
}

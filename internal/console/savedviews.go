package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// listLayout is how a user has laid out the message list.
type listLayout struct {
	Compact bool     `json:"compact,omitempty"`
	Hidden  []string `json:"hidden,omitempty"` // columns
}

// columns are the columns that can be hidden, with their labels.
func columns() []field {
	return []field{
		{"source", "Source"},
		{"type", "Event type"},
		{"cause", "Cause"},
		{"response", "Response"},
		{"attempts", "Attempts"},
		{"last", "Last attempt"},
	}
}

// readLayout returns the user's layout of the list, or the default if it cannot be read.
func (c *Console) readLayout(ctx context.Context) listLayout {
	var l listLayout
	text, err := c.Store.ListLayout(ctx, auth.Actor(ctx).Name)
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &l)
	}
	if err != nil {
		c.Log.WarnContext(ctx, "the layout of the message list could not be read", "err", err)
	}
	return l
}

func (l listLayout) view() page.ListLayout {
	v := page.ListLayout{Compact: l.Compact}
	for _, column := range columns() {
		v.Columns = append(v.Columns, ui.Option{
			Value: column.name, Label: column.label, Selected: !slices.Contains(l.Hidden, column.name),
		})
	}
	return v
}

// saveLayout saves the layout of the list and shows the list with it.
func (c *Console) saveLayout(w http.ResponseWriter, r *http.Request) error {
	l := listLayout{Compact: r.PostForm.Get("density") == "compact"}
	for _, column := range columns() {
		if !slices.Contains(r.PostForm["column"], column.name) {
			l.Hidden = append(l.Hidden, column.name)
		}
	}
	text, err := json.Marshal(l)
	if err == nil {
		err = c.Desk.SaveListLayout(r.Context(), auth.Actor(r.Context()), string(text))
	}
	return c.afterForm(w, r, ui.Notice{}, err)
}

// views returns the user's saved views and the shared ones.
func (c *Console) views(ctx context.Context, current url.Values) ([]page.SavedView, error) {
	actor := auth.Actor(ctx)
	list, err := c.Store.Views(ctx, actor.Name)
	if err != nil {
		return nil, err
	}
	var views []page.SavedView
	hider := c.Desk.Hider()
	for _, v := range list {
		own := v.Owner == actor.Name
		saved := page.SavedView{
			Name:    printable(hider.Note(v.Name)),
			URL:     listPath(v.Query),
			Current: v.Query == current.Encode(),
			Shared:  v.Shared,
		}
		if !own {
			saved.Owner = printable(v.Owner)
		}
		if own || actor.May(deadletter.ActUsers) == nil {
			saved.DeleteURL = "/views/" + strconv.FormatInt(v.ID, 10) + "/delete"
		}
		views = append(views, saved)
	}
	return views, nil
}

func (c *Console) saveView(w http.ResponseWriter, r *http.Request) error {
	v := store.View{Name: r.PostForm.Get("name"), Query: backQuery(r), Shared: r.PostForm.Get("shared") != ""}
	return c.afterForm(
		w, r, ui.Notice{Kind: ui.Done, Text: "The view is saved."},
		c.Desk.SaveView(r.Context(), auth.Actor(r.Context()), v),
	)
}

func (c *Console) dropView(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "view"), 10, 64)
	if err != nil {
		return deadletter.Errorf(deadletter.NotFound, "there is no such view")
	}
	return c.afterForm(
		w, r, ui.Notice{Kind: ui.Done, Text: "The view is deleted."},
		c.Desk.DeleteView(r.Context(), auth.Actor(r.Context()), id),
	)
}

// afterForm shows the list that a form was sent from, with the result of the form.
func (c *Console) afterForm(w http.ResponseWriter, r *http.Request, done ui.Notice, err error) error {
	switch kind := deadletter.KindOf(err); {
	case err == nil, kind == deadletter.Invalid:
	case kind == deadletter.Forbidden:
		c.refused(r, desk.RefusedAction, "", deadletter.TextOf(err))
	default:
		return err
	}
	if err != nil {
		done = ui.Notice{Kind: ui.Warn, Text: errorText(err)}
	}
	return c.backToList(w, r, done)
}

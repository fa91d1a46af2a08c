package console

import (
	"net/http"
	"net/url"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// viewer returns who looks at a page.
func (c *Console) viewer(r *http.Request) desk.Viewer {
	return desk.Viewer{Actor: auth.Actor(r.Context()), Session: c.Auth.Session(r.Context())}
}

// unmask shows masked values of a message to the user for some minutes.
func (c *Console) unmask(w http.ResponseWriter, r *http.Request) error {
	id := messageID(r)
	_, err := c.Desk.Unmask(r.Context(), c.viewer(r), id, r.PostForm.Get("value"), r.PostForm.Get("reason"))
	return c.afterUnmask(w, r, id, "Masked values are shown to you, and to no one else.", err)
}

// maskAgain masks the values before their time is over.
func (c *Console) maskAgain(w http.ResponseWriter, r *http.Request) error {
	id := messageID(r)
	return c.afterUnmask(w, r, id, "The values are masked again.", c.Desk.MaskAgain(r.Context(), c.viewer(r), id))
}

func (c *Console) afterUnmask(w http.ResponseWriter, r *http.Request, id deadletter.ID, done string, err error) error {
	kind, refused := deadletter.KindOf(err), ui.Notice{Kind: ui.Fault, Text: errorText(err)}
	switch {
	case err == nil:
		c.redirect(w, r, messageURL(id, backQuery(r)), ui.Notice{Kind: ui.Info, Text: done})
		return nil
	case kind != deadletter.Invalid && kind != deadletter.Conflict:
		return err
	}
	m, err := c.Store.Message(r.Context(), id)
	if err != nil {
		return err
	}
	return c.showMessage(w, r, statusOf(kind), c.view(r, m), m.Revision, refused)
}

// unmaskView shows who sees masked values of a message now, and offers them to those who may.
func (c *Console) unmaskView(
	r *http.Request, m deadletter.Message, shown deadletter.Revision, list []deadletter.Unmasking,
) page.Unmask {
	by, now, hider := c.viewer(r), c.Now(), c.Desk.Hider()
	base := "/messages/" + url.PathEscape(string(m.ID))
	v := page.Unmask{Back: backQuery(r)}
	for _, u := range list {
		n := page.UnmaskNotice{
			By: printable(u.By), Name: printable(u.Value), Until: ui.At(u.Until),
			Reason: printable(hider.Note(u.Reason)),
		}
		if u.ShowsTo(by.Actor, by.Session, now) {
			n.EndURL = base + "/mask"
			v.Seconds = max(v.Seconds, int(u.Until.Sub(now).Seconds())+1)
		}
		v.Notices = append(v.Notices, n)
	}
	if by.Actor.May(deadletter.ActUnmask) != nil || v.Seconds > 0 {
		return v
	}
	names := c.Desk.SourceOf(m).Masks.MaskedNames(shown.Headers, m.Query, shown.Body)
	if len(names) == 0 {
		return v
	}
	v.URL = base + "/unmask"
	for _, name := range names {
		if printable(name) == name { // a form can send it back
			v.Names = append(v.Names, name)
		}
	}
	return v
}

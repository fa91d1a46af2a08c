package console

import (
	"context"
	"net/http"
	"net/url"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const howToResign = "Set verify.resign to sign it anew."

func signedAnew() page.SignatureNote {
	return page.SignatureNote{
		Text: "A replay will be signed anew: the handler may refuse the signature that the message came with.",
	}
}

func signedOriginal() page.SignatureNote {
	return page.SignatureNote{
		Text: "The handler may refuse an edit: the signature is that of the original. " + howToResign,
	}
}

// signatureNote returns whether the handler of a message may refuse the signature of a replay.
func (c *Console) signatureNote(seen desk.View) page.SignatureNote {
	m, policy := seen.Message, seen.Signature
	switch policy.State(m.Revision > 0, m.ReceivedAt, c.Now()) {
	case deadletter.SignatureRenewed:
		return signedAnew()
	case deadletter.SignatureOfOther:
		return signedOriginal()
	case deadletter.SignatureTooOld:
		const old = "The handler may refuse a replay: the signature is from "
		return page.SignatureNote{Text: old, At: ui.At(m.ReceivedAt), Rest: ". " + howToResign}
	case deadletter.SignatureAccepted:
	}
	until := policy.AcceptedUntil(m.ReceivedAt)
	if until.IsZero() {
		return page.SignatureNote{}
	}
	note := page.SignatureNote{
		Text: "From ", At: ui.At(until), Rest: " on, the handler may refuse a replay: its signature will be too old.",
		URL: "/messages/" + url.PathEscape(string(m.ID)) + "/signature", Changes: until.Sub(c.Now()),
	}
	if policy.Resign {
		note.Rest = " on, a replay will be signed anew."
	}
	return note
}

// signature renders the note again, for a page that was open when it changed.
func (c *Console) signature(w http.ResponseWriter, r *http.Request) error {
	m, err := c.Store.Message(r.Context(), messageID(r))
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, page.MessageSignature(c.signatureNote(c.view(r, m))))
}

// editSignatureNote is signatureNote for an edit that is not saved yet.
func (c *Console) editSignatureNote(seen desk.View) page.SignatureNote {
	switch state := seen.Signature.State(true, seen.Message.ReceivedAt, c.Now()); {
	case state == deadletter.SignatureRenewed:
		return page.SignatureNote{Text: "The edit will be signed anew."}
	case state.MayBeRefused():
		return signedOriginal()
	}
	return page.SignatureNote{}
}

// jobSignatures returns, for each source of a job, what becomes of signatures. refused reports whether a handler may
// refuse some.
func (c *Console) jobSignatures(ctx context.Context, j deadletter.Job) (notes []string, refused bool, err error) {
	if !j.Delivers() || j.Action.Redrives() {
		return nil, false, nil
	}
	sources, err := c.Desk.JobSources(ctx, j)
	for _, s := range sources {
		state := j.SignatureState(s.Signature, c.Now())
		refused = refused || state.MayBeRefused()
		if note := jobSignatureNote(s, state, j); note != "" {
			notes = append(notes, note)
		}
	}
	return notes, refused, err
}

func jobSignatureNote(s desk.Source, state deadletter.SignatureState, j deadletter.Job) string {
	name, edited := printable(s.Name)+": ", "edited messages"
	late := "messages received over " + formatDuration(s.Signature.Age) + " ago"
	switch {
	case j.Action.Edits():
		edited = "the edits"
	case s.Signature.Age > 0 && j.Edited > 0:
		edited = late + ", and edited ones"
	case s.Signature.Age > 0:
		edited = late
	}
	switch {
	case state == deadletter.SignatureRenewed:
		return name + edited + " will be signed anew."
	case state.MayBeRefused():
		return name + "the handler may refuse " + edited + ", because their signatures are those of the originals."
	}
	return ""
}

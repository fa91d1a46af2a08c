package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// bulkCauses carries out an action on the selected causes, or on all failed messages of them.
func (c *Console) bulkCauses(w http.ResponseWriter, r *http.Request) error {
	refs, err := causeSelection(r.PostForm["item"])
	if err != nil {
		return err
	}
	switch r.PostForm.Get("action") {
	case "claim":
		return c.claimCauses(w, r, refs)
	case "mute":
		return c.muteCauses(w, r, refs)
	case "merge":
		chosen := url.Values{}
		for _, ref := range refs {
			chosen.Add("cause", ref.Fingerprint)
		}
		c.redirect(w, r, address(mergePath, chosen), ui.Notice{})
		return nil
	}
	action, err := deadletter.JobAction(r.PostForm.Get("action"))
	if err != nil {
		return err
	}
	query := failedOfCauses(refs)
	asked, err := messageQuery(r.Context(), query, "")
	if err != nil {
		return err
	}
	j, err := c.Desk.FreezeMatching(r.Context(), auth.Actor(r.Context()), action, asked.Filter, query.Encode())
	if err != nil {
		return c.afterCauses(w, r, ui.Notice{}, err)
	}
	return c.startOrAsk(w, r, j)
}

// causeSelection parses FINGERPRINT@VERSION of each selected cause.
func causeSelection(items []string) (refs []desk.CauseRef, err error) {
	messages, err := selection(items)
	if err == nil && len(messages) == 0 {
		err = deadletter.Errorf(deadletter.Invalid, "no cause is selected: select one, then choose the action")
	}
	for _, m := range messages {
		refs = append(refs, desk.CauseRef{Fingerprint: string(m.ID), Version: m.Version})
	}
	return refs, err
}

// failedOfCauses returns the query of the list of failed messages of causes.
func failedOfCauses(refs []desk.CauseRef) url.Values {
	fingerprints := make([]string, len(refs))
	for i, ref := range refs {
		fingerprints[i] = ref.Fingerprint
	}
	return url.Values{"status": {string(deadletter.Failed)}, "cause": {strings.Join(fingerprints, ",")}}
}

func (c *Console) claimCauses(w http.ResponseWriter, r *http.Request, refs []desk.CauseRef) error {
	lease, err := time.ParseDuration(r.PostForm.Get("for"))
	if err != nil {
		return deadletter.Errorf(deadletter.Invalid, "choose how long the claim lasts")
	}
	by := auth.Actor(r.Context())
	done, err := each(refs, func(ref desk.CauseRef) error {
		_, err := c.Desk.Claim(r.Context(), by, ref, lease)
		return err
	})
	return c.afterCauses(w, r, ordered("claimed", done, len(refs), err), err)
}

// muteCauses mutes the selected causes. It asks first what ends the mute.
func (c *Console) muteCauses(w http.ResponseWriter, r *http.Request, refs []desk.CauseRef) error {
	by := auth.Actor(r.Context())
	if err := by.May(deadletter.ActMute); err != nil {
		return err
	}
	if r.PostForm.Get("sent") == "" {
		return c.askMute(w, r, nil)
	}
	until, err := muteForm(r)
	if err != nil {
		return c.askMute(w, r, err)
	}
	done, err := each(refs, func(ref desk.CauseRef) error {
		_, err := c.Desk.Mute(r.Context(), by, ref, until)
		return err
	})
	if done == 0 && deadletter.KindOf(err) == deadletter.Invalid {
		return c.askMute(w, r, err)
	}
	return c.afterCauses(w, r, ordered("muted", done, len(refs), err), err)
}

// muteForm parses what ends a mute.
func muteForm(r *http.Request) (m deadletter.Mute, err error) {
	var errs [3]error
	m.Until, errs[0] = parseTime("until", strings.TrimSpace(r.PostForm.Get("until")))
	m.Count, errs[1] = muteNumber(r, "count")
	m.PerHour, errs[2] = muteNumber(r, "rate")
	m.UntilDelivered = r.PostForm.Get("delivered") == "yes"
	return m, errors.Join(errs[:]...)
}

// sentMute shows the form of a mute as it was sent, with the fault in it.
func sentMute(r *http.Request, fault error) page.MuteForm {
	return page.MuteForm{
		Until: r.PostForm.Get("until"), Count: r.PostForm.Get("count"), Rate: r.PostForm.Get("rate"),
		Delivered: r.PostForm.Get("delivered") == "yes", Error: errorText(fault),
	}
}

func muteNumber(r *http.Request, name string) (int, error) {
	n := formNumber(r, name)
	if n < 0 {
		return 0, deadletter.Errorf(deadletter.Invalid, "%q is not a number of messages: use digits",
			printable(r.PostForm.Get(name)))
	}
	return n, nil
}

// askMute shows what can end a mute: in a dialog if scripts run, as a page otherwise.
func (c *Console) askMute(w http.ResponseWriter, r *http.Request, fault error) error {
	v := page.MuteCausesView{
		Heading: "Mute " + plural(len(r.PostForm["item"]), "cause"),
		Items:   r.PostForm["item"],
		To:      cmp.Or(returnPath(r), causesPath),
		InPage:  !isPartial(r),
		Form:    sentMute(r, fault),
	}
	status := http.StatusOK
	if fault != nil {
		status = statusOf(deadletter.KindOf(fault))
	}
	if v.InPage {
		return c.render(w, r, status, page.MuteCausesPage(c.chrome(r, v.Heading), v))
	}
	w.Header().Set("HX-Retarget", "#job-dialog")
	w.Header().Set("HX-Reswap", "innerHTML")
	return c.render(w, r, status, page.MuteCauses(v))
}

// each calls order for each cause. It returns how many succeeded and the first error.
func each(refs []desk.CauseRef, order func(ref desk.CauseRef) error) (done int, first error) {
	for _, ref := range refs {
		switch err := order(ref); {
		case err == nil:
			done++
		case first == nil:
			first = err
		}
	}
	return done, first
}

// ordered says what an order for causes came to.
func ordered(past string, done, of int, err error) ui.Notice {
	n := ui.Notice{Kind: ui.Done, Text: "You " + past + " " + plural(done, "cause") + "."}
	if err != nil {
		n.Kind, n.Text = ui.Warn, "You "+past+" "+strconv.Itoa(done)+" of "+plural(of, "cause")+"."
		n.Hint = errorText(err)
	}
	return n
}

// afterCauses shows the list that a form was sent from, with the result of the form.
func (c *Console) afterCauses(w http.ResponseWriter, r *http.Request, n ui.Notice, err error) error {
	switch deadletter.KindOf(err) {
	case deadletter.Invalid, deadletter.Conflict, deadletter.NotFound:
	default:
		if err != nil {
			return err
		}
	}
	if err != nil && n.Text == "" {
		n = ui.Notice{Kind: ui.Warn, Text: errorText(err)}
	}
	to := cmp.Or(returnPath(r), causesPath)
	at, parseErr := url.Parse(to)
	if parseErr != nil || !isPartial(r) {
		c.redirect(w, r, to, n)
		return nil
	}
	return c.showCauses(w, r, n, at.Query())
}

// causeRefusals returns why actions on a cause are not possible, for the script of the list.
func causeRefusals(v desk.CauseView) (list []page.Refusal) {
	for name, act := range map[string]deadletter.Action{"claim": deadletter.ActClaim, "mute": deadletter.ActMute} {
		if err := v.Refused[act]; err != nil {
			list = append(list, page.Refusal{Actions: []string{name}, Reason: errorText(err)})
		}
	}
	if v.Cause.Failed == 0 {
		list = append(list, page.Refusal{
			Actions: []string{"archive", "edit", "replay"}, Reason: "None of its messages is failed now.",
		})
	}
	return list
}

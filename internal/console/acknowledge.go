package console

import (
	"net/http"
	"net/url"
	"strconv"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const acknowledgePath = "/ledger/acknowledge"

// acknowledgeURL is the page on which an imbalance is acknowledged.
func acknowledgeURL(i deadletter.Imbalance) string {
	key := i.Key()
	return address(acknowledgePath, url.Values{
		"hour": {
			key.Hour.UTC().Format(formTime),
		},
		"source": {key.Source},
		"stage":  {string(key.Stage)},
		"kind":   {string(key.Kind)},
	})
}

// imbalanceAsked answers the imbalance that an address or a form names; NotFound where there is none any more.
func (c *Console) imbalanceAsked(values url.Values) (deadletter.Imbalance, error) {
	hour, err := parseTime("time", values.Get("hour"))
	if err != nil {
		return deadletter.Imbalance{}, err
	}
	key := deadletter.ImbalanceKey{
		Hour:   hour,
		Source: values.Get("source"),
		Stage:  deadletter.LedgerStage(values.Get("stage")),
		Kind:   deadletter.ImbalanceKind(values.Get("kind")),
	}
	i, ok := c.Ledger().Find(key)
	if !ok {
		return i, deadletter.Errorf(deadletter.NotFound, "this hour balances by now: there is nothing to acknowledge")
	}
	return i, nil
}

func (c *Console) acknowledgeForm(w http.ResponseWriter, r *http.Request) {
	i, err := c.imbalanceAsked(r.URL.Query())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showAcknowledge(w, r, http.StatusOK, i, "", "")
}

func (c *Console) showAcknowledge(
	w http.ResponseWriter,
	r *http.Request,
	status int,
	i deadletter.Imbalance,
	note, fault string,
) {
	key := i.Key()
	v := page.AcknowledgeView{
		Chrome: c.chrome(
			r,
			"Acknowledge an imbalance",
		),
		Imbalance: c.imbalanceView(i),
		Note:      note,
		Fault:     fault,
		Denied:    why(auth.Actor(r.Context()).May(deadletter.ActAcknowledge)),
		Hour: key.Hour.UTC().
			Format(formTime),
		Source: key.Source,
		Stage:  string(key.Stage),
		Kind:   string(key.Kind),
		Amount: strconv.Itoa(i.Amount()),
	}
	c.render(w, r, status, page.Acknowledge(v))
}

// acknowledge takes a note on an imbalance. What is missing in the form is asked for in the same place.
func (c *Console) acknowledge(w http.ResponseWriter, r *http.Request) {
	i, err := c.imbalanceAsked(r.PostForm)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	note := r.PostForm.Get("note")
	err = c.Desk.Acknowledge(r.Context(), auth.Actor(r.Context()), i.Key(), formNumber(r, "amount"), note)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(
			w,
			r,
			"/ledger",
			ui.Notice{Kind: ui.Done, Text: "Acknowledged: this hour is no alarm any more, unless its amount changes."},
		)
	case kind == deadletter.Invalid, kind == deadletter.Conflict:
		c.showAcknowledge(w, r, statusOf(kind), i, note, why(err))
	default:
		c.fail(w, r, err)
	}
}

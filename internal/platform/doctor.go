package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

// State is the result of a check.
type State string

// The results of a check.
const (
	OK   State = "ok"
	Warn State = "warn" // it works with a flaw, or could not be checked
	Fail State = "fail"
)

// Check is one checked item with its result.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"` // what to do; empty: nothing
}

// Examine checks a webhook's registration: whether a token is granted, and the registration of its URL is complete.
func (c *Client) Examine(ctx context.Context, w Webhook) []Check {
	checks := []Check{c.examineRules(w)}
	if len(c.preset.Paste) > 0 && c.missing() != nil {
		return append(checks, Check{
			Name:  "token",
			State: Warn,
			Text:  "not checked: no client is configured, and " + c.preset.Name + " needs none to receive",
		})
	}
	granted, err := c.Token(ctx)
	if err != nil {
		return append(checks, failed("token", err))
	}
	text := "granted by " + granted.TokenURL
	if granted.Lifetime > 0 {
		text += " for " + granted.Span()
	}
	return append(checks, Check{Name: "token", State: OK, Text: text}, c.examineRegistration(ctx, w))
}

func (c *Client) examineRules(w Webhook) Check {
	if len(c.preset.Paste) > 0 {
		return Check{Name: "registrable", State: OK, Text: "by hand: dlqdesk platform register prints what to paste"}
	}
	if err := c.Check(w); err != nil {
		return failed("registrable", err)
	}
	return Check{Name: "registrable", State: OK, Text: c.preset.Title + " accepts " + w.URL}
}

func failed(name string, err error) Check {
	check := Check{Name: name, State: Fail, Text: err.Error()}
	if f, ok := errors.AsType[*Fault](err); ok {
		short := *f
		short.Fix = ""
		check.Text, check.Fix = short.Error(), f.Fix
	} else if what, fix, ok := strings.Cut(err.Error(), ": "); ok && deadletter.KindOf(err) == deadletter.Invalid {
		check.Text, check.Fix = what, fix
	}
	return check
}

func (c *Client) examineRegistration(ctx context.Context, w Webhook) Check {
	const name = "registration"
	if err := c.preset.Can(List); err != nil {
		return Check{Name: name, State: Warn, Text: "cannot be checked", Fix: deadletter.TextOf(err)}
	}
	if c.preset.Found.URL == "" {
		return Check{
			Name:  name,
			State: Warn,
			Text:  "cannot be compared: " + c.preset.Name + " does not report the webhook's URL",
			Fix:   "check it with dlqdesk platform list",
		}
	}
	found, err := c.At(ctx, w.URL)
	switch {
	case err != nil:
		return failed(name, err)
	case len(found) == 0:
		return Check{
			Name:  name,
			State: Fail,
			Text:  "nothing is registered for " + w.URL,
			Fix:   "dlqdesk platform register " + w.Source,
		}
	case len(found) > 1:
		return Check{
			Name:  name,
			State: Warn,
			Text:  fmt.Sprintf("%d are registered for %s: each event comes as often", len(found), w.URL),
			Fix:   "delete all but one of " + ids(found),
		}
	}
	check := c.examineItem(name, found[0])
	if differs := c.differences(w, found[0]); check.State == OK && len(differs) > 0 {
		check.State, check.Text = Warn, found[0].ID+" is registered with other settings: "+strings.Join(differs, "; ")
		check.Fix = "change them there, or delete " + found[0].ID + " and register again"
	}
	return check
}

// differences returns the settings of a registration that differ from those a new registration would have, except the
// name and secrets.
func (c *Client) differences(w Webhook, i Item) []string {
	planned, err := c.planned(c.steps(Create)[0], Command{Webhook: w})
	if err != nil {
		return nil // Check returns the reason
	}
	var want, have map[string]any
	if json.Unmarshal([]byte(planned.Body), &want) != nil || json.Unmarshal(i.All, &have) != nil {
		return nil
	}
	delete(want, c.preset.Found.Name)
	delete(want, c.preset.Found.URL) // the item was found by it
	var list []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !within(want[name], have[name]) {
			list = append(list, fmt.Sprintf("%s is %s instead of %s", name, brief(have[name]), brief(want[name])))
		}
	}
	return list
}

// within reports whether a JSON value contains another one. It may have more members, because platforms add their own.
// A masked value is not compared.
func within(want, have any) bool {
	if want == redact.Mask {
		return true
	}
	object, ok := want.(map[string]any)
	other, same := have.(map[string]any)
	if !ok || !same {
		return reflect.DeepEqual(want, have)
	}
	for name, value := range object {
		if !within(value, other[name]) {
			return false
		}
	}
	return true
}

// longestValue is the length up to which a setting is shown, in bytes.
const longestValue = 80

func brief(v any) string {
	if v == nil {
		return "not set"
	}
	text, err := json.Marshal(v)
	if err != nil || len(text) > longestValue {
		return "another value"
	}
	return string(text)
}

func (c *Client) examineItem(name string, i Item) Check {
	a := c.preset.Await
	switch status := field(i.All, a.Field); {
	case a.Field == "" || status == a.Done:
		return Check{Name: name, State: OK, Text: strings.TrimSpace(i.ID+" "+i.Name) + " is registered for " + i.URL}
	case status == a.Fault:
		return Check{
			Name:  name,
			State: Fail,
			Text:  i.ID + ": " + a.Field + " is " + status,
			Fix:   "dlqdesk platform delete it, and register again",
		}
	default:
		return Check{
			Name:  name,
			State: Warn,
			Text:  i.ID + " is still being created: " + a.Field + " is " + status,
			Fix:   "run this again in a minute",
		}
	}
}

func ids(items []Item) string {
	var names []string
	for _, i := range items {
		names = append(names, i.ID)
	}
	return list(names)
}

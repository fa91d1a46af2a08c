package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
)

// orderFlags are those of orders for some things, one after another.
type orderFlags struct {
	deskFlag
	form
	DryRun bool     `name:"dry-run" help:"Say what would happen, and change nothing."`
	IDs    []string `arg:"" name:"id" help:"Ids. A hyphen reads them from stdin, one a line."`
}

// confirmFlags confirm what the desk asks before it sends a message.
type confirmFlags struct {
	ConfirmUnknown bool `name:"confirm-unknown" help:"Also what may already have been processed."`
	ConfirmNewer   bool `name:"confirm-newer" help:"Also if newer events of the same thing were delivered."`
}

// in adds the confirmations to the body of an order.
func (c confirmFlags) in(body map[string]any) map[string]any {
	if c.ConfirmUnknown {
		body["confirmUnknown"] = true
	}
	if c.ConfirmNewer {
		body["confirmNewer"] = true
	}
	return body
}

// order is an order that a command gives for each of some messages, causes, jobs or tokens.
type order struct {
	things string // the path of the things: "/messages/"
	path   string // behind the id of one: "/replay"
	act    string // as the desk names what it allows: "replay"; "": it is not known beforehand
	body   map[string]any
}

// permitted is the part of a message, cause or job that says what can be done to it.
type permitted struct {
	Status  string
	State   string
	Allowed []string
	Refused map[string]string
	Asks    []string
}

// carryOut gives the order for each of the ids. If one is refused, it prints the reason and goes on with the others.
func (f orderFlags) carryOut(p program, o order) error {
	return f.ask(p, f.form, func(ctx context.Context, d asked) error {
		var done []json.RawMessage
		var refused []error
		n := 0
		canAsk := !slices.Contains(f.IDs, "-") // stdin has the ids
		for id, err := range p.ids(f.IDs) {
			if err != nil {
				return err
			}
			if n++; len(f.IDs) > 1 || !canAsk {
				d.dialog.Progress("%d …", n)
			}
			answer, err := o.give(ctx, d, id, f.DryRun, canAsk)
			if err != nil && !isOfOne(err) {
				return err
			}
			if err != nil {
				refused = append(refused, err)
				if len(f.IDs) > 1 || !canAsk {
					d.dialog.Say("%s: %s", id, err)
				}
				continue
			}
			if f.JSON {
				done = append(done, answer)
				continue
			}
			if err := f.shown(d, id, answer); err != nil {
				return err
			}
		}
		return f.end(d, done, refused, n)
	})
}

// isOfOne reports whether an error is about one thing, and not about all that follow.
func isOfOne(err error) bool {
	p, ok := errors.AsType[*api.Problem](err)
	return ok && (p.Status == http.StatusNotFound || p.Status == http.StatusConflict ||
		p.Status == http.StatusRequestEntityTooLarge)
}

func (f orderFlags) end(d asked, done []json.RawMessage, refused []error, n int) error {
	d.dialog.Clear()
	if f.JSON {
		text, err := json.Marshal(client.Page{Items: append([]json.RawMessage{}, done...)})
		if err == nil {
			err = d.document(text, jsonIndent)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case len(refused) == 0:
		return nil
	case n == 1:
		return refused[0]
	}
	return severalRefused{refused[0], len(refused), n}
}

// severalRefused is the error of orders of which some were refused. Its exit code is that of the first.
type severalRefused struct {
	first      error
	refused, n int
}

func (e severalRefused) Error() string { return fmt.Sprintf("%d of %d were refused", e.refused, e.n) }

// Unwrap returns the first error.
func (e severalRefused) Unwrap() error { return e.first }

// shown prints the outcome for one thing.
func (f orderFlags) shown(d asked, id string, answer []byte) error {
	view, err := client.Parse[permitted](answer)
	if err != nil {
		return err
	}
	return d.printOne(answer, id, func() error {
		state := view.Status + view.State
		switch {
		case f.DryRun && len(view.Asks) > 0:
			return d.screen.Line("%s  would ask for %s", id, strings.Join(flagsOf(view.Asks), " and "))
		case f.DryRun:
			return d.screen.Line("%s  would be done", id)
		case state == "":
			state = "done"
		}
		return d.screen.Line("%s  %s", id, state)
	})
}

func flagsOf(fields []string) []string {
	flags := make([]string, len(fields))
	for i, field := range fields {
		flags[i] = confirmations[field]
	}
	return flags
}

// give sends the order for one thing, or with dryRun only finds out whether it is possible.
func (o order) give(ctx context.Context, d asked, id string, dryRun, canAsk bool) ([]byte, error) {
	at := o.things + url.PathEscape(id)
	if dryRun {
		return o.tryOut(ctx, d, at)
	}
	body := map[string]any{}
	for name, value := range o.body {
		body[name] = value
	}
	answer, err := d.confirmed(ctx, at+o.path, "", body, canAsk)
	if err == nil && len(answer.Body) == 0 { // the desk says no more than that it is done
		answer.Body, err = json.Marshal(map[string]string{"id": id})
	}
	return answer.Body, err
}

// tryOut returns the thing if the order is possible now, with the confirmations that it would ask for.
func (o order) tryOut(ctx context.Context, d asked, at string) ([]byte, error) {
	view, answer, err := client.Read[permitted](d.Get(ctx, at, nil))
	if err != nil {
		return nil, err
	}
	if why, ok := view.Refused[o.act]; ok {
		return nil, &api.Problem{
			Type: api.ProblemPrefix + "conflict", Status: http.StatusConflict, Detail: "would be refused: " + why,
		}
	}
	return o.withoutGiven(answer.Body, view)
}

// withoutGiven removes the confirmations that the order has from those that the thing asks for.
func (o order) withoutGiven(answer []byte, view permitted) ([]byte, error) {
	if len(view.Asks) == 0 {
		return answer, nil
	}
	left := slices.DeleteFunc(view.Asks, func(field string) bool { return o.body[field] == true || !o.sends() })
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(answer, &whole); err != nil {
		return nil, err
	}
	asks, err := json.Marshal(append([]string{}, left...))
	if err != nil {
		return nil, err
	}
	whole["asks"] = asks
	return json.Marshal(whole)
}

// sends reports whether the order sends a message.
func (o order) sends() bool { return o.path != "/archive" && o.path != "/restore" }

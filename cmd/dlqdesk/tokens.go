package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/terminal"
)

// tokenCmds are the commands about tokens of the API.
type tokenCmds struct {
	List   tokenList   `cmd:"" help:"List your tokens, or those of machines."`
	Make   tokenMake   `cmd:"" help:"Make a token, and print its secret."`
	Revoke tokenRevoke `cmd:"" help:"End tokens."`
}

type tokenList struct {
	deskFlag
	form
	Machines bool `help:"Those of machines, for administrators."`
}

func (l tokenList) Run(p program) error {
	q := url.Values{}
	if l.Machines {
		q.Set("machines", "true")
	}
	return l.ask(p, l.form, func(ctx context.Context, d asked) error {
		return listing[api.Token]{
			path: "/tokens", query: q, pages: pageFlags{whole: true}, none: "There are no tokens.",
			columns: []terminal.Column{
				{Title: "ID"},
				{Title: "NAME", Shrinks: true},
				{Title: "SECRET"},
				{Title: "ROLE"},
				{Title: "SOURCES", Shrinks: true, Spare: true},
				{Title: "EXPIRES"},
				{Title: "LAST USED", Spare: true},
			},
			id: func(t api.Token) string { return strconv.FormatInt(t.ID, 10) },
			row: func(t api.Token) []terminal.Cell {
				return []terminal.Cell{
					{Text: strconv.FormatInt(t.ID, 10)},
					{Text: t.Name},
					{Text: t.Hint + "…"},
					{Text: t.Role},
					{Text: strings.Join(t.Sources, ", ")},
					{Text: whenever(t.ExpiresAt)},
					{Text: whenever(t.UsedAt)},
				}
			},
		}.print(ctx, d)
	})
}

type tokenMake struct {
	deskFlag
	Name      string   `arg:"" help:"The name of the token, for the audit trail."`
	Role      string   `required:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
	Sources   []string `name:"source" placeholder:"SOURCE" help:"Only for this source; may be repeated."`
	Days      int      `default:"0" help:"Days until it expires; 0: as late as your token."`
	Machine   bool     `help:"It acts in its own name, and goes on when you leave."`
	Assistant bool     `help:"It is good for an assistant alone, which reads and suggests."`
	JSON      bool     `name:"json" help:"Print JSON."`
	DryRun    bool     `name:"dry-run" help:"Say what would happen, and change nothing."`
}

// Run prints the secret alone, so that a pipe can have it.
func (c tokenMake) Run(p program) error {
	return c.ask(p, form{JSON: c.JSON}, func(ctx context.Context, d asked) error {
		if c.DryRun {
			me, _, err := client.Read[api.Identity](d.Get(ctx, "/me", nil))
			if err != nil {
				return err
			}
			return d.screen.Line("%s would make the token %s, which may be %s", me.Name, c.Name, c.Role)
		}
		// It is not sent again without an answer: that would make two.
		answer, err := d.Do(ctx, client.Request{
			Method: http.MethodPost, Path: "/tokens", Once: true, Body: map[string]any{
				"name": c.Name, "role": c.Role, "sources": append([]string{}, c.Sources...), "days": c.Days,
				"machine": c.Machine, "assistant": c.Assistant,
			},
		})
		made, _, err := client.Read[api.NewToken](answer, err)
		if err != nil {
			return err
		}
		return d.printOne(answer.Body, made.Secret, func() error { return d.screen.Line("%s", made.Secret) })
	})
}

type tokenRevoke struct{ orderFlags }

func (c tokenRevoke) Run(p program) error {
	if c.DryRun {
		return c.ask(p, c.form, func(ctx context.Context, d asked) error {
			if _, err := d.Get(ctx, "/me", nil); err != nil {
				return err
			}
			for id, err := range p.ids(c.IDs) {
				if err == nil {
					err = d.screen.Line("%s  would be revoked", id)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c.carryOut(p, order{things: "/tokens/", path: "/revoke"})
}

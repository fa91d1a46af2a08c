package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type search struct {
	deskFlag
	form
	Query []string `arg:"" help:"As in the search box of the desk."`
	Limit int      `default:"10" help:"How many causes, and how many messages, at most."`
}

// Run prints the causes and the messages that match.
func (c search) Run(p program) error {
	q := url.Values{"q": {strings.Join(c.Query, " ")}}
	pages := pageFlags{Limit: c.Limit}
	return c.ask(p, c.form, func(ctx context.Context, d asked) error {
		switch {
		case c.JSON:
			return c.document(ctx, d, q)
		case c.JSONL || c.Quiet: // ids of messages alone, for pipes
			return messageListing(q, pages).print(ctx, d)
		}
		causes, found := causeListing(maps.Clone(q), pages), messageListing(q, pages)
		causes.none, found.none = "", "Nothing matches."
		if err := causes.print(ctx, d); err != nil {
			return err
		}
		fmt.Fprintln(d.stdout)
		return found.print(ctx, d)
	})
}

// document prints both lists as one document.
func (c search) document(ctx context.Context, d asked, q url.Values) error {
	q.Set("limit", strconv.Itoa(c.Limit))
	causes, err := d.Get(ctx, "/causes", q)
	if err != nil {
		return err
	}
	found, err := d.Get(ctx, "/messages", q)
	if err != nil {
		return err
	}
	return d.document(slices.Concat(
		[]byte(`{"causes":`), causes.Body, []byte(`,"messages":`), found.Body, []byte("}"),
	), jsonIndent)
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/terminal"
)

// deskFlag names the desk that a command asks.
type deskFlag struct {
	Desk string `placeholder:"URL" help:"The address of the desk. Default: DLQDESK_URL, or the last one signed in to."`
}

// asked is a desk that a command asks, with where the result goes.
type asked struct {
	*client.Client
	program
	screen terminal.Screen
	dialog *terminal.Dialog
	form   form
}

// ask calls do with the desk, until Ctrl-C.
func (f deskFlag) ask(p program, how form, do func(ctx context.Context, d asked) error) error {
	c, err := client.Find(f.Desk, p.environ)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	d := asked{c, p, terminal.NewScreen(p.stdout, p.environ), terminal.NewDialog(p.stdin, p.stderr), how}
	defer d.dialog.Clear()
	return do(ctx, d)
}

// form is how a command prints its result.
type form struct {
	JSON  bool `name:"json" xor:"form" help:"Print one JSON document."`
	JSONL bool `name:"jsonl" xor:"form" help:"Print a line of JSON for each."`
	Quiet bool `short:"q" xor:"form" help:"Print ids alone."`
}

// document prints an answer of the desk as JSON.
func (d asked) document(answer []byte, indent string) error {
	text, err := terminal.SafeJSON(answer, indent)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.stdout, "%s\n", text)
	return err
}

const jsonIndent = "  "

// printOne prints one thing: as JSON, its id, or by show.
func (d asked) printOne(answer []byte, id string, show func() error) error {
	switch {
	case d.form.JSON:
		return d.document(answer, jsonIndent)
	case d.form.JSONL:
		return d.document(answer, "")
	case d.form.Quiet:
		return d.screen.Line("%s", id)
	}
	return show()
}

// pageFlags bound a list.
type pageFlags struct {
	Limit int  `default:"50" help:"How many at most."`
	All   bool `help:"All of them, however many."`
	whole bool // the list has no pages
}

// most returns how many are printed; 0: all.
func (f pageFlags) most() (int, error) {
	switch {
	case f.whole:
		return client.Whole, nil
	case f.All:
		return 0, nil
	case f.Limit < 1:
		return 0, usageError{fmt.Errorf("--limit must be 1 or more (got %d): --all prints all of them", f.Limit)}
	}
	return f.Limit, nil
}

// listing is a list of the desk, and how it is shown.
type listing[T any] struct {
	path    string
	query   url.Values
	pages   pageFlags
	none    string // what is said of an empty list
	columns []terminal.Column
	id      func(T) string
	row     func(T) []terminal.Cell
}

// print prints the list page by page.
func (l listing[T]) print(ctx context.Context, d asked) error {
	most, err := l.pages.most()
	if err != nil {
		return err
	}
	table, all, n := d.screen.NewTable(l.columns...), client.Page{Items: []json.RawMessage{}}, 0
	next, err := d.Each(ctx, l.path, l.query, most, func(p client.Page) error {
		n += len(p.Items)
		d.dialog.Clear()
		if d.form.JSON {
			all.Items, all.Counts = append(all.Items, p.Items...), p.Counts
			return nil
		}
		return l.page(d, table, p)
	})
	switch {
	case err != nil:
		return err
	case d.form.JSON:
		all.Next = next
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		return d.document(text, jsonIndent)
	case n == 0 && l.none != "":
		d.dialog.Say("%s", l.none)
	case next != "" && d.dialog.Shows:
		d.dialog.Say("There are more: --limit N or --all prints them.")
	}
	return nil
}

func (l listing[T]) page(d asked, table *terminal.Table, p client.Page) error {
	var rows [][]terminal.Cell
	for _, item := range p.Items {
		if d.form.JSONL {
			if err := d.document(item, ""); err != nil {
				return err
			}
			continue
		}
		v, err := client.Parse[T](item)
		if err != nil {
			return err
		}
		if d.form.Quiet {
			if err := d.screen.Line("%s", l.id(v)); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, l.row(v))
	}
	return table.Write(rows)
}

// fact returns a line about a thing.
func fact(name, text string) terminal.Fact {
	return terminal.Fact{Name: name, Cell: terminal.Cell{Text: text}}
}

// maxID bounds an id that is read from a pipe, in bytes.
const maxID = 200

// ids yields the ids of a command line. A hyphen stands for the lines of stdin.
func (p program) ids(args []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, arg := range args {
			if arg != "-" {
				if !yield(arg, nil) {
					return
				}
				continue
			}
			lines := bufio.NewScanner(p.stdin)
			lines.Buffer(nil, maxID+2)
			for lines.Scan() {
				if id := strings.TrimSpace(lines.Text()); id != "" && !yield(id, nil) {
					return
				}
			}
			if err := lines.Err(); err != nil {
				yield("", fmt.Errorf("read ids from stdin: %w", err))
				return
			}
		}
	}
}

// confirmations are the flags that confirm an order, by the field that the problem of the desk names.
var confirmations = map[string]string{
	"confirmUnknown": "--confirm-unknown", "confirmNewer": "--confirm-newer", "count": "--count", "order": "--order",
	"reason": "--reason", "patch": "--recipe", "table": "--table", "steps": "--steps", "rate": "--rate",
	"concurrency": "--concurrency", "begins": "--begin-in", "sequence": "--sequence",
}

// asksFor returns the problem of an order that needs a confirmation.
func asksFor(err error) (*api.Problem, bool) {
	p, ok := errors.AsType[*api.Problem](err)
	return p, ok && p.Type == api.ProblemPrefix+"needs-confirmation"
}

// explained names the flag that a problem is about.
func explained(err error) error {
	p, ok := errors.AsType[*api.Problem](err)
	if !ok || confirmations[p.Field] == "" {
		return err
	}
	named := *p
	named.Detail = fmt.Sprintf("%s (%s)", p.Detail, confirmations[p.Field])
	return &named
}

// confirmed sends an order. If the desk asks for a confirmation, the person at the terminal is asked.
func (d asked) confirmed(
	ctx context.Context, path, match string, body map[string]any, canAsk bool,
) (client.Answer, error) {
	for {
		answer, err := d.Post(ctx, path, match, body)
		p, asks := asksFor(err)
		if _, given := body[fieldOf(p)]; !asks || given || !canAsk || !d.dialog.CanAsk ||
			!strings.HasPrefix(fieldOf(p), "confirm") {
			return answer, explained(err)
		}
		yes, askErr := d.dialog.Confirm(ctx, capital(p.Detail)+". Send it?")
		if askErr != nil || !yes {
			return answer, errors.Join(askErr, explained(err))
		}
		body[p.Field] = true
	}
}

func fieldOf(p *api.Problem) string {
	if p == nil {
		return ""
	}
	return p.Field
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// codeOf returns the exit code for a problem of a desk.
func codeOf(p *api.Problem) int {
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitForbidden
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusConflict:
		return exitConflict
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return exitUsage
	}
	return exitFailure
}

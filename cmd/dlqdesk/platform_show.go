package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dlqdesk/internal/platform"
)

func (p program) showPresets(name string, asJSON bool) error {
	presets := platform.Presets()
	if name != "" {
		i := slices.IndexFunc(presets, func(known platform.Preset) bool { return known.Name == name })
		if i < 0 {
			return usageError{fmt.Errorf("there is no preset %q: dlqdesk platform presets lists them", name)}
		}
		return p.json(presets[i])
	}
	if asJSON {
		return p.json(presets)
	}
	rows := [][]string{{"PRESET", "STATUS", "CAN", "WHAT IT IS"}}
	for _, known := range presets {
		rows = append(rows, []string{known.Name, string(known.Status), known.Abilities(), known.About})
	}
	if err := p.table(rows); err != nil {
		return err
	}
	return p.printLine("\nverified: the vendor publishes it. inferred: it follows from what the vendor publishes. " +
		"tutorial: not in the vendor's published API.")
}

// plan shows the requests that a command comes to.
func (p program) plan(asJSON bool) func([]platform.MaskedRequest, error) error {
	return func(requests []platform.MaskedRequest, err error) error {
		if err != nil {
			return err
		}
		if asJSON {
			return p.json(requests)
		}
		for _, r := range requests {
			fmt.Fprintf(p.stdout, "%s %s\n", r.Method, r.URL)
			for _, name := range r.HeaderNames() {
				fmt.Fprintf(p.stdout, "  %s: %s\n", name, r.Headers[name])
			}
			if r.Body != "" {
				fmt.Fprintf(p.stdout, "  %s\n", r.Body)
			}
		}
		_, err = fmt.Fprintln(p.stderr, "nothing was sent")
		return err
	}
}

func (p program) showToken(granted platform.Granted, asJSON bool) error {
	if asJSON {
		return p.json(granted)
	}
	rows := [][]string{{"token", "granted by " + granted.TokenURL}}
	if granted.Lifetime > 0 {
		rows = append(rows, []string{"valid for", granted.Span()})
	}
	if granted.Tenant != "" {
		rows = append(rows, []string{"tenant", granted.Tenant})
	}
	return p.table(append(rows, []string{"API", granted.API}))
}

func (p program) showItems(items []platform.Item, asJSON bool) error {
	if asJSON {
		if items == nil {
			items = []platform.Item{}
		}
		return p.json(items)
	}
	if len(items) == 0 {
		return p.printLine("nothing is registered")
	}
	rows := [][]string{{"ID", "NAME", "URL"}}
	for _, i := range items {
		rows = append(rows, []string{i.ID, i.Name, i.URL})
	}
	return p.table(rows)
}

func (p program) showDeleted(id string, asJSON bool) error {
	if asJSON {
		return p.json(map[string]string{"deleted": id})
	}
	return p.printLine("%s is deleted", id)
}

func (p program) showRegistered(made platform.Registered, asJSON bool) error {
	p.warn(made.Note)
	if asJSON {
		return p.json(made)
	}
	what := "registered"
	if made.Already {
		what = "was registered already"
	}
	return p.printLine("%s", strings.Join(strings.Fields(made.ID+" "+what+" "+made.URL), " "))
}

func (p program) showPaste(title string, paste []platform.Paste, asJSON bool) error {
	if asJSON {
		return p.json(paste)
	}
	fmt.Fprintf(p.stdout, "%s has nothing to call. Fill in there:\n", title)
	rows := [][]string{}
	for _, line := range paste {
		rows = append(rows, []string{"  " + line.Field, line.Value, line.Hint})
	}
	return p.table(rows)
}

// errUnwell ends a command whose checks failed; they have been shown.
var errUnwell = errors.New("something has to be put right before webhooks arrive")

func (p program) showChecks(checks []platform.Check, asJSON bool) error {
	unwell := slices.ContainsFunc(checks, func(c platform.Check) bool { return c.State == platform.Fail })
	var err error
	if asJSON {
		err = p.json(map[string]any{"ok": !unwell, "checks": checks})
	} else {
		p.lines(checks)
	}
	if err == nil && unwell {
		return errUnwell
	}
	return err
}

func (p program) lines(checks []platform.Check) {
	for _, c := range checks {
		fmt.Fprintf(p.stdout, "%-4s  %-17s  %s\n", c.State, c.Name, c.Text)
		if c.Fix != "" {
			fmt.Fprintf(p.stdout, "%25s  %s\n", "->", c.Fix)
		}
	}
}

package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// plainChrome frames a page that says nothing about letters.
func (c *Console) plainChrome(r *http.Request, title string) page.Chrome {
	actor := auth.Actor(r.Context())
	return page.Chrome{Title: title, User: actor.Name, Role: string(actor.Role), Path: r.URL.Path}
}

// chrome frames a page for who is signed in.
func (c *Console) chrome(r *http.Request, title string) page.Chrome {
	frame := c.plainChrome(r, title)
	if counts, err := c.Store.Counts(r.Context(), store.Filter{}); err == nil {
		if n := counts.ByStatus[deadletter.Failed]; n > 0 {
			frame.NeedsPerson = number(n)
		}
	}
	if !isPartial(r) {
		if text := c.Auth.TakeFlash(r.Context()); text != "" {
			frame.Flash = ui.Notice{Kind: ui.Done, Text: text}
		}
	}
	return frame
}

// sentence makes a message one: a capital first, a full stop last.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.ContainsAny(text[len(text)-1:], ".!?…") {
		return text
	}
	return text + "."
}

// number writes thousands apart.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

func latency(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "under 1 ms"
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

func code(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// retries tells how many automatic deliveries were made of those that there are.
func (c *Console) retries(l deadletter.Letter) string {
	if s, ok := c.sourceOf(l); ok {
		return fmt.Sprintf("%d of %d", l.AutoAttempts, max(s.MaxAttempts, l.AutoAttempts))
	}
	return strconv.Itoa(l.AutoAttempts)
}

// sourceOf answers the source that a letter is delivered by.
func (c *Console) sourceOf(l deadletter.Letter) (Source, bool) {
	name := l.Source
	if name == "" {
		name = c.DefaultSource
	}
	s, ok := c.sources[name]
	return s, ok
}

// nextRetry is the time of an automatic retry that is to come.
func nextRetry(l deadletter.Letter) ui.Moment {
	if l.Status != deadletter.Retrying {
		return ui.Moment{}
	}
	return ui.At(l.DueAt)
}

func reasonOf(l deadletter.Letter) string {
	if l.Reason == "" {
		return "No reason came with the message"
	}
	return l.Reason
}

// denied tells why somebody may not do an action; empty: they may.
func denied(by deadletter.Actor, act deadletter.Action) string {
	if err := by.May(act); err != nil {
		return sentence(deadletter.TextOf(err))
	}
	return ""
}

// revisionName names a revision for a person.
func revisionName(r deadletter.Revision) string {
	if r.Number == 0 {
		return "original"
	}
	return fmt.Sprintf("edit %d by %s", r.Number, r.By)
}

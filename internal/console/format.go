package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// sentence capitalises a text and ends it with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, width := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[width:]
	if strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// number formats a number with thousands separators.
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
	case d < time.Second:
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

// code formats a status code; "" if there was no response.
func code(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// revisionName returns the name of a revision: "original" or "edit 2 by anna".
func revisionName(r deadletter.Revision) string {
	if r.Number == 0 {
		return "original"
	}
	return fmt.Sprintf("edit %d by %s", r.Number, r.By)
}

// printable makes outside text safe for a page: valid UTF-8, with control characters visible.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return r
		case r < ' ':
			return '\u2400' + r // its picture
		case r == 0x7f:
			return '\u2421'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// errorText returns the public text of the first error; "" if there is none.
func errorText(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			return sentence(deadletter.TextOf(err))
		}
	}
	return ""
}

package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// Texts of alerts repeat what strangers sent: error texts, names of sources of foreign messages. What this file returns
// is plain text without control characters, which each sink escapes for its platform.

// headline says in one line what happened.
func headline(n Notice) string {
	title := oneLine(n.Alert.Title)
	if n.Event == deadletter.AlertResolved {
		return "Resolved: " + title
	}
	return title
}

// text is what is told below the headline; "" if nothing is.
func text(n Notice) string {
	if n.Event == deadletter.AlertResolved {
		return sentence(plain(n.Alert.Resolution))
	}
	return plain(n.Alert.Text)
}

// sentence makes a sentence of "it is over".
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// facts are the labels and values that are told below the text.
func facts(n Notice) []deadletter.AlertFact {
	list := []deadletter.AlertFact{{Label: "Severity", Value: string(n.Alert.Severity)}}
	if len(n.Alert.Sources) > 0 {
		label := "Source"
		if len(n.Alert.Sources) > 1 {
			label = "Sources"
		}
		list = append(list, deadletter.AlertFact{Label: label, Value: oneLine(strings.Join(n.Alert.Sources, ", "))})
	}
	for _, f := range n.Alert.Facts {
		list = append(list, deadletter.AlertFact{Label: oneLine(f.Label), Value: oneLine(f.Value)})
	}
	if at := n.Alert.RaisedAt; !at.IsZero() {
		list = append(list, deadletter.AlertFact{Label: "Since", Value: at.UTC().Format(deadletter.AlertTimeLayout)})
	}
	if at := n.Alert.ResolvedAt; !at.IsZero() && n.Event == deadletter.AlertResolved {
		lasted := deadletter.ShortDuration(at.Sub(n.Alert.RaisedAt).Round(time.Second))
		list = append(list, deadletter.AlertFact{
			Label: "Resolved", Value: fmt.Sprintf("%s, after %s", at.UTC().Format(deadletter.AlertTimeLayout), lasted),
		})
	}
	return list
}

// causes are the lines of the list of causes that the alert tells about, at most limit characters each: the first shown
// titles, and how many there are besides. heading introduces it; "": there are none.
func causes(n Notice, shown, limit int) (heading string, lines []string) {
	for _, c := range n.Alert.Causes[:min(len(n.Alert.Causes), shown)] {
		lines = append(lines, cut(oneLine(c.Title), limit, asIs))
	}
	if len(lines) == 0 {
		return "", nil
	}
	count := max(n.Alert.CauseCount, len(n.Alert.Causes))
	if more := count - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	if count == 1 {
		return "One cause is part of this alert:", lines
	}
	return fmt.Sprintf("%d causes are part of this alert:", count), lines
}

// oneLine returns a text in one line without control characters.
func oneLine(text string) string { return strings.Join(strings.Fields(plain(text)), " ") }

// plain returns a text without control characters, and without those that change the direction of what follows, by
// which a text could pass for another one. Line breaks stay.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")))
}

// cut returns the beginning of a text that an escape lengthens: at most limit characters, escaped, with an ellipsis if
// something is left out. Characters are counted as UTF-16 does, in which platforms of JavaScript and .NET count.
func cut(text string, limit int, escape func(rune) string) string {
	var out strings.Builder
	size, fits := 0, 0 // fits: the length of out to which an ellipsis can be added
	for _, r := range text {
		part := escape(r)
		for _, p := range part {
			size += max(1, utf16.RuneLen(p))
		}
		if size > limit {
			return strings.TrimRight(out.String()[:fits], " ") + "…"
		}
		out.WriteString(part)
		if size < limit {
			fits = out.Len()
		}
	}
	return out.String()
}

// asIs is the escape of a platform that needs none.
func asIs(r rune) string { return string(r) }

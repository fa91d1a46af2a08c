package notify

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"dlqdesk/internal/deadletter"
)

// The limits of an e-mail, in characters.
const (
	emailTitle = 200
	emailValue = 1000
	emailLong  = 8000
)

func emailSubject(n Notice) string {
	return "[" + emailSeverity(n) + "] " + cut(headline(n), emailTitle, asIs)
}

func emailSeverity(n Notice) string {
	switch {
	case n.Event == deadletter.AlertTest:
		return "Test"
	case n.Alert.Severity == deadletter.SeverityCritical:
		return "Critical"
	case n.Alert.Severity == deadletter.SeverityWarning:
		return "Warning"
	}
	return "Info"
}

// emailContent is what both forms of an e-mail say.
type emailContent struct {
	Headline, Text string
	Facts          []deadletter.AlertFact
	CausesHeading  string
	Causes         []string
	Links          []Link
	Desk           string
	Color          string
}

func emailContentOf(n Notice) emailContent {
	c := emailContent{
		Headline: cut(headline(n), emailTitle, asIs), Text: cut(text(n), emailLong, asIs), Links: n.Links, Desk: n.Desk,
		Color: map[deadletter.Severity]string{
			deadletter.SeverityCritical: "#b91c1c", deadletter.SeverityWarning: "#b45309",
		}[n.Alert.Severity],
	}
	if n.Event == deadletter.AlertResolved {
		c.Color = "#15803d"
	}
	c.CausesHeading, c.Causes = causes(n, deadletter.MaxAlertCauses, emailTitle)
	for _, f := range facts(n) {
		c.Facts = append(c.Facts, deadletter.AlertFact{
			Label: cut(f.Label, emailTitle, asIs), Value: cut(f.Value, emailValue, asIs),
		})
	}
	return c
}

func emailText(n Notice) string {
	c := emailContentOf(n)
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", c.Headline)
	if c.Text != "" {
		fmt.Fprintf(&out, "\n%s\n", c.Text)
	}
	out.WriteString("\n")
	for _, f := range c.Facts {
		fmt.Fprintf(&out, "%s: %s\n", f.Label, f.Value)
	}
	if c.CausesHeading != "" {
		fmt.Fprintf(&out, "\n%s\n", c.CausesHeading)
		for _, title := range c.Causes {
			fmt.Fprintf(&out, "- %s\n", title)
		}
	}
	if len(c.Links) > 0 {
		out.WriteString("\n")
	}
	for _, l := range c.Links {
		fmt.Fprintf(&out, "%s: %s\n", l.Label, l.URL)
	}
	fmt.Fprintf(&out, "\n-- \ndlqdesk %s\n", c.Desk)
	return out.String()
}

//go:embed email.html
var emailSource string

var emailTemplate = template.Must(template.New("email").Parse(emailSource))

func emailHTML(n Notice) (string, error) {
	var out strings.Builder
	if err := emailTemplate.Execute(&out, emailContentOf(n)); err != nil {
		return "", fmt.Errorf("the e-mail cannot be written: %w", err)
	}
	return out.String(), nil
}

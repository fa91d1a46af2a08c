package config

import (
	"net/url"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Tickets names the tracker of tickets.
type Tickets struct {
	deadletter.Tickets
	AllowHTTP bool // its addresses may be http, which others on the way can read and change
}

func readTickets(s *section) Tickets {
	t := Tickets{AllowHTTP: setting(s, "allow_http", false, parseBool)}
	t.Link = setting(s, "link", "", emptyOr(func(text string) (string, error) {
		return parseTicketURL(text, t.AllowHTTP, exampleTicketLink, deadletter.TicketID)
	}))
	t.New = setting(s, "new", "", emptyOr(func(text string) (string, error) {
		return parseTicketURL(text, t.AllowHTTP, exampleTicketNew, deadletter.TicketTitle, deadletter.TicketBody)
	}))
	return t
}

const (
	exampleTicketLink = "https://tracker.example.com/browse/{id}"
	exampleTicketNew  = "https://tracker.example.com/new?title={title}&body={body}"
)

// parseTicketURL parses the address of a tracker, with each of some places in it once at most, and the first of them in
// any case. None of them can change the site.
func parseTicketURL(text string, allowHTTP bool, example string, places ...string) (string, error) {
	filled := text
	for i, place := range places {
		if n := strings.Count(text, place); n > 1 || n == 0 && i == 0 {
			return "", wrong(text, "must have "+place+" once, such as "+example)
		}
		filled = strings.Replace(filled, place, "x", 1)
	}
	u, err := parseURL(filled, example)
	if err != nil {
		return "", err
	}
	site, _ := url.Parse(text)
	switch {
	case strings.ContainsAny(filled, "{}"):
		return "", wrong(text, "must have no other places than "+strings.Join(places, ", "))
	case site == nil || site.Host != u.Host:
		return "", wrong(text, "must name the site itself, such as "+example)
	case u.Scheme == "http" && !allowHTTP:
		return "", wrong(text, "must be https; tickets.allow_http: true permits http")
	}
	return text, nil
}

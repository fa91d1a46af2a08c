package deadletter

import (
	"net/url"
	"regexp"
	"strings"
)

// The places in the addresses of Tickets that are filled in.
const (
	TicketID    = "{id}"
	TicketTitle = "{title}"
	TicketBody  = "{body}"
)

// Tickets are the addresses of the tracker in which tickets are kept. Only the configuration sets them: a person names
// a ticket, and never a site. The zero Tickets has no tracker.
type Tickets struct {
	Link string // of a ticket, with TicketID; "": tickets are shown without a link
	New  string // of the form for a new one, with TicketTitle and TicketBody in its query; "": there is none
}

// ticketID is what a tracker calls a ticket: OPS-4711, 1204, 1204.2.
var ticketID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:~-]{0,99}$`)

// Parse returns the id of the ticket that a person named by its id, or by a link of the tracker. It returns Invalid for
// everything else.
func (t Tickets) Parse(text string) (string, error) {
	id := strings.TrimPrefix(strings.TrimSpace(text), "#")
	if strings.Contains(id, "/") {
		var err error
		if id, err = t.idOf(strings.TrimSpace(text)); err != nil {
			return "", err
		}
	}
	if !ticketID.MatchString(id) {
		return "", ticketFault("the ticket is named by its id, such as OPS-4711: at most 100 of A-Z, 0-9 and . _ : ~ -")
	}
	return id, nil
}

// idOf returns the id in a link of the tracker.
func (t Tickets) idOf(link string) (string, error) {
	before, after, ok := strings.Cut(t.Link, TicketID)
	if !ok {
		return "", ticketFault("type the id of the ticket: links need tickets.link in the configuration")
	}
	rest, begins := strings.CutPrefix(link, before)
	rest, ends := strings.CutSuffix(rest, after)
	if !begins || !ends {
		return "", ticketFault("type the id of the ticket, or a link like " + t.Link)
	}
	if id, err := url.PathUnescape(rest); err == nil {
		return id, nil
	}
	return rest, nil
}

func ticketFault(text string) error { return &Error{Kind: Invalid, Field: FieldTicket, Text: text} }

// URL returns the address of a ticket; "" without a tracker.
func (t Tickets) URL(id string) string {
	if t.Link == "" || id == "" {
		return ""
	}
	return strings.Replace(t.Link, TicketID, url.PathEscape(id), 1)
}

// maxTicketURL bounds the address of a new ticket, in bytes: trackers refuse longer ones.
const maxTicketURL = 6000

// NewURL returns the address of the form for a new ticket with a title and a text filled in; "" without one. The text
// is cut where the address would become too long.
func (t Tickets) NewURL(title, body string) string {
	if t.New == "" {
		return ""
	}
	bare := strings.NewReplacer(TicketTitle, "", TicketBody, "").Replace(t.New)
	room := maxTicketURL - len(bare)
	title = escapeUpTo(title, room/3)
	return strings.NewReplacer(TicketTitle, title, TicketBody, escapeUpTo(body, room-len(title))).Replace(t.New)
}

// escapeUpTo escapes a text for a query, and ends it with "…" where that would have more than limit bytes.
func escapeUpTo(text string, limit int) string {
	const cut = "%E2%80%A6"
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		part := strings.ReplaceAll(url.QueryEscape(string(r)), "+", "%20")
		if b.Len()+len(part) > limit-len(cut) {
			return b.String() + cut
		}
		b.WriteString(part)
	}
	return b.String()
}

package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// MessageView is one message as a page.
type MessageView struct {
	Chrome
	BackURL  string // the list that the person came from
	NewerURL string // the message beside this one in that list; empty: there is none
	OlderURL string
	Curl     Curl
	Ticket   string // Markdown
	Panel    MessagePanelView
	Payload  Payload
	Headers  []HeaderRow
	Facts    []Fact // of the queue
	Unmask   Unmask
	// downloads the record of an AWS service of which the payload is a part; empty: the payload is all
	RecordURL string
	Arrivals  []Arrival
	SameID    SameID

	Differences DifferencesView
}

// Unmask says who sees masked values of a message now, and offers them to those who may.
type Unmask struct {
	Notices []UnmaskNotice
	URL     string   // empty: this person may not, sees them already, or nothing is masked
	Names   []string // of what is masked
	Seconds int      // until the values that this person sees are masked again; 0: it sees none
	Back    string
}

// UnmaskNotice is one person who sees masked values.
type UnmaskNotice struct {
	By, Reason string
	Name       string // of the value; empty: all
	Until      ui.Moment
	EndURL     string // empty: it is another person
}

// Curl is a curl command, and what to do before it can run.
type Curl struct {
	Command string   // empty: there is no destination
	Masked  []string // what to fill in: "the header Authorization"
	File    string   // name of the file with the body; empty: the command has it
	FileURL string   // the download of the file; empty: it is not saved yet
}

func (c Curl) fillIn() string { return strings.Join(c.Masked, ", ") }

// SignatureNote is whether the handler may refuse the signature of a delivery: "The handler may refuse a
// replay: the signature is from", a time, "Set verify.resign to sign it anew". The zero note: it accepts it at any
// time.
type SignatureNote struct {
	Text string
	At   ui.Moment // zero: the text is all
	Rest string

	URL     string        // renders the note again; empty: it stays as it is
	Changes time.Duration // until it changes
}

// polls makes the note look again when it changes. Browsers count no longer than some weeks.
func (n SignatureNote) polls() templ.Attributes {
	if n.URL == "" || n.Changes > 24*time.Hour {
		return templ.Attributes{}
	}
	return templ.Attributes{
		"hx-get":     n.URL,
		"hx-target":  "this",
		"hx-trigger": "load delay:" + strconv.FormatInt(n.Changes.Milliseconds()+1, 10) + "ms, again",
		"hx-swap":    "outerHTML",
		"data-poll":  "",
		"data-quiet": "",
	}
}

// MessagePanelView is all of a message that an action changes: its state, its actions, its history.
type MessagePanelView struct {
	ID      string
	Version string
	Back    string // the query of the list, without "?": carried by every form

	Status          string
	Source          string // empty: its message named none
	Destination     string // the host; empty: none is configured
	Undeleted       UndeletedCopy
	Breaker         BreakerNotice // why what can wait is not sent there now; zero: it is
	Reason          string
	Cause           Cause
	Order           MessageOrder
	Rule            MessageRule
	Queue           string // of the list, that it came from; empty: it is a webhook
	RedrivesTo      string // the queue that it can be sent back to; empty: it cannot
	LastWasRedrive  bool   // the latest attempt was a redrive
	Confirm         string // replay, redrive or probe: the order waits for a yes, because of the doubts; empty: none
	ConfirmRevision string // which one is asked about
	Code            string // empty: there was no answer
	Outcome         string // unknown: the page says that the handler may have processed it
	AttemptCount    string // "2 of 5"
	WaitsFor        string // as in MessageRow
	NextRetry       ui.Moment
	Received        ui.Moment
	LastAttempt     ui.Moment
	Arrived         string // "3 times"; empty: once

	Signature SignatureNote // of a replay

	// Why each action is not possible now, for this person or this message; empty: it is.
	DenyReplay, DenyRedrive, DenyEdit, DenyArchive, DenyRestore, DenyProbe, DenyCopy string

	CopiesTo []CopyTo // destinations for copies of the message

	Choices []ui.Option // revisions: of what a replay sends, newest first
	Result  ui.Notice   // "Delivered: 200 in 84 ms"
	Notice  ui.Notice   // "already replayed by anna 3 s ago"

	Attempts  []AttemptView // newest first
	Revisions []RevisionView
	Events    []AuditRow // newest first; those of attempts left out, which the attempts tell
}

// CopyTo is a destination for copies of messages, which test a handler.
type CopyTo struct {
	Name   string
	Masked bool
}

// copyLabel names what sends a copy.
func (v MessagePanelView) copyLabel() string {
	if len(v.CopiesTo) == 1 {
		return "Send to " + v.CopiesTo[0].Name
	}
	return "Send copy to"
}

// copyTitle says what a copy is.
func (v MessagePanelView) copyTitle() string {
	secrets := "masked"
	for _, to := range v.CopiesTo {
		if !to.Masked {
			secrets = "masked unless configured otherwise"
		}
	}
	if len(v.CopiesTo) == 1 && !v.CopiesTo[0].Masked {
		secrets = "not masked"
	}
	return "Sends a copy to test a handler: secrets are " + secrets + ", and the message stays as it is"
}

func (v MessagePanelView) copyOptions() (options []ui.Option) {
	for _, to := range v.CopiesTo {
		label := to.Name
		if !to.Masked {
			label += " (not masked)"
		}
		options = append(options, ui.Option{Value: to.Name, Label: label})
	}
	return options
}

// Cause is what is known of the reason that a message failed for. The zero Cause shows nothing.
type Cause struct {
	PageURL  string // of the cause
	Standing CauseStanding
	Others   string // "311 other messages"; empty: none
	URL      string // the list of them
	Since    ui.Moment
	Unedited string // "none of 20 unedited replays succeeded"; empty: there were none
	Edited   string
}

// Replays says what replays came to, as one sentence.
func (c Cause) replays() string {
	var parts []string
	for _, part := range []string{c.Unedited, c.Edited} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case text == "" && c.Others == "":
		return ""
	case text == "":
		return "."
	case c.Others == "":
		return strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return "; " + text + "."
}

// Payload is the body of one revision.
type Payload struct {
	Name        string // of the revision: "original"
	ContentType string
	Size        string   // "1.2 KiB", "gzip, 1.2 KiB → 8.0 KiB"
	Form        []string // in which the body is written, where that is not plain UTF-8: "form, 4 fields"
	Pretty      string   // indented, masked; empty where it is no JSON
	Raw         string   // as text, masked
	JSON        bool
	Hex         string // a hex dump, for a binary body
	Note        string // "the first 256 KiB of 1.4 MiB are shown"
	Masked      bool   // some values in it are masked
	DownloadURL string // as received; empty: this person may not
	DecodedURL  string // of the content, where that is another than the body; empty: it is not
	FullURL     string // reads all of it, where it is cut; empty: it is whole
}

// HeaderRow is one header of the webhook.
type HeaderRow struct {
	Name, Value string
	Masked      bool
}

// headerText are headers one to a line, as HTTP writes them.
func headerText(rows []HeaderRow) string {
	var lines []string
	for _, row := range rows {
		lines = append(lines, row.Name+": "+row.Value)
	}
	return strings.Join(lines, "\n")
}

// Fact is one entry of a definition list.
type Fact struct {
	Label, Value string
}

// Arrival is one time that the webhook arrived.
type Arrival struct {
	At    ui.Moment
	Other *OtherContent // nil: the content is that of the message
}

// OtherContent is what an arrival brought that is not the content of its message.
type OtherContent struct {
	Number      string
	Excerpt     string
	CompareURL  string
	DownloadURL string
	MessageURL  string // the message that it has become; empty: none
	SeparateURL string // makes it one; empty: it is one, or this person may not
}

// SameID are the messages that have the same id as this one with other content. The zero SameID shows nothing.
type SameID struct {
	WebhookID string
	Delivered string      // the Webhook-Id that deliveries of this message carry
	Shared    bool        // those of another message carry it as well
	Others    string      // "3 messages"
	ListURL   string      // all of them in the list
	Rows      []SameIDRow // the newest
}

// SameIDRow is one message with the same id.
type SameIDRow struct {
	ID, URL, CompareURL string
	Status              string
	Received            ui.Moment
}

// delivery says under which id this message is delivered, and what a destination makes of that.
func (s SameID) delivery() string {
	switch {
	case s.Shared:
		return "The platform signs this id, so all of them are delivered under it: a destination that remembers ids " +
			"may answer 200 without processing the later ones."
	case s.Delivered != s.WebhookID:
		return "Retries and replays of this message carry an id of its own, so that a destination that remembers ids " +
			"processes it. A delivery at its receipt carried the platform's id."
	}
	return "Deliveries of this message carry it, retries and replays of the others ids of their own, so that a " +
		"destination that remembers ids processes each."
}

// RevisionView is one revision in the list of revisions.
type RevisionView struct {
	Name    string
	By      string // empty: received
	Reason  string
	At      ui.Moment
	URL     string // shows its payload
	Compare string // shows it beside the revision before it; empty: there is none
	Current bool   // its payload is the one shown

	Recipe, RecipeURL, RecipeVersion string // the saved recipe that made it; empty: none
}

// messageURL is the page of a message, with the query of the list to go back to.
func messageURL(id, back string) string {
	if back == "" {
		return "/messages/" + url.PathEscape(id)
	}
	return "/messages/" + url.PathEscape(id) + "?" + url.Values{"back": {back}}.Encode()
}

// url is where an action on the message is posted to.
func (v MessagePanelView) url(action string) string { return messageURL(v.ID, "") + "/" + action }

func (v MessagePanelView) editURL() string {
	query := url.Values{}
	if v.Back != "" {
		query.Set("back", v.Back)
	}
	for _, choice := range v.Choices {
		if choice.Selected {
			query.Set("revision", choice.Value)
		}
	}
	if len(query) == 0 {
		return v.url("edit")
	}
	return v.url("edit") + "?" + query.Encode()
}

// polling makes the panel ask for its successor while a delivery is ordered or in flight.
func (v MessagePanelView) polling() templ.Attributes {
	if v.Status != "replaying" {
		return nil
	}
	return templ.Attributes{
		"hx-get":     v.url("panel") + "?" + url.Values{"back": {v.Back}}.Encode(),
		"hx-trigger": "load delay:500ms, again",
		"hx-swap":    "outerHTML",
	}
}

// denial is one reason that forbids one or more actions.
type denial struct {
	id, actions, text string
}

func (v MessagePanelView) denials() []denial {
	last := deniedAction{"Archive", v.DenyArchive}
	if v.Status == "archived" {
		last = deniedAction{"Restore", v.DenyRestore}
	}
	redrive := deniedAction{"Redrive", v.DenyRedrive}
	if v.Queue == "" {
		redrive.why = "" // it is not offered
	}
	edit := deniedAction{v.editLabel(), v.DenyEdit}
	if !v.offersEdit() {
		edit.why = ""
	}
	probe := deniedAction{"Probe with this message", v.DenyProbe}
	if !v.probes() {
		probe.why = ""
	}
	copies := deniedAction{v.copyLabel(), v.DenyCopy}
	if len(v.CopiesTo) == 0 {
		copies.why = ""
	}
	return denials([]deniedAction{{"Replay", v.DenyReplay}, redrive, edit, copies, last, probe})
}

func (v MessagePanelView) denialID(why string) string { return denialID(v.denials(), why) }

// deniedAction is an action and why it is impossible; "" where it is possible.
type deniedAction struct{ name, why string }

// denials joins actions that are impossible for the same reason, so that the page says it once.
func denials(actions []deniedAction) []denial {
	var all []denial
	for _, a := range actions {
		if a.why == "" {
			continue
		}
		i := slices.IndexFunc(all, func(d denial) bool { return d.text == a.why })
		if i < 0 {
			all = append(all, denial{id: "denied-" + strconv.Itoa(len(all)), actions: a.name, text: a.why})
			continue
		}
		all[i].actions += ", " + strings.ToLower(a.name[:1]) + a.name[1:]
	}
	return all
}

// denialID returns the id of the element that says why.
func denialID(all []denial, why string) string {
	for _, d := range all {
		if d.text == why {
			return d.id
		}
	}
	return ""
}

// editLabel names what an edit is sent by.
func (v MessagePanelView) editLabel() string {
	if v.onlyRedrives() {
		return "Edit and redrive"
	}
	return "Edit and replay"
}

// probes reports whether the message can test its destination, for which retries and jobs wait.
func (v MessagePanelView) probes() bool {
	return v.Breaker.State == BreakerOpen || v.Breaker.State == BreakerPaused
}

// cameBack reports whether the message was redriven and then failed again on its queue.
func (v MessagePanelView) cameBack() bool {
	return v.LastWasRedrive && v.Outcome == "" && v.Status == "failed"
}

// onlyRedrives reports whether the message can be redriven but not replayed: its source has no destination.
func (v MessagePanelView) onlyRedrives() bool {
	return v.Queue != "" && v.DenyRedrive == "" && v.DenyReplay != ""
}

// offersEdit reports whether the message can be edited at all. One that was delivered or redriven cannot.
func (v MessagePanelView) offersEdit() bool { return v.Status != "resolved" && v.Status != "redriven" }

// outOfBand lets a part of an answer find its own place in the page.
func outOfBand(beside bool) templ.Attributes {
	if !beside {
		return nil
	}
	return templ.Attributes{"hx-swap-oob": "true"}
}

// unknown returns the warning that the outcome of the last delivery is unknown.
func (v MessagePanelView) unknown() ui.Notice {
	if v.LastWasRedrive {
		return ui.Notice{
			Kind: ui.Warn,
			Text: "This message may already be back on its queue.",
			Hint: "SQS did not confirm the redrive. After another redrive the consumer may receive it twice.",
		}
	}
	return ui.Notice{
		Kind: ui.Warn,
		Text: "This webhook may already have been processed.",
		Hint: "It was sent, but no response came in time. A replay may have it processed twice, unless the " +
			"destination detects duplicates.",
	}
}

// orderLine is the order of the message as a line says it. The question of an action says itself what was delivered.
func (v MessagePanelView) orderLine() MessageOrder {
	order := v.Order
	if v.Confirm != "" {
		order.Newer = ""
	}
	return order
}

// doubts are the reasons for which the message asks before it is sent.
func (v MessagePanelView) doubts() (list []ui.Notice) {
	if v.Outcome == "unknown" {
		list = append(list, v.unknown())
	}
	if v.Order.Newer != "" {
		list = append(list, v.Order.notice())
	}
	return list
}

// confirms has the question that an order asks before it goes on, and the label and icon of its button.
var confirms = map[string]struct{ question, label, icon string }{
	"replay":  {"Replay it anyway?", "Replay anyway", "replay"},
	"redrive": {"Redrive it anyway?", "Redrive anyway", "redrive"},
	"probe":   {"Probe with it anyway?", "Probe anyway", "plug"},
}

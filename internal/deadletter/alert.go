package deadletter

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// AlertID identifies an alert. Newer alerts have higher ids.
type AlertID int64

func (id AlertID) String() string { return strconv.FormatInt(int64(id), 10) }

// AlertKind is the kind of thing that an alert is about.
type AlertKind string

// The kinds of alerts.
const (
	AlertNewCause       AlertKind = "new-cause"
	AlertRegressedCause AlertKind = "regressed-cause"
	AlertGrowingCause   AlertKind = "growing-cause"
	AlertDestination    AlertKind = "destination-down"
	AlertBreaker        AlertKind = "breaker-open" // for too long
	AlertSpool          AlertKind = "spool-in-use"
	AlertReconciliation AlertKind = "reconciliation-red"
	AlertAudit          AlertKind = "audit-broken"
	AlertExpiring       AlertKind = "expiring-messages" // SQS deletes them soon
	AlertJobHalted      AlertKind = "job-halted"
	AlertJobDone        AlertKind = "job-done" // tells once, and is resolved at once
	AlertDisk           AlertKind = "disk-nearly-full"
	AlertSpoolFull      AlertKind = "spool-nearly-full"
	AlertSilent         AlertKind = "silent-source" // it always sent webhooks, and sends none now
)

// AlertKinds lists every kind.
func AlertKinds() []AlertKind {
	return []AlertKind{
		AlertNewCause, AlertRegressedCause, AlertGrowingCause, AlertDestination, AlertBreaker, AlertSpool,
		AlertReconciliation, AlertAudit, AlertExpiring, AlertJobHalted, AlertJobDone, AlertDisk, AlertSpoolFull,
		AlertSilent,
	}
}

// Severity says how urgent an alert is.
type Severity string

// The severities, the least urgent first.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityCritical Severity = "critical"
)

// Severities lists every severity, the least urgent first.
func Severities() []Severity { return []Severity{SeverityInfo, SeverityWarning, SeverityCritical} }

// AtLeast reports whether s is as urgent as the other severity, or more.
func (s Severity) AtLeast(other Severity) bool {
	return slices.Index(Severities(), s) >= slices.Index(Severities(), other)
}

// Severity returns how urgent alerts of the kind are.
func (k AlertKind) Severity() Severity {
	switch k {
	case AlertJobDone:
		return SeverityInfo
	case AlertDestination, AlertBreaker, AlertReconciliation, AlertAudit, AlertExpiring, AlertDisk, AlertSpoolFull:
		return SeverityCritical
	case AlertNewCause, AlertRegressedCause, AlertGrowingCause, AlertSpool, AlertJobHalted, AlertSilent:
	}
	return SeverityWarning
}

// Alert is something that people are told about. There is one open alert of a Kind and Key at most. Example:
//
//	Alert{Kind: AlertDestination, Key: "destination:genesys", Severity: SeverityCritical, Sources: []string{"genesys"},
//		Title: "The destination of genesys is down", Text: "connection refused"}
type Alert struct {
	ID       AlertID // given by the store
	Kind     AlertKind
	Key      string // what it is about: "cause:ID", "destination:NAME", "job:ID"; the same when it is resolved
	Severity Severity
	Sources  []string // none: it is about dlqdesk itself
	Cause    string   // the fingerprint, of an alert about one cause
	Job      JobID    // of an alert about a job
	Title    string   // one line
	Text     string   // more of it, plain text; may be ""
	Facts    []AlertFact
	RaisedAt time.Time
	// ResolvedAt is when it ended, because of what Resolution says; zero: it is open.
	ResolvedAt time.Time
	Resolution string
	// PartOf is the alert that tells about this one too, such as that of the outage which a cause is of; 0: none. It is
	// not sent on its own.
	PartOf AlertID
	// Causes are those of the alerts that are part of this one, the first MaxAlertCauses of CauseCount.
	Causes     []AlertCause
	CauseCount int
}

// MaxAlertCauses is how many causes an alert names.
const MaxAlertCauses = 10

// AlertFact is a label with its value. Example: AlertFact{"Failures", "1,204"}.
type AlertFact struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// AlertCause is a cause that an alert is about.
type AlertCause struct{ Fingerprint, Title string }

// Topic returns what the alert is about, for receivers that take all alerts about the same thing for one: a cause has
// one topic, whether it is new or came back. That it grows is another one, because it can end before the cause does.
func (a Alert) Topic() string {
	if a.Kind == AlertNewCause || a.Kind == AlertRegressedCause {
		return a.Key
	}
	return string(a.Kind) + " " + a.Key
}

// Open reports whether the alert is not resolved.
func (a Alert) Open() bool { return a.ResolvedAt.IsZero() }

// AlertEvent is something that happens to an alert, of which sinks are told.
type AlertEvent string

// The events of alerts.
const (
	AlertRaised   AlertEvent = "raised"
	AlertResolved AlertEvent = "resolved"
	AlertTest     AlertEvent = "test" // a person tries a sink; it is of no alert
)

// HaltedAlert returns the alert about a job that dlqdesk paused.
func (j Job) HaltedAlert() Alert {
	a := j.alert(AlertJobHalted)
	a.Title, a.Text = fmt.Sprintf("Job %d halted", j.ID), j.PauseReason
	return a
}

// DoneAlert returns the alert about a job that is done, with the sources of its messages. It ends at once.
func (j Job) DoneAlert(sources []string, at time.Time) Alert {
	a := j.alert(AlertJobDone)
	a.Title, a.Sources = fmt.Sprintf("Job %d is done", j.ID), sources
	a.RaisedAt, a.ResolvedAt, a.Severity = at, at, a.Kind.Severity()
	return a
}

func (j Job) alert(kind AlertKind) Alert {
	return Alert{
		Kind: kind, Key: "job:" + j.ID.String(), Job: j.ID,
		Facts: []AlertFact{
			{"Action", string(j.Action)},
			{"Started by", j.By.Name},
			{"Succeeded", Number(j.Items.Done)},
			{"Failed", Number(j.Items.Failed)},
			{"Left", Number(j.Items.Pending + j.Items.InFlight)},
		},
	}
}

// Number formats a number of messages or the like with thousands separators: "1,204".
func Number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

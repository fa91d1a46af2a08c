package config

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zones of quiet periods, on machines that have none

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

// Alerts are the settings of alerts: the thresholds, the sinks, and the routes to these.
type Alerts struct {
	Sinks  []AlertSink             // ordered as Sources
	Routes []deadletter.AlertRoute // likewise
	SMTP   SMTP
	Keep   time.Duration // after its end an alert is deleted
	AlertThresholds
}

// AlertThresholds are the measures at which an alert is opened.
type AlertThresholds struct {
	Growth      int           // failures of the last hour of a cause, in percent of its usual hour
	GrowthFloor int           // failures of the last hour, below which it does not grow
	BreakerOpen time.Duration // how long a circuit breaker is open
	UpFor       time.Duration // how long a destination is up again before that is told
	ExpiresIn   time.Duration // before SQS deletes a message
	Disk        int           // of the data folder's disk in use, in percent
	Spool       int           // of the spool's limit in use, in percent
	Silence     time.Duration // of a source that sent in every hour of the day before
}

// The kinds of sinks that alerts are sent to.
const (
	SinkSlack     = "slack"
	SinkTeams     = "teams"
	SinkPagerDuty = "pagerduty"
	SinkEmail     = "email"
	SinkWebhook   = "webhook"
)

// AlertSink is a place that alerts are sent to.
type AlertSink struct {
	Name string // its key below alerts.sinks
	Kind string
	// URL is the address, which is a credential: of Slack, Teams and webhooks, and of PagerDuty in place of its own.
	URL        redact.Secret
	RoutingKey redact.Secret // of PagerDuty
	Secret     redact.Secret // of a webhook, whsec_ and base64, by which it is signed; empty: it is not signed
	To         []string      // addresses, of e-mail
}

// SMTP is the server that sends e-mail.
type SMTP struct {
	Address  string // host:port; empty: none is configured
	From     string // an address
	User     string // empty: without authentication
	Password redact.Secret
	// AllowPlain permits a server without STARTTLS: others on the way can read the e-mail then.
	AllowPlain bool
}

func readAlerts(s *section) Alerts {
	return Alerts{
		Sinks:           readNamed(s.section("sinks"), readSink),
		Routes:          readNamed(s.section("routes"), readRoute),
		SMTP:            readSMTP(s.section("smtp")),
		Keep:            setting(s, "keep", defaultAlertKeep, durationFrom(minAlertKeep, maxAlertKeep)),
		AlertThresholds: readThresholds(s.section("thresholds")),
	}
}

func readSink(name string, s *section) AlertSink {
	if err := checkName("sink", name); err != nil {
		s.reader.fault(s.path, err.Error())
	}
	kind := oneOf(SinkSlack, SinkTeams, SinkPagerDuty, SinkEmail, SinkWebhook)
	return AlertSink{
		Name:       name,
		Kind:       required(s, "kind", kind, "set it to slack, teams, pagerduty, email or webhook"),
		URL:        setting(s, "url", redact.Secret{}, s.reader.parseSinkURL),
		RoutingKey: setting(s, "routing_key", redact.Secret{}, s.reader.parseSecret),
		Secret:     setting(s, "secret", redact.Secret{}, s.reader.parseSecret),
		To:         list(s, "to", parseMailbox),
	}
}

// parseSinkURL parses the place of an address, or an address that is no credential.
func (r *reader) parseSinkURL(text string) (redact.Secret, error) {
	if !isPlace(text) {
		_, err := parseURLWithUser(text, "https://hooks.example.com/alerts, or env:NAME or file:PATH")
		return redact.NewSecret("", text), err
	}
	secret, err := r.parseSecret(text)
	if err != nil || r.dataOnly {
		return secret, err
	}
	if u, err := url.Parse(secret.Reveal()); err != nil || u.Hostname() == "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return secret, wrong(text, "must hold an absolute http or https URL")
	}
	return secret, nil
}

func parseMailbox(text string) (string, error) {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Name != "" {
		return "", wrong(text, "must be an e-mail address, such as oncall@example.com")
	}
	return address.Address, nil
}

func readSMTP(s *section) SMTP {
	return SMTP{
		Address:    setting(s, "address", "", emptyOr(parseAddress)),
		From:       setting(s, "from", "", emptyOr(parseMailbox)),
		User:       setting(s, "user", "", parseText),
		Password:   setting(s, "password", redact.Secret{}, s.reader.parseSecret),
		AllowPlain: setting(s, "allow_plain", false, parseBool),
	}
}

func readRoute(name string, s *section) deadletter.AlertRoute {
	if err := checkName("route", name); err != nil {
		s.reader.fault(s.path, err.Error())
	}
	r := deadletter.AlertRoute{
		Name:     name,
		To:       list(s, "to", parseText),
		Sources:  list(s, "sources", parseText),
		Kinds:    list(s, "kinds", oneOf(deadletter.AlertKinds()...)),
		Severity: setting(s, "severity", deadletter.SeverityInfo, oneOf(deadletter.Severities()...)),
		Quiet:    readQuiet(s.section("quiet")),
	}
	if len(r.To) == 0 && !s.reader.faulty(join(s.path, "to")) {
		s.missing("to", "is missing: set it to names below alerts.sinks, such as [ops]")
	}
	return r
}

// noSeverity is the word for no exception from a quiet period.
const noSeverity deadletter.Severity = "none"

func readQuiet(s *section) deadletter.QuietPeriod {
	except := oneOf(append(deadletter.Severities(), noSeverity)...)
	q := deadletter.QuietPeriod{
		From:   setting(s, "from", 0, parseClock),
		To:     setting(s, "to", 0, parseClock),
		Zone:   setting(s, "zone", nil, parseZone),
		Except: setting(s, "except", deadletter.SeverityCritical, except),
	}
	if q.Except == noSeverity {
		q.Except = ""
	}
	switch {
	case s.has("from") != s.has("to"):
		s.reader.fault(s.path, "must have both from and to, such as { from: 22:00, to: 07:00 }")
	case s.has("from") && q.From == q.To:
		s.reader.fault(s.path, "must end at another time than it begins; to send nothing at all, leave the route out")
	}
	return q
}

// parseClock parses a time of day.
func parseClock(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, wrong(text, `must be a time of day, such as 22:00`)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

func parseZone(text string) (*time.Location, error) {
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		return nil, wrong(text, "must be a time zone, such as Europe/Berlin")
	}
	if text == "UTC" {
		return nil, nil
	}
	return zone, nil
}

func readThresholds(s *section) AlertThresholds {
	percent := wholeNumber(1, 100)
	return AlertThresholds{
		Growth:      setting(s, "growth", defaultAlertGrowth, wholeNumber(minAlertGrowth, maxAlertGrowth)),
		GrowthFloor: setting(s, "growth_floor", defaultAlertFloor, wholeNumber(1, maxAlertFloor)),
		BreakerOpen: setting(s, "breaker_open", defaultAlertBreaker, durationFrom(time.Second, maxAlertTime)),
		UpFor:       setting(s, "up_for", defaultAlertUp, durationFrom(time.Second, maxAlertTime)),
		ExpiresIn:   setting(s, "expires_in", defaultAlertExpiry, durationFrom(time.Minute, maxAlertExpiry)),
		Disk:        setting(s, "disk", defaultAlertDisk, percent),
		Spool:       setting(s, "spool", defaultAlertSpool, percent),
		Silence:     setting(s, "silence", defaultAlertSilence, durationFrom(time.Hour, maxAlertTime)),
	}
}

// checkAlerts finds sinks that cannot send, and routes that lead nowhere.
func (r *reader) checkAlerts(c Config) {
	var names []string
	for _, s := range c.Alerts.Sinks {
		names = append(names, s.Name)
		r.checkSink(c, s)
	}
	for _, route := range c.Alerts.Routes {
		at := join("alerts.routes", route.Name)
		for i, name := range route.To {
			if !slices.Contains(names, name) {
				r.fault(indexed(at+".to", i), "there is no sink "+quote(name)+orNear(name, names))
			}
		}
		for i, name := range route.Sources {
			if _, ok := c.Source(name); !ok {
				r.fault(indexed(at+".sources", i), "there is no source "+quote(name)+orNear(name, c.SourceNames()))
			}
		}
	}
	switch {
	case len(c.Alerts.Sinks) > 0 && len(c.Alerts.Routes) == 0:
		r.warn("alerts.sinks", "no route below alerts.routes leads to any of them, so no alert is sent")
	case len(c.Alerts.Routes) > 0 && c.PublicURL == "":
		r.warn("alerts.routes", "public_url is not set, so alerts have no links to the desk")
	}
}

func (r *reader) checkSink(c Config, s AlertSink) {
	at := join("alerts.sinks", s.Name)
	missing := func(set bool, key, text string) {
		if !set && !r.dataOnly && !r.faulty(join(at, key)) {
			r.fault(at, "has no "+key+": "+text)
		}
	}
	switch s.Kind {
	case SinkSlack, SinkTeams:
		missing(s.URL.Reveal() != "", "url", "set it to the place of the webhook's URL, such as env:ALERTS_URL")
		if s.URL.From == "" && s.URL.Reveal() != "" {
			r.fault(at+".url", "must be env:NAME or file:PATH: who has this URL can post there")
		}
	case SinkPagerDuty:
		missing(s.RoutingKey.Reveal() != "", "routing_key", "set it to the place of the integration's key, such as "+
			"env:PAGERDUTY_KEY")
	case SinkWebhook:
		missing(s.URL.Reveal() != "", "url", "set it to a URL such as https://hooks.example.com/alerts")
	case SinkEmail:
		missing(len(s.To) > 0, "to", "set it to addresses, such as [oncall@example.com]")
		if (c.Alerts.SMTP.Address == "" || c.Alerts.SMTP.From == "") && !r.faultyWithin("alerts.smtp") {
			r.fault(at, "sends e-mail, so alerts.smtp needs address and from")
		}
	}
	if secret := s.Secret.Reveal(); secret != "" && !strings.HasPrefix(secret, "whsec_") {
		r.fault(at+".secret", "must hold a secret of Standard Webhooks: whsec_ and base64")
	}
}

// keyedSecret is a secret and the key that it is of.
type keyedSecret struct {
	key    string
	secret *redact.Secret
}

// secrets returns the secrets of the alerts, to be read again.
func (a *Alerts) secrets() []keyedSecret {
	all := []keyedSecret{{"alerts.smtp.password", &a.SMTP.Password}}
	for i := range a.Sinks {
		s, at := &a.Sinks[i], join("alerts.sinks", a.Sinks[i].Name)
		all = append(all, keyedSecret{at + ".url", &s.URL}, keyedSecret{at + ".routing_key", &s.RoutingKey},
			keyedSecret{at + ".secret", &s.Secret})
	}
	return all
}

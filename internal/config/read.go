package config

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/verify"
)

func (r *reader) config() Config {
	top := r.top()
	return Config{
		File:           r.file,
		Listen:         r.listen(top),
		ConsoleListen:  setting(top, "console_listen", "", emptyOr(parseAddress)),
		MetricsListen:  setting(top, "metrics_listen", "", emptyOr(parseAddress)),
		PublicURL:      setting(top, "public_url", "", emptyOr(parsePublicURL)),
		TLS:            readListenTLS(top.section("tls")),
		TrustedProxies: list(top, "trusted_proxies", parseNetwork),
		WebhookURL:     setting(top, "webhook_url", "", emptyOr(parsePublicURL)),
		DataDir:        setting(top, "data_dir", defaultDataDir, parseDir),
		Grace:          setting(top, "grace", defaultGrace, durationFrom(time.Second, maxGrace)),
		Queue:          readQueue(top.section("queue")),
		Queues:         readNamed(top.section("queues"), readDLQ),
		Sources:        r.sources(top.section("sources")),
		Platforms:      readNamed(top.section("platforms"), readPlatform),
		Users:          readUsers(top.section("users")),
		Tickets:        readTickets(top.section("tickets")),
		Alerts:         readAlerts(top.section("alerts")),
		Log:            readLog(top.section("log")),
	}
}

// listen lets PORT, which hosting platforms set, replace the port. They send requests to the container's own address.
// So the receiver listens on every address, unless the file names one.
func (r *reader) listen(top *section) string {
	address := setting(top, "listen", defaultListen, parseAddress)
	port, ok := r.common("PORT")
	if !ok || r.origins["listen"].variable != "" {
		return address
	}
	host := ""
	if top.has("listen") {
		var err error
		if host, _, err = net.SplitHostPort(address); err != nil {
			return address
		}
	}
	r.origins["listen"] = origin{variable: "PORT"}
	if err := checkPort(port); err != nil {
		r.fault("listen", err.Error())
	}
	address = net.JoinHostPort(host, port)
	r.show("listen", address)
	return address
}

// readUsers reads the roles of users by their names. A name can hold characters that no variable's name has, so a
// variable can only replace a role that is in the file.
func readUsers(s *section) []UserRole {
	var users []UserRole
	for _, name := range s.reader.namesInFile(s) {
		role := required(s, name, parseRole, "set it to viewer, operator or admin")
		users = append(users, UserRole{Name: name, Role: role})
	}
	return users
}

func readLog(s *section) Log {
	return Log{
		Format: setting(s, "format", LogText, oneOf(LogText, LogJSON)),
		Level:  setting(s, "level", slog.LevelInfo, parseLevel),
	}
}

func readQueue(s *section) Queue {
	spoolSize := sizeFrom(minSpoolLimit, maxSpoolLimit, "from 1MiB to 1TiB")
	return Queue{
		DLQURL:        setting(s, "dlq_url", "", emptyOr(parseQueueURL)),
		ProcessingURL: setting(s, "processing_url", "", emptyOr(parseQueueURL)),
		Region:        setting(s, "region", "", emptyOr(parseRegion)),
		DefaultSource: setting(s, "default_source", "", parseText),
		SpoolLimit:    setting(s, "spool_limit", defaultSpoolLimit, spoolSize),
	}
}

func (r *reader) sources(s *section) []Source {
	var sources []Source
	inFile := r.namesInFile(s)
	for _, name := range inFile {
		sources = append(sources, readSource(name, s.section(name), destinationHint))
	}
	for _, name := range r.namesInVariables(s) {
		hint := destinationHint
		if near, ok := nearest(name, inFile); ok {
			hint += ", or did you mean the source " + near + "?"
		}
		sources = append(sources, readSource(name, s.section(name), hint))
	}
	return sources
}

const destinationHint = "set it to a URL such as http://127.0.0.1:9090/hooks"

func (r *reader) namesInFile(s *section) []string {
	var names []string
	seen := map[string]string{}
	for _, e := range s.entries {
		key := variableKey(e.key)
		if other, twice := seen[key]; twice {
			r.fault(join(s.path, e.key), "differs from "+other+
				" only in - and _, so variables cannot name it: rename one")
		}
		seen[key] = e.key
		names = append(names, e.key)
	}
	return names
}

// readNamed reads the section of each name that the file or a variable sets.
func readNamed[T any](s *section, read func(name string, s *section) T) []T {
	var all []T
	for _, name := range slices.Concat(s.reader.namesInFile(s), s.reader.namesInVariables(s)) {
		all = append(all, read(name, s.section(name)))
	}
	return all
}

// namesInVariables returns the sources that the file does not have. The first variable of each is its origin.
func (r *reader) namesInVariables(s *section) []string {
	var names, known []string
	for _, e := range s.entries {
		known = append(known, s.below(e.key)+levels)
	}
	for _, v := range r.variablesBelow(s.prefix) {
		ofKnown := func(prefix string) bool { return strings.HasPrefix(v.key, prefix) }
		name, _, ok := strings.Cut(strings.ToLower(v.written[len(s.prefix):]), levels)
		if !ok || slices.ContainsFunc(known, ofKnown) {
			continue
		}
		known = append(known, s.below(name)+levels)
		r.origins[join(s.path, name)] = origin{variable: v.written}
		names = append(names, name)
	}
	return names
}

func readSource(name string, s *section, hint string) Source {
	if err := checkName("source", name); err != nil {
		s.reader.fault(s.path, err.Error())
	}
	destination := required(s, "destination", parseDestination, hint)
	timeout := setting(s, "timeout", defaultTimeout, parseTimeout)
	partOfTimeout := durationFrom(minTimeout, timeoutLimit)
	perSecond := numberFrom(minPerSecond, maxPerSecond, "must be a number from 0.01 to 100000, such as 50")
	verified := readVerify(name, s.section("verify"))
	readHandshake(s, &verified)
	scheme, _ := verify.Named(verified.Scheme)
	return Source{
		Name:          name,
		Platform:      setting(s, "platform", platformOf(verified.Scheme), parseText),
		Destination:   destination,
		Mode:          setting(s, "mode", Direct, oneOf(Direct, Buffered)),
		Timeout:       timeout,
		Connect:       setting(s, "connect_timeout", min(defaultConnect, timeout), partOfTimeout),
		Read:          setting(s, "read_timeout", timeout, partOfTimeout),
		MaxBody:       setting(s, "max_body", defaultMaxBody, sizeFrom(1, maxMaxBody, "from 1B to 64MiB")),
		MaxConcurrent: setting(s, "max_concurrent", defaultMaxConcurrent, wholeNumber(1, maxMaxConcurrent)),
		MaxPerSecond:  setting(s, "max_per_second", 0, perSecond),
		TLS:           readTLS(s.section("tls")),
		Verify:        verified,
		Dedup:         readDedup(s.section("dedup"), scheme, verified),
		Ack:           readAck(s.section("ack"), scheme),
		Retry:         readRetry(s.section("retry")),
		Breaker:       readBreaker(s.section("breaker")),
		EventType:     readEventType(s),
		OrderKey:      readOrderKey(s),
		Copies:        readNamed(s.section("destinations"), readCopyTo),
		Mask:          readMask(s.section("mask")),
		Causes:        readCauses(name, s.section("causes")),
		Shapes:        setting(s, "shapes", true, parseBool),
		KeepDelivered: setting(s, "keep_delivered", 0, wholeNumber(0, maxKeepDelivered)),
	}
}

func readCopyTo(name string, s *section) CopyTo {
	if !copyName.MatchString(name) {
		s.reader.fault(s.path, "the name of a destination must be 1 to 30 of a-z, A-Z, 0-9 and -, "+
			"and begin with a letter or digit")
	}
	return CopyTo{
		Name:   name,
		URL:    required(s, "url", parseDestination, destinationHint),
		Masked: setting(s, "masked", true, parseBool),
	}
}

// readCauses reads the rules by which the failures of a source are grouped.
func readCauses(source string, s *section) []deadletter.GroupRule {
	ignore := list(s, "ignore", func(text string) (deadletter.GroupRule, error) { return parseIgnore(source, text) })
	join := list(s, "join", func(text string) (deadletter.GroupRule, error) { return parseJoin(source, text) })
	if n := len(ignore) + len(join); n > deadletter.MaxOwnRules {
		s.reader.fault(s.path, fmt.Sprintf("has %d rules: a source can have %d", n, deadletter.MaxOwnRules))
	}
	return append(ignore, join...)
}

func readEventType(s *section) []payload.Path {
	if found := slices.Concat(list(s, "event_type", parseEventType)...); len(found) > 0 {
		return found
	}
	return payload.AnyEventType()
}

// readOrderKey returns nil if the key is not set, and an empty one for none.
func readOrderKey(s *section) payload.OrderKey {
	if found := list(s, "order_key", parseOrderKey); len(found) > 0 {
		return append(payload.OrderKey{}, slices.Concat(found...)...)
	}
	return nil
}

func readTLS(s *section) TLS {
	return TLS{
		CAFile:     setting(s, "ca_file", "", emptyOr(parseFile)),
		CertFile:   setting(s, "cert_file", "", emptyOr(parseFile)),
		KeyFile:    setting(s, "key_file", "", emptyOr(parseFile)),
		MinVersion: setting(s, "min_version", tls.VersionTLS12, parseTLSVersion),
	}
}

func readBreaker(s *section) Breaker {
	const over0 = math.SmallestNonzeroFloat64
	share := numberFrom(over0, 1, "must be a share over 0 and up to 1, such as 0.5")
	return Breaker{
		FailureRate:   setting(s, "failure_rate", defaultFailureRate, share),
		Window:        setting(s, "window", defaultWindow, durationFrom(time.Second, maxWindow)),
		MinDeliveries: setting(s, "min_deliveries", defaultMinDeliveries, wholeNumber(1, maxMinDeliveries)),
		Consecutive:   setting(s, "consecutive", defaultConsecutive, wholeNumber(1, maxMinDeliveries)),
		Probe:         setting(s, "probe", defaultProbe, durationFrom(time.Second, maxWindow)),
		RampStart:     setting(s, "ramp_start", defaultRampStart, wholeNumber(1, maxRampStart)),
	}
}

func readRetry(s *section) deadletter.RetryPolicy {
	factor := numberFrom(1, maxFactor, "must be a number from 1 to 100, such as 2")
	return deadletter.RetryPolicy{
		MaxAttempts: setting(s, "max_attempts", defaultMaxAttempts, wholeNumber(1, maxMaxAttempts)),
		Base:        setting(s, "base", defaultBase, durationFrom(minBase, maxCap)),
		Factor:      setting(s, "factor", defaultFactor, factor),
		Cap:         setting(s, "cap", defaultCap, durationFrom(minBase, maxCap)),
	}
}

func readMask(s *section) Mask {
	return Mask{
		Headers: list(s, "headers", parseHeaderName),
		Names:   list(s, "names", parseFieldName),
		JSON:    list(s, "json", parseMask),
		Except:  list(s, "except", parseDefaultName),
	}
}

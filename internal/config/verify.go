package config

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/verify"
)

const (
	// maxTolerance limits how long an intercepted webhook could be sent again.
	maxTolerance = 24 * time.Hour

	// shortSecret is the length in bytes below which a secret can be guessed. Platforms make longer ones.
	shortSecret = 16

	maxDedup = 30 * 24 * time.Hour
)

func readVerify(source string, s *section) verify.Settings {
	proof := verify.Settings{
		Source:          source,
		Scheme:          setting(s, "scheme", verify.None, oneOf(schemeNames()...)),
		Secrets:         s.secrets("secrets"),
		Header:          setting(s, "header", "", parseHeaderName),
		Prefix:          setting(s, "prefix", "", parseText),
		Encoding:        setting(s, "encoding", "", oneOf(verify.Hex, verify.Base64)),
		Algorithm:       setting(s, "algorithm", "", oneOf(verify.SHA256, verify.SHA1, verify.SHA512)),
		Signed:          setting(s, "signed", "", parseText),
		TimestampHeader: setting(s, "timestamp_header", "", parseHeaderName),
		IDHeader:        setting(s, "id_header", "", parseHeaderName),
		Tolerance:       setting(s, "tolerance", 0, durationFrom(time.Second, maxTolerance)),
		SecretEncoding:  setting(s, "secret_encoding", "", oneOf(verify.Raw, verify.Base64)),
		Resign:          setting(s, "resign", false, parseBool),
		User:            setting(s, "user", "", parseText),
		ClientID:        setting(s, "client_id", "", parseText),
		URL:             setting(s, "url", "", parsePlatformURL),
		Subjects:        list(s, "subjects", parseSomething),
		SANs:            list(s, "sans", parseSomething),
	}
	s.checkScheme(proof)
	s.showUsual(proof)
	return proof
}

// showUsual shows the values that a scheme uses if the configuration sets none.
func (s *section) showUsual(proof verify.Settings) {
	scheme, _ := verify.Named(proof.Scheme)
	usual := map[string]string{"tolerance": deadletter.ShortDuration(proof.Window())}
	if proof.Scheme == verify.HMAC {
		usual["encoding"], usual["algorithm"] = verify.Hex, verify.SHA256
		usual["signed"], usual["secret_encoding"] = "{body}", verify.Raw
	}
	for key, value := range usual {
		if scheme.Uses(key) && !s.has(key) {
			s.reader.showDefault(join(s.path, key), value)
		}
	}
}

// readHandshake adds the handshake of a source, which is that of its scheme if none is set.
func readHandshake(s *section, proof *verify.Settings) {
	names := []string{verify.None}
	for _, h := range verify.Handshakes() {
		names = append(names, h.Name)
	}
	usual := verify.None
	if _, ok := verify.HandshakeNamed(proof.Scheme); ok {
		usual = proof.Scheme
	}
	proof.Handshake = strings.TrimPrefix(setting(s, "handshake", usual, oneOf(names...)), verify.None)
	proof.HandshakeSecrets = s.secrets("handshake_secrets")
	for _, f := range proof.HandshakeFaults() {
		path := join(s.path, f.Key)
		if !s.reader.faultyWithin(path) && !s.reader.faultyWithin(join(s.path, "verify.secrets")) {
			s.reader.fault(path, f.Text)
		}
	}
}

func schemeNames() []string {
	var names []string
	for _, s := range verify.Schemes() {
		names = append(names, s.Name)
	}
	return names
}

func parsePlatformURL(text string) (string, error) {
	u, err := parseURL(text, "https://hooks.example.com/webhooks/calls")
	if err == nil && u.RawQuery != "" {
		err = errors.New("must not have a query: each webhook brings its own")
	}
	return text, err
}

func parseSomething(text string) (string, error) {
	if text == "" {
		return "", errors.New("must not be empty")
	}
	return text, nil
}

// checkScheme reports keys that the scheme does not use, missing keys, and invalid values.
func (s *section) checkScheme(proof verify.Settings) {
	if s.reader.faulty(join(s.path, "scheme")) {
		return
	}
	scheme, _ := verify.Named(proof.Scheme)
	for _, key := range s.keys {
		if key != "scheme" && !scheme.Uses(key) && s.has(key) {
			s.reader.fault(join(s.path, key), "has no effect with the scheme "+scheme.Name)
		}
	}
	missing := map[string]bool{}
	for _, key := range scheme.Required {
		if missing[key] = !s.has(key); missing[key] {
			s.missing(key, "is missing: the scheme "+scheme.Name+" needs it")
		}
	}
	for _, f := range proof.Faults() {
		key, _, _ := strings.Cut(f.Key, "[")
		if path := join(s.path, key); !missing[key] && !s.reader.faultyWithin(path) {
			s.reader.fault(join(s.path, f.Key), f.Text)
		}
	}
}

// has reports whether a key is set.
func (s *section) has(key string) bool {
	if _, ok := s.reader.variables[s.below(key)]; ok {
		return true
	}
	for _, e := range s.entries {
		if e.key == key {
			return !isNull(e.value)
		}
	}
	return false
}

func (r *reader) checkVerify(c Config, at string, proof verify.Settings) {
	if proof.Open() && !r.faultyWithin(at) {
		r.warn(at+".scheme", "webhooks are not verified: anyone who knows the URL can post to it")
	}
	if proof.Scheme == verify.MTLS && c.TLS.ClientCAFile == "" && !r.faultyWithin("tls") {
		r.fault(at+".scheme", "needs tls.client_ca_file, the authorities of platforms' certificates")
	}
	for i, s := range proof.Secrets {
		if len(s.Reveal()) < shortSecret && !r.faultyWithin(at) {
			r.warn(indexed(at+".secrets", i), "is shorter than 16 characters, so it can be guessed")
		}
	}
}

// readDedup reads the place of an event's id. The default is the one that the scheme's platform uses. A signed
// Webhook-Id is always the id: a handler that verifies signatures accepts no other.
func readDedup(s *section, scheme verify.Scheme, proof verify.Settings) payload.Dedup {
	ignored := !proof.Open() && !proof.ProvesHeaders()
	d := payload.Dedup{
		Header: cmp.Or(scheme.IDHeader, proof.IDHeader), Path: scheme.IDPath, Window: 1, IgnoreWebhookID: ignored,
	}
	d = setting(s, "key", d, parseDedupKey)
	window := setting(s, "window", payload.DefaultDedupWindow, durationFrom(time.Second, maxDedup))
	if d.Window > 0 {
		d.Window = window
	}
	if signed := proof.SignedIDHeader(); strings.EqualFold(signed, "Webhook-Id") {
		overridden := d.Window > 0 && !strings.EqualFold(d.Header, signed)
		d.Header, d.Path, d.Signed = signed, nil, true
		if overridden {
			s.reader.showDefault(join(s.path, "key"), d)
		}
	}
	d.IgnoreWebhookID = ignored
	return d
}

// parseDedupKey parses the place of an id. A window of 1 in its result means that there is one.
func parseDedupKey(text string) (payload.Dedup, error) {
	name, isHeader := strings.CutPrefix(text, "header:")
	switch {
	case text == "none":
		return payload.Dedup{}, nil
	case isHeader:
		name, err := parseHeaderName(name)
		return payload.Dedup{Header: name, Window: 1}, err
	case strings.HasPrefix(text, "$") && !strings.Contains(text, "*"):
		path, err := parsePath(text)
		return payload.Dedup{Path: path, Window: 1}, err
	}
	return payload.Dedup{}, wrong(text, "must be a path such as $.id, a header such as header:X-Event-Id, or none")
}

const (
	leastAck = 200
	mostAck  = 299
)

// readAck returns nil if the default response suits the platform.
func readAck(s *section, scheme verify.Scheme) *payload.Ack {
	status := setting(s, "status", leastAck, wholeNumber(leastAck, mostAck))
	contentType := setting(s, "content_type", "application/json", parseSomething)
	body := setting(s, "body", scheme.Ack, parseText)
	if body == "" && !s.has("status") && !s.has("body") {
		if s.has("content_type") {
			s.missing("body", "is missing: it is the response to the platform")
		}
		return nil
	}
	ack, err := payload.NewAck(status, contentType, body)
	if err != nil {
		s.reader.fault(join(s.path, "body"), cmp.Or(deadletter.TextOf(err), err.Error()))
	}
	return ack
}

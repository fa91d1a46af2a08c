package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
)

// emptyOr returns a parser that also accepts the empty text, which means that the value is not set.
func emptyOr(parse func(string) (string, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return parse(text)
	}
}

func parseText(text string) (string, error) { return text, nil }

func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, wrong(text, "must be true or false")
	}
	return text == "true", nil
}

func parseDir(text string) (string, error) {
	if text == "" || strings.ContainsRune(text, 0) {
		return "", wrong(text, "must be a folder, such as ./data")
	}
	return text, nil
}

func parseAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil || !isHost(host) {
		return "", wrong(text, "must be host:port, such as "+defaultListen)
	}
	return text, checkPort(port)
}

// parseNetwork parses a network such as 10.0.0.0/8, or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, wrong(text, "must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8")
	case network != network.Masked():
		return netip.Prefix{}, wrong(text, "must not have bits beyond its length: use "+network.Masked().String())
	case network.Addr().Is4In6():
		return netip.Prefix{}, wrong(text, "must be written as a network of IPv4 addresses")
	}
	return network, nil
}

var hostName = regexp.MustCompile(`^[a-zA-Z0-9._-]*$`)

// isHost reports whether a text is a host. An empty host listens on every address.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return hostName.MatchString(host)
}

func checkPort(text string) error {
	if _, err := strconv.ParseUint(text, 10, 16); err != nil {
		return wrong(text, "the port must be a number up to 65535")
	}
	return nil
}

func parsePublicURL(text string) (string, error) {
	u, err := parseURL(text, "https://desk.example.com")
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return "", wrongURL(text, "must end with the host: dlqdesk serves from its root")
	}
	return u.Scheme + "://" + u.Host, nil
}

// parseDestination parses the URL of a handler. It may have user information, which is sent as basic authorization.
func parseDestination(text string) (string, error) {
	u, err := parseURLWithUser(text, "http://127.0.0.1:9090/hooks")
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// queueName follows the limits of Amazon SQS.
var queueName = regexp.MustCompile(`^([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`)

func parseQueueURL(text string) (string, error) {
	const example = "https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks-dlq"
	u, err := parseURL(text, example)
	if err != nil {
		return "", err
	}
	if name := u.Path[strings.LastIndex(u.Path, "/")+1:]; u.RawQuery != "" || !queueName.MatchString(name) {
		return "", wrongURL(text, "must end with the name of a queue, such as "+example)
	}
	return u.String(), nil
}

// parseURL parses an absolute URL without user information.
func parseURL(text, example string) (*url.URL, error) {
	u, err := parseURLWithUser(text, example)
	if err == nil && u.User != nil {
		return nil, errors.New("must not have a user name or a password")
	}
	return u, err
}

// parseURLWithUser parses an absolute URL.
func parseURLWithUser(text, example string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, wrongURL(text, "must be an absolute http or https URL, such as "+example)
	case u.Port() != "" && checkPort(u.Port()) != nil:
		return nil, checkPort(u.Port())
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("must not have a fragment after #: it never leaves a browser")
	}
	return u, nil
}

// wrongURL returns a fault that repeats nothing that may be a password or a key.
func wrongURL(text, right string) error {
	if strings.Contains(text, "@") {
		return errors.New(right)
	}
	shown, _, _ := strings.Cut(text, "?")
	return wrong(shown, right)
}

var regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func parseRegion(text string) (string, error) {
	if !regionName.MatchString(text) {
		return "", wrong(text, "must be the name of an AWS region, such as eu-west-1")
	}
	return text, nil
}

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// copyName bounds the name of a destination for copies, because buttons show it.
var copyName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,29}$`)

func checkName(what, name string) error {
	if !sourceName.MatchString(name) {
		return errors.New("the name of a " + what + " must be 1 to 63 of a-z, 0-9, - and _, and begin with a-z or 0-9")
	}
	return nil
}

// maxOr is how many words a fault joins by "or".
const maxOr = 3

// oneOf returns a parser that accepts only the given words.
func oneOf[T ~string](words ...T) func(string) (T, error) {
	return func(text string) (T, error) {
		var names []string
		for _, w := range words {
			if text == string(w) {
				return w, nil
			}
			names = append(names, string(w))
		}
		if len(names) == 1 {
			return "", wrong(text, "must be "+names[0]+", no other is supported")
		}
		if len(names) > maxOr {
			return "", wrong(text, "must be one of "+strings.Join(names, ", "))
		}
		return "", wrong(text, "must be "+strings.Join(names, " or "))
	}
}

func parseRole(text string) (deadletter.Role, error) {
	return oneOf(deadletter.Viewer, deadletter.Operator, deadletter.Admin)(text)
}

func parseLevel(text string) (level slog.Level, err error) {
	name, err := oneOf("debug", "info", "warn", "error")(text)
	if err != nil {
		return 0, err
	}
	return level, level.UnmarshalText([]byte(name))
}

// numberFrom returns a parser of a number. right names the valid ones.
func numberFrom(least, most float64, right string) func(string) (float64, error) {
	return func(text string) (float64, error) {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= least && f <= most) {
			return 0, wrong(text, right)
		}
		return f, nil
	}
}

func parseFile(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", wrong(text, "must be the path of a file")
	}
	return text, nil
}

func parseTLSVersion(text string) (uint16, error) {
	switch text {
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, wrong(text, "must be 1.2 or 1.3: older versions are not safe")
}

func wholeNumber(least, most int) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, wrong(text, fmt.Sprintf("must be a whole number from %d to %d", least, most))
		}
		return n, nil
	}
}

func parseTimeout(text string) (time.Duration, error) {
	d, err := durationFrom(minTimeout, math.MaxInt64)(text)
	if err == nil && d >= timeoutLimit {
		return 0, wrong(text, "must be under "+deadletter.ShortDuration(timeoutLimit))
	}
	return d, err
}

func durationFrom(least, most time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return 0, wrong(text, "must be a duration with its unit, such as 500ms, 10s or 15m")
		case d < least:
			return 0, wrong(text, "must be at least "+deadletter.ShortDuration(least))
		case d > most:
			return 0, wrong(text, "must be at most "+deadletter.ShortDuration(most))
		}
		return d, nil
	}
}

var size = regexp.MustCompile(`^([0-9]{1,12}) ?(B|KB|KiB|MB|MiB|GB|GiB|TiB)?$`)

// sizeFrom returns a parser of a number of bytes. between names the limits in words.
func sizeFrom(least, most int64, between string) func(string) (int64, error) {
	bytesPer := map[string]int64{
		"": 1, "B": 1, "KB": 1e3, "KiB": 1 << 10, "MB": 1e6, "MiB": 1 << 20, "GB": 1e9, "GiB": 1 << 30, "TiB": 1 << 40,
	}
	return func(text string) (int64, error) {
		m := size.FindStringSubmatch(text)
		if m == nil {
			return 0, wrong(text, "must be a size, such as 256KiB, 1MiB or 1048576")
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if unit := bytesPer[m[2]]; err != nil || n > most/unit || n*unit < least {
			return 0, wrong(text, "must be "+between)
		}
		return n * bytesPer[m[2]], nil
	}
}

func parseHeaderName(text string) (string, error) {
	if !headerName.MatchString(text) {
		return "", wrong(text, "must be the name of a header, such as X-Customer-Key")
	}
	return text, nil
}

// headerName follows the token rule of RFC 9110 section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func parsePath(text string) (payload.Path, error) { return publicly(payload.ParsePath(text)) }

func parseMask(text string) (payload.Path, error) { return publicly(payload.ParseMask(text)) }

// publicly keeps of an error only its public text.
func publicly(p payload.Path, err error) (payload.Path, error) {
	if err != nil {
		return nil, errors.New(deadletter.TextOf(err))
	}
	return p, nil
}

// parseFieldName parses the name of a field that is masked wherever it is.
func parseFieldName(text string) (string, error) {
	if strings.ContainsAny(text, "$[]") || strings.TrimSpace(text) == "" {
		return "", wrong(text, "must be a name alone, such as ssn; paths such as $.customer.ssn belong below json")
	}
	return text, nil
}

// parseDefaultName parses a name that is masked unless the configuration says otherwise.
func parseDefaultName(text string) (string, error) {
	if !redact.IsDefault(text) {
		return "", wrong(text, "must be a name that is masked by default, such as pin")
	}
	return text, nil
}

// parseIgnore parses the pattern of what does not tell causes apart.
func parseIgnore(source, text string) (deadletter.GroupRule, error) {
	r := deadletter.GroupRule{Kind: deadletter.GroupIgnore, Source: source, Pattern: text}
	return checkGroupRule(r)
}

// parseJoin parses "PATTERN => TITLE": what matches is one cause with that title.
func parseJoin(source, text string) (deadletter.GroupRule, error) {
	at := strings.LastIndex(text, "=>")
	if at < 0 {
		return deadletter.GroupRule{}, wrong(text, "must be a pattern and a title, such as timeout of \\w+ => Timeout")
	}
	return checkGroupRule(deadletter.GroupRule{
		Kind: deadletter.GroupJoin, Source: source, Pattern: strings.TrimSpace(text[:at]), Title: text[at+len("=>"):],
	})
}

func checkGroupRule(r deadletter.GroupRule) (deadletter.GroupRule, error) {
	r, err := r.CheckOwn()
	if err != nil {
		return r, errors.New(deadletter.TextOf(err))
	}
	return r, nil
}

// parseEventType parses a path, or the name of a preset.
func parseEventType(text string) ([]payload.Path, error) {
	if preset, ok := payload.EventTypePresets()[text]; ok {
		return preset, nil
	}
	if strings.HasPrefix(text, "$") {
		path, err := parsePath(text)
		return []payload.Path{path}, err
	}
	names := slices.Sorted(maps.Keys(payload.EventTypePresets()))
	return nil, wrong(text, "must be a path such as $.eventType, or one of "+strings.Join(names, ", "))
}

// parseOrderKey parses a place of an order key, the name of a preset, or none.
func parseOrderKey(text string) (payload.OrderKey, error) {
	if preset, ok := payload.OrderPresets()[text]; ok {
		return preset, nil
	}
	name, isHeader := strings.CutPrefix(text, "header:")
	switch {
	case text == "none":
		return nil, nil
	case isHeader:
		name, err := parseHeaderName(name)
		return payload.OrderKey{{Header: name}}, err
	case strings.HasPrefix(text, "$") && !strings.Contains(text, "*"):
		path, err := parsePath(text)
		return payload.OrderKey{{Path: path}}, err
	}
	names := slices.Sorted(maps.Keys(payload.OrderPresets()))
	return nil, wrong(
		text,
		"must be a path such as $.conversationId, a header such as header:X-Thread-Id, none, or one of "+
			strings.Join(names, ", "),
	)
}

// wrong returns a fault with the valid values and the present one.
func wrong(got, right string) error { return fmt.Errorf("%s (got %s)", right, quote(got)) }

// longest is how many characters of a value a fault repeats.
const longest = 80

// quote returns a value in quotation marks if it is empty or has spaces.
func quote(text string) string {
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	unclear := func(r rune) bool { return r == ' ' || r == '"' || !strconv.IsPrint(r) }
	if text == "" || strings.ContainsFunc(text, unclear) {
		return strconv.Quote(text)
	}
	return text
}

package config

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
)

// Value is a key with the value that is in force, and where that comes from.
type Value struct {
	Key  string `json:"key"`
	Text string `json:"value"` // secrets are masked: env:NAME •••
	From string `json:"from"`  // default, dlqdesk.yaml:14, the name of a variable, or a flag

	secrets []redact.Secret // to find out whether they changed
}

// fromDefault is the From of a value that nothing sets.
const fromDefault = "default"

// IsDefault reports whether nothing sets the value.
func (v Value) IsDefault() bool { return v.From == fromDefault }

// Change is a key whose value differs between two configurations. Before or After is empty if there is none.
type Change struct {
	Key, Before, After string
	Restart            bool // it is applied at the next start only
}

// Changes returns the keys whose value in next differs from that in c. Secrets are masked; one that was replaced at the
// same place is a change as well.
func (c Config) Changes(next Config) []Change {
	before, after := valuesByKey(c.Values), valuesByKey(next.Values)
	listenTLS := c.TLS.On() == next.TLS.On()
	var changes []Change
	for _, key := range keysOfBoth(c.Values, next.Values) {
		was, is := before[key], after[key]
		if was.equals(is) {
			continue
		}
		restart := NeedsRestart(key) && !(listenTLS && strings.HasPrefix(key, "tls."))
		changes = append(changes, Change{Key: key, Before: was.Text, After: is.Text, Restart: restart})
	}
	return changes
}

// equals reports whether two values are the same. A default of a section that is not there equals nothing.
func (v Value) equals(other Value) bool {
	if v.Key == "" || other.Key == "" {
		return (v.Key == "" || v.IsDefault()) && (other.Key == "" || other.IsDefault())
	}
	return v.Text == other.Text && slices.EqualFunc(v.secrets, other.secrets, func(a, b redact.Secret) bool {
		return a.Reveal() == b.Reveal()
	})
}

func valuesByKey(values []Value) map[string]Value {
	byKey := map[string]Value{}
	for _, v := range values {
		byKey[v.Key] = v
	}
	return byKey
}

func keysOfBoth(a, b []Value) []string {
	var keys []string
	seen := map[string]bool{}
	for _, v := range slices.Concat(a, b) {
		if !seen[v.Key] {
			seen[v.Key] = true
			keys = append(keys, v.Key)
		}
	}
	return keys
}

// NeedsRestart reports whether a changed key is applied at the next start only. The keys of tls are applied at once
// while TLS stays on.
func NeedsRestart(key string) bool {
	switch key {
	case "listen", "console_listen", "metrics_listen", "public_url", "trusted_proxies", "data_dir", "log.format":
		return true
	case "queue.default_source":
		return false
	}
	section, below, _ := strings.Cut(key, ".")
	if _, setting, _ := strings.Cut(below, "."); section == "queues" && strings.HasPrefix(setting, "mask.") {
		return false
	}
	return section == "tls" || section == "queue" || section == "queues"
}

// Reloaded returns next as a program can take it over that runs with c: keys that need a restart stay as they are in c.
func (c Config) Reloaded(next Config) Config {
	defaultSource := next.Queue.DefaultSource
	next.Listen, next.ConsoleListen, next.MetricsListen = c.Listen, c.ConsoleListen, c.MetricsListen
	next.PublicURL, next.TrustedProxies, next.DataDir = c.PublicURL, c.TrustedProxies, c.DataDir
	masks := next
	next.Queue, next.Queues = c.Queue, slices.Clone(c.Queues)
	next.Queue.DefaultSource = defaultSource
	for i, q := range next.Queues {
		if listed, ok := masks.DLQ(q.Name); ok {
			next.Queues[i].Mask = listed.Mask
		}
	}
	next.Log.Format = c.Log.Format
	if c.TLS.On() != next.TLS.On() {
		next.TLS = c.TLS
	}
	return next
}

// Address returns the URL of the destination without what may be secret in it: user information and query.
func (s Source) Address() string { return redact.Address(s.Destination) }

// show records the value of a key that was read, and the secrets among it.
func (r *reader) show(path, text string, secrets ...redact.Secret) {
	v := Value{Key: path, Text: shownText(path, text), From: fromDefault, secrets: secrets}
	if v.Text != text {
		v.secrets = append(v.secrets, redact.NewSecret("", text))
	}
	switch at := r.origins[path]; {
	case at.variable != "":
		v.From = at.variable
	case at.line > 0:
		v.From = fmt.Sprintf("%s:%d", r.file, at.line)
	}
	r.record(v)
}

// showDefault records the value of a key that nothing sets.
func (r *reader) showDefault(path string, value any) {
	r.record(Value{Key: path, Text: shownDefault(value), From: fromDefault})
}

// record adds a value, or puts it in the place of an earlier one of the same key.
func (r *reader) record(v Value) {
	path := v.Key
	if i := slices.IndexFunc(r.values, func(known Value) bool { return known.Key == path }); i >= 0 {
		r.values[i] = v
		return
	}
	r.values = append(r.values, v)
}

// shownText returns a value from file or environment as it may be shown.
func shownText(path, text string) string {
	if strings.Contains(path, ".parameters.") && text != "" {
		return redact.Mask // a platform's parameters can be headers with credentials
	}
	if isPlace(text) {
		return text + " " + redact.Mask
	}
	if u, err := url.Parse(text); err == nil && u.Host != "" && (u.User != nil || u.RawQuery != "") {
		return redact.URL(text)
	}
	return text
}

// shownDefault returns a default as a file would have it; "" if there is none.
func shownDefault(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case time.Duration:
		if v == 0 {
			return ""
		}
		return deadletter.ShortDuration(v)
	case int64:
		return shownSize(v)
	case uint16:
		return map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}[v]
	case float64:
		if v == 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case slog.Level:
		return strings.ToLower(v.String())
	case payload.Dedup:
		return shownDedup(v)
	case redact.Secret, *time.Location: // none has a default
		return ""
	}
	return fmt.Sprint(value)
}

func shownSize(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for bytes != 0 && bytes%1024 == 0 && i < len(units)-1 {
		bytes, i = bytes/1024, i+1
	}
	return strconv.FormatInt(bytes, 10) + units[i]
}

func shownDedup(d payload.Dedup) string {
	switch header, path := d.Place(); {
	case d.Window > 0 && header != "":
		return "header:" + header
	case d.Window > 0 && path != nil:
		return "$." + strings.Join(path, ".")
	}
	return "none"
}

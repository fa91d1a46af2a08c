package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// WithStatus puts the status code of an error response before its reason, as in "422: field id is missing". It returns
// reasons without a status code, or that begin with it already, as they are.
func WithStatus(code int, reason string) string {
	prefix := strconv.Itoa(code)
	switch {
	case code == 0 || strings.HasPrefix(reason, prefix):
		return reason
	case reason == "":
		return prefix
	}
	return prefix + ": " + reason
}

// Fingerprint returns the key of a cause. Messages with the same source, destination and normalised reason have the
// same key. reason comes from WithStatus.
func Fingerprint(source, destination, reason string) string {
	sum := sha256.Sum256([]byte(source + "\x00" + destination + "\x00" + normalised(reason)))
	return hex.EncodeToString(sum[:fingerprintBytes])
}

const (
	fingerprintBytes = 8

	// maxNormalised is the length of a reason that decides its cause, in bytes.
	maxNormalised = 2000
)

// particulars are the parts of a reason that differ between failures of one cause. They are replaced in this order.
var particulars = []struct {
	what *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(z|[+-]\d{2}:?\d{2})?`), "<time>"},
	{regexp.MustCompile(`\d{1,3}(\.\d{1,3}){3}(:\d+)?|\[[0-9a-f:]*:[0-9a-f:]*\](:\d+)?`), "<address>"},
	{regexp.MustCompile(`(\d+(\.\d+)?(ns|µs|us|ms|s|m|h))+\b`), "<duration>"},
	{
		regexp.MustCompile(
			`\b0x[0-9a-f]+\b|\b[0-9a-f]*\d[0-9a-f]*[a-f][0-9a-f]*\b|\b[0-9a-f]*[a-f][0-9a-f]*\d[0-9a-f]*\b`,
		),
		"<id>",
	},
	{regexp.MustCompile(`\d+([.,]\d+)*`), "<n>"},
}

// plain is the index of the first particular from which on each needs a digit or a bracket.
const plain = 1

// answeredCode is the status code at the beginning of a reason: another code is another cause.
var answeredCode = regexp.MustCompile(`^(http )?[1-9]\d\d\b`)

// normalised replaces the particulars of a reason. Example: "Order 4711 not found after 3.2s" becomes "order <n> not
// found after <duration>".
func normalised(reason string) string {
	text := strings.ToLower(strings.ToValidUTF8(reason[:min(len(reason), maxNormalised)], ""))
	text = strings.Join(strings.Fields(text), " ")
	code := answeredCode.FindString(text)
	rest := text[len(code):]
	for i, p := range particulars {
		if i == plain && !strings.ContainsAny(rest, "[0123456789") {
			break
		}
		rest = p.what.ReplaceAllString(rest, p.name)
	}
	return code + rest
}

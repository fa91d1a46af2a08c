package deadletter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// WithStatus puts the status code of an error response before its reason, as in "422 field id is missing". It returns
// reasons without a status code, or that begin with it already, as they are.
func WithStatus(code int, reason string) string {
	prefix := strconv.Itoa(code)
	rest, has := strings.CutPrefix(reason, prefix)
	switch {
	case code == 0 || has && !strings.HasPrefix(rest, ": "):
		return reason
	case reason == "":
		return prefix
	case has:
		return prefix + rest[1:] // as other programs write it
	}
	return prefix + " " + reason
}

// FailureText returns the error by which a failure is grouped: the reason with its status code before it.
func FailureText(code int, reason string) string {
	return cmp.Or(WithStatus(code, reason), "Unknown error")
}

// Fingerprint returns the key of a cause by the built-in rules. Messages with the same source, destination and
// normalised reason have the same key. reason comes from WithStatus.
func Fingerprint(source, destination, reason string) string {
	sum := sha256.Sum256([]byte(source + "\x00" + destination + "\x00" + normalised(reason)))
	return hex.EncodeToString(sum[:fingerprintBytes])
}

// FaultKey returns the key by which the results of a job are grouped, as messages are by their causes; "" for no
// reason.
func FaultKey(reason string) string {
	if reason == "" {
		return ""
	}
	return Fingerprint("", "", reason)
}

// CauseRules is the version of the rules by which Fingerprint groups reasons. Raise it with each change of them, so
// that the causes of stored messages are made anew.
const CauseRules = 4

const (
	fingerprintBytes = 8

	// maxNormalised is the length of a reason that decides its cause, in bytes.
	maxNormalised = 2000
)

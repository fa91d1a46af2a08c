package deadletter

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A code tells causes apart: ORA-00001, E1001, error 1205, HTTP 404. Ids have the same shapes, so most codes are known
// by what stands before them or by their place.
var (
	// namedCode is known by itself: a code of a known maker, one that says error, an HRESULT (a longer one is an
	// address in memory), or a name such as OAuth2.
	namedCode = regexp.MustCompile(
		`^(?:(?:ORA|PLS|TNS|SQL|DPY|BEA|AMQ|AADSTS|AADB2C)-?\d{3,6}[A-Z]?|(?:E|CS|TS)\d{3,6}|` +
			`(?i:(?:[a-z]+[-_])*(?:err|error|fault|http)(?:[-_][a-z]+)*[-_]?\d{1,6}|0x[8c][0-9a-f]{7}|` +
			`oauth[12]|s3|ec2|db2|ipv[46]|md5|sha-?\d{1,3}|[ehpr]s(?:256|384|512)|aes-?\d{3}|utf-?\d{1,2}|base64|` +
			`iso-?\d{4,5}(?:-\d{1,2})?|cve-\d{4}-\d+))$`,
	)

	// codeShape is 17, -201, E1001, PAY-17, 40P01 or 0x2740.
	codeShape = regexp.MustCompile(`^(?:-?(?:[A-Z]{1,10}[-_]?)?\d{1,5}[A-Za-z]?|[\dA-Z]{5}|0[xX][0-9a-fA-F]{1,8})$`)

	// beforeCode, in lower case: error code 17, exit status 2, sqlstate[23000], "code":"E1001", error 1205, tls 1.2
	beforeCode = regexp.MustCompile(`(?:\b(?:(?:errno|sqlstate|hresult|exit status|signal|` +
		`(?:error|err|exit|status|return|result|reason|response|fault|failure|decline|exception|http|message|sub|` +
		`sql|os)` +
		`[ _-]?code)(?: was | is |[ =:#("'\[]{1,4})|(?:error|err|fault)[ #=]|code=|with code |grpc-status[:=] ?|` +
		`rfc ?|smtp |[245]\d\d[ -][245]\.(?:\d{1,3}\.)?|tls ?v?(?:1\.)?)|[(\[{,;|"'] ?code[ =:"']{1,4})$`)

	// beforeStatus, in lower case: http 404, http/1.1 502, status: 410, responded with 503
	beforeStatus = regexp.MustCompile(`\b(?:http(?:/\d(?:\.\d)?)?|status(?: code)?[:=]?|` +
		`(?:re(?:turned|sponded|plied)(?: with)?|response)(?: status)?)[ =]$`)
	statusCode = regexp.MustCompile(`^[1-5]\d\d$`)

	// A leading code: WFLY0212: …, [BEA-000337] …
	leadingCode  = regexp.MustCompile(`^(?:[A-Z]{1,10}\d{3,6}[A-Z]?|[A-Z]{2,8}-0\d{2,6})$`)
	afterLeading = regexp.MustCompile(`^(?::(?: |$)|\]| - )`)
	onlyCode     = regexp.MustCompile(`^[A-Z]{1,10}[-_]?\d{2,7}[A-Z]?$`)
)

// isCode reports whether a word with a digit is a code, by what stands before and after it.
func isCode(before, word, after string) bool {
	if len(word) > maxCode {
		return false
	}
	nearby := strings.ToLower(before[max(0, len(before)-maxBefore):])
	announced := slices.ContainsFunc(codeWords, func(w string) bool { return strings.Contains(nearby, w) })
	switch {
	case namedCode.MatchString(word),
		announced && codeShape.MatchString(word) && beforeCode.MatchString(nearby),
		announced && statusCode.MatchString(word) && beforeStatus.MatchString(nearby),
		before+after == "" && onlyCode.MatchString(word):
		return true
	case leadingCode.MatchString(word) && afterLeading.MatchString(after):
		before = strings.TrimSuffix(before, "[")
		return before == "" || strings.HasSuffix(before, ": ")
	case nearby == "code " || nearby == "code: " || nearby == "msg ":
		return codeShape.MatchString(word) && (strings.HasPrefix(after, ":") || strings.HasPrefix(after, ","))
	}
	return false
}

// maxCode bounds a code, and maxBefore what stands before it and shows that it is one, in bytes.
const (
	maxCode   = 20
	maxBefore = 24
)

// codeWords has a part of each text that beforeCode and beforeStatus match.
var codeWords = []string{
	"code", "err", "fault", "stat", "signal", "hresult", "http", "re", "rfc", "smtp", "tls", ".",
}

// shielded is where a text has the digits of codes, so that no rule takes them for those of an id: in Unicode's area
// for private use.
const shielded = '\ue000'

// shieldCodes returns the text with the digits of codes shielded.
func shieldCodes(text string) string {
	var b strings.Builder
	last := 0
	for start := 0; start < len(text); start++ {
		end := start
		for end < len(text) && isWordByte(text[end]) {
			end++
		}
		if word := text[start:end]; strings.ContainsAny(word, digits) && isCode(text[:start], word, text[end:]) {
			b.WriteString(text[last:start])
			b.WriteString(strings.Map(shield, word))
			last = end
		}
		start = end
	}
	return b.String() + text[last:]
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-'
}

func shield(r rune) rune {
	if r >= '0' && r <= '9' {
		return shielded + r - '0'
	}
	return r
}

// plain returns a text with the digits of codes as they were, and with a question mark for each accented Latin
// character, so that a text that was read in the wrong character set is the same text. Other alphabets stay.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= shielded && r <= shielded+9:
			return r - shielded + '0'
		case r >= 0xc0 && r <= 0x24f || r == utf8.RuneError:
			return '?'
		}
		return r
	}, text)
}

package deadletter

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rule replaces what differs between failures of one cause. Most texts need few of the rules: one is applied only to a
// text that contains one of its signs, because a regular expression takes as long as the rest of a message's ingest.
type rule struct {
	signs   []string // nil: every text may need it
	anyCase bool     // signs are in lower case, the text in any
	what    *regexp.Regexp
	with    string
}

// replacing returns a rule. signs are separated by a bar, and in lower case if the pattern begins with (?i).
func replacing(signs, pattern, with string) rule {
	r := rule{what: regexp.MustCompile(pattern), with: with, anyCase: strings.HasPrefix(pattern, "(?i)")}
	if signs != "" {
		r.signs = strings.Split(signs, "|")
	}
	return r
}

// mayApply reports whether a text has a sign of the rule.
func (r rule) mayApply(text string) bool {
	if r.anyCase {
		text = strings.ToLower(text)
	}
	return r.signs == nil ||
		slices.ContainsFunc(r.signs, func(sign string) bool { return strings.Contains(text, sign) })
}

func applied(rules []rule, text string) string {
	for _, r := range rules {
		if r.mayApply(text) {
			text = r.what.ReplaceAllString(text, r.with)
		}
	}
	return text
}

const (
	digits = "0123456789"

	// capitalised is a name of a person or a company, as in "Zoë van Aalst".
	capitalised = `\p{Lu}[\p{L}'’.-]+(?: (?:van|von|de|der|di|da|al|bin) ?)?(?: \p{Lu}[\p{L}'’.-]+){0,3}`
)

// names need no digit. They are found in the text as it came, because capital letters tell names from words.
var names = []rule{
	replacing("@", `[\p{L}\d._%+-]+@[\p{L}\d-]+(?:\.[\p{L}\d-]+)+`, "<email>"),
	// In capital letters alone, as in USER IS LOCKED, they tell nothing.
	replacing(
		"ser |sers |tzer|tilisateur|suario|ccount|ogin",
		`\b([Uu]sers?|[Bb]enutzers?|[Uu]tilisateur|[Uu]suario|[Aa]ccount|[Ll]ogin) (\p{Lu}[\p{Lu}\d_]{2,})\b`,
		"$1 <name>",
	),
	replacing("M|Herr|Frau|Dr|Sr|soci|Firma",
		`\b(?:M\.|Mme|Mlle|Mr\.?|Mrs\.?|Ms\.?|Herrn?|Frau|Dr\.?|Sr\.?|Sra\.?|la société|Firma) `+capitalised, "<name>"),
	replacing("par |von |by ",
		`\b(par|von|by) \p{Lu}\p{Ll}+(?: (?:van|von|de|der|di|da) ?)?(?: \p{Lu}[\p{Ll}'’-]+)+`, "$1 <name>"),
	// The person beside a number: policy 4711 of Anna Berg.
	replacing(" of | del | de | von | for | av ",
		`(\S*\d\S* (?:\p{Ll}+ ){1,3})\p{Lu}\p{Ll}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]+){1,2}`, "$1<name>"),
	replacing("+", `\+\d{1,3}(?:[ ().-]{0,2}\d){6,12}`, "<n>"), // a phone number
	replacing("arn:", `\barn:[\w-]+:\S+`, "<id>"),
	replacing(")=(", `\)=\([^)]*\)`, ")=(<value>)"), // PostgreSQL: (email)=(a@b.example)
	replacing("id '|id: '", `\b(id:? )'[^']*'`, "$1<value>"),
	replacing("%{", `%\{.*\}`, "<value>"), // a map of Elixir
	// A value that is not accepted, as opposed to the name of a field.
	replacing("unknown variant|not a valid|from String|invalid value",
		"(unknown variant |invalid value:? |from String )[\"'`][^\"'`]*[\"'`]", "$1<value>"),
	replacing("is not a valid", "[\"'`][^\"'`]*[\"'`] (is not a valid)", "<value> $1"),
	replacing("_", `\b([a-z]{2,12}_)[A-Za-z0-9]*[a-z][A-Z][A-Za-z0-9]*\b`, "$1<id>"),
	replacing(
		"project |tenant |ation |space |subscription |cluster |pod |node ",
		`(?i)\b(project|tenant|organi[sz]ation|workspace|subscription|cluster|namespace|pod|node) `+
			`[a-z\d]+(?:-[a-z\d]+)+`,
		"$1 <name>",
	),
}

// particulars have digits. They are replaced in this order.
var particulars = []rule{
	replacing("-", `(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`, "<id>"),
	replacing("IBAN|Iban|iban", `\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\b`, "<id>"),
	replacing(
		"-",
		`\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[Zz]| ?[+-]\d{2}:?\d{2})?)?`,
		"<time>",
	),
	replacing(".|/", `\b\d{1,2}[./]\d{1,2}[./]\d{4}\b(?:,? \d{2}:\d{2}(?::\d{2})?)?`, "<time>"),
	replacing(
		"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
		`\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(?:\d{1,2}[ -])?`+
			`(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[ -]\d{1,4},?(?: \d{4})?\b`,
		"<time>",
	),
	replacing(":", `\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b(?: ?(?:[AaPp][Mm]|GMT|UTC)\b)?`, "<time>"),
	replacing("eyJ", `\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*`, "<id>"), // a JWT
	replacing(".", `\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b`, "<address>"),
	replacing("\"|'|`", `"[^"]*\d[^"]*"|'[^' ]*\d[^']*'|`+"`[^`]*\\d[^`]*`", "<value>"),
	replacing(" s| m| h", `\b\d+(?:\.\d+)? (?:ms|s|m|h|secs?|seconds?|mins?|minutes?|hours?)\b`, "<n>"),
	replacing("0x|0X", `\b0[xX][0-9a-fA-F]+\b`, "<id>"),
}

// wordings are what frameworks write around the same error, and details beside it, in lower case.
var wordings = []rule{
	replacing("exception in", `^exception in thread (?:"[^"]*"|<\w+>) `, ""),
	replacing("php |panic|fatal|uncaught", `^(?:php |panic: |fatal error *: *|uncaught )+`, ""),
	replacing("could not execute", `^could not execute (?:statement|query|batch);? `, ""),
	replacing(" hint: | where: | context: ", ` (?:hint|where|context): [^\]]*`, ""),
	replacing("[error", `\[(error: [^\]]*)\]`, "$1"),
	replacing("lookup ", `\blookup (\S+) on <address>`, "lookup $1"),
	replacing("exception: |error: ", `^(?:[a-z_]\w*\.)+(\w*(?:exception|error)): `, ""),
	replacing("exception: |error: ", `^\w*(?:exception|error): (\S+ \S+ \S)`, "$1"), // the class, before a sentence
	replacing("unable to acquire jdbc", `^unable to acquire jdbc connection \[(.*?)\](?: \[n/a\])?$`, "$1"),
	replacing("preview of field", ` preview of field.s value: .*`, ""),
	replacing("(connection: ", ` \(connection: \w+, sql: .*`, ""), // of Laravel
	// The order of the columns may differ.
	replacing("[select|[insert|[update|[delete|[merge", `\[(?:select|insert|update|delete|merge)\b[^\]]*\]`, ""),
	replacing("[n/a]", `\[n/a\]`, ""),
	replacing(" :", ` *: `, ": "),
}

// tidyings fold what is left of lists and details once the particulars are out.
var tidyings = []rule{
	replacing(">", `(<\w+>)(?:(?:[.,;/:+-] ?| and | or |\s|’|')<\w+>)+`, "$1"),
	replacing(">=", `(<\w+>)=+`, "$1"), // the end of base64
	// Details: (kid <id>, jti <id>)
	replacing(">)|>]", ` ?[(\[](?:[\w.-]+[ =:]*)?<\w+>(?:[,;]? (?:[\w.-]+[ =:]*)?<\w+>)*[)\]]`, ""),
	// The name of the thing that has the id: <id> (Anna)
	replacing("> (", `(<\w+>) \([^)]*\)`, "$1"),
	replacing("  ", ` +`, " "),
}

// joinedWord is a word, or several with -, / or _ between them.
var joinedWord = regexp.MustCompile(`[-_]*[\p{L}\d]+(?:[-/_+]+[\p{L}\d]+)*[-_]*`)

var (
	separator = regexp.MustCompile(`[-/_+]+`)
	inner     = regexp.MustCompile(`\p{Ll}\p{Lu}`) // a capital letter within a word
)

// idOrWord returns <id> for a word that is one: for the number of a thing, which has digits and only capital letters
// (K7199-NOIR, CAS-2026-006035, RE2026/5573), and for a mix (AbC-12_xyZ-98q). Of a word with several parts that have
// digits it keeps those around them: ord-7f3a-99bc-x1 becomes ord-<id>.
func idOrWord(word string) string {
	if !strings.ContainsAny(word, digits) {
		return word
	}
	if strings.ToUpper(word) == word && strings.ToLower(word) != word {
		return "<id>"
	}
	parts := separator.FindAllStringIndex(word, -1)
	first, last, n, start := 0, 0, 0, 0
	for _, at := range append(parts, []int{len(word), len(word)}) {
		if strings.ContainsAny(word[start:at[0]], digits) {
			if n == 0 {
				first = start
			}
			n, last = n+1, at[0]
		}
		start = at[1]
	}
	switch {
	case n < 2:
		return word
	case inner.MatchString(word):
		return "<id>"
	}
	return word[:first] + "<id>" + strings.TrimRight(word[last:], "-_")
}

// wordWithDigit is a word that has a digit. Whether it is an id or a name with a number is decided by idOrName.
var wordWithDigit = regexp.MustCompile(`[\p{L}_]*\d[\p{L}\d_]*`)

var (
	address   = regexp.MustCompile(`\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>)\],]+`)
	localPath = regexp.MustCompile(`(?:/[\w.~%@:$&+=-]+){2,}/?(?:\?[^\s"'<>)]*)?`)
	query     = regexp.MustCompile(`\?[\w.\[\]%-]+=[^\s"'<>)]*`)
)

// statusAtStart is the status code at the beginning of a reason: another code is another cause.
var statusAtStart = regexp.MustCompile(`^(?i:http )?[1-9]\d\d\b:? ?`)

// compared is a value in a path with a condition: /units/@id=='ab'/amount
var compared = regexp.MustCompile(`=='[^']*'`)

var statusNumber = regexp.MustCompile(`\d+`)

// normalised takes out of a reason what differs between failures of one cause: ids, e-mail addresses, numbers, times,
// addresses, names beside a title. Words stay, and quoted words too: "field 'a'" and "field 'b'" are two causes.
//
// Example: "404 Order 4711 of anna@example.com not found after 3.2s" becomes "404 order <n> of <email> not found
// after <n>".
func normalised(reason string) string {
	text := strings.ToValidUTF8(reason[:min(len(reason), maxNormalised)], "")
	text = strings.Join(strings.Fields(text), " ")
	status := statusAtStart.FindString(text)
	text = text[len(status):]
	text = compared.ReplaceAllString(text, "==<value>")
	if strings.Contains(text, "/") {
		text = address.ReplaceAllStringFunc(text, normalisedURL)
		text = localPath.ReplaceAllStringFunc(text, normalisedPath)
	}
	if strings.Contains(text, "?") {
		text = query.ReplaceAllString(text, "")
	}
	if strings.ContainsAny(text, digits) {
		text = shieldCodes(text)
	}
	text = applied(names, text)
	if strings.ContainsAny(text, digits+"[") {
		if strings.Count(text, ":") > 1 {
			text = colons.ReplaceAllStringFunc(text, addressOrText)
		}
		text = applied(particulars, text)
		text = joinedWord.ReplaceAllStringFunc(text, idOrWord)
		text = wordWithDigit.ReplaceAllStringFunc(text, idOrName)
	}
	text = applied(tidyings, inSingular(applied(wordings, strings.ToLower(text))))
	return statusNumber.FindString(status) + " " + strings.TrimSpace(plain(text))
}

// colons are hexadecimal digits with two colons at least: an address of IPv6, perhaps with a zone or in brackets, a MAC
// address, or a time.
var colons = regexp.MustCompile(`(?i)\[[0-9a-f:.]*:[0-9a-f:.]*(?:%\w+)?\](?::\d+)?|` +
	`[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*(?:%\w+)?`)

// macLength is that of aa:bb:cc:dd:ee:ff.
const macLength = 17

// addressOrText returns <address> for an address of IPv6, which may have a port, and for a MAC address.
func addressOrText(text string) string {
	if strings.HasPrefix(text, "[") {
		return "<address>"
	}
	ip := strings.TrimRight(text, ".:")
	if strings.HasSuffix(text, "::") {
		ip = text
	}
	if !strings.ContainsAny(ip, digits) {
		return text // Bad::Face
	}
	host := ip[:max(0, strings.LastIndexByte(ip, ':'))] // without a port
	isMAC := len(ip) == macLength && strings.Count(ip, ":") == 5
	for _, candidate := range []string{ip, host} {
		if addr, err := netip.ParseAddr(candidate); isMAC || err == nil && addr.Is6() {
			return "<address>" + text[len(ip):]
		}
	}
	return text
}

// inSingular takes the s off the end of words of four characters and more: 1 record, 3 records.
func inSingular(text string) string {
	var b strings.Builder
	run := 0
	for i, r := range text {
		if unicode.IsLetter(r) { // words:ok, of an alphabet
			run++
		} else {
			run = 0
		}
		next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(max(r, 0)):])
		ends := !unicode.In(next, unicode.L, unicode.Nd) && next != '_'
		if r == 's' && run > 3 && ends {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// idOrName returns <id> for a word that is an id, and a name with its number taken out for any other: redis2, eu1.
// Prefixes stay, so that cus_9sXkAbC1ZZ becomes cus_<id>, and so does a status code of another service: another code is
// another cause.
func idOrName(word string) string {
	prefix, rest := "", word
	if i := strings.LastIndexByte(word, '_'); i > 0 && !strings.ContainsAny(word[:i], digits) {
		prefix, rest = word[:i+1], word[i+1:]
	}
	name := strings.TrimRight(rest, digits)
	switch {
	case rest == "" || strings.Trim(rest, digits) == "" || durationWord.MatchString(word):
		return prefix + "<n>"
	case !strings.ContainsAny(name, digits) && len(name) < len(rest) && len(rest)-len(name) <= maxOrdinal &&
		!isHex(rest):
		return prefix + name + "<n>"
	}
	return prefix + "<id>"
}

// durationWord is a duration as Go and others write it: 30010ms, 1m30s.
var durationWord = regexp.MustCompile(`^\d+(?:ns|µs|us|ms|s|m|h)(?:\d+(?:ms|s|m))*$`)

// maxOrdinal is the length of a number behind a name: eu1, worker12. More digits are those of an id.
const maxOrdinal = 3

// isHex reports whether a word could be the beginning of a digest.
func isHex(word string) bool {
	return len(word) >= 6 && strings.Trim(strings.ToLower(word), "0123456789abcdef") == ""
}

// normalisedURL keeps the domain and the words of the path of a URL.
func normalisedURL(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "?")
	host, path, _ := strings.Cut(strings.TrimRight(rest, ".:;"), "/")
	if labels := strings.Split(host, "."); len(labels) > 2 && strings.Trim(host, digits+".:") != "" {
		host = strings.Join(labels[len(labels)-2:], ".")
	}
	return host + normalisedPath("/"+path)
}

var (
	version  = regexp.MustCompile(`^(?:v\d+|api)$`)
	wordlike = regexp.MustCompile(`^[\p{L}._-]{2,40}$`)
	mixed    = regexp.MustCompile(`[a-z][A-Z].*[a-z][A-Z]|[A-Z]{2}[a-z].*[A-Z]`)
)

// normalisedPath keeps the words of a path, and leaves out ids, versions and the query.
func normalisedPath(path string) string {
	path, _, _ = strings.Cut(path, "?")
	var words []string
	for part := range strings.SplitSeq(path, "/") {
		if wordlike.MatchString(part) && !version.MatchString(part) && !mixed.MatchString(part) {
			words = append(words, part)
		} else if part != "" && !version.MatchString(part) && len(words) > 0 && words[len(words)-1] != "<id>" {
			words = append(words, "<id>")
		}
	}
	return "/" + strings.Join(words, "/")
}

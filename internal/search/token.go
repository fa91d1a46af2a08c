package search

import (
	"math"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/payload"
)

// The index has tokens beside the words of a text. Each begins with a character that no typed word has, and a kind.
// Values are hashed, so that a long one costs no more than a short one. Examples, with the mark written as ~:
//
//	~fk2m4q7h0c1ab   a field with a value: hash of its path, hash of the value
//	~nk2m4qg1a       a field with a number: hash of its path, and a bucket that sorts as the number does
//	~dk2m4qg9v3      a field with a time: hash of its path, and its day
const mark = "\ue000"

const (
	tokenValue  = 'f'
	tokenNumber = 'n'
	tokenDay    = 'd'
	tokenSource = 's'
	tokenCode   = 'c'
	tokenHost   = 'h' // of the destination, with and without its port
	tokenParts  = 'g' // one or two characters of a script without spaces
)

// tokenCut is the token of messages of which only a part is searched.
const tokenCut = mark + "x"

const (
	pathChars  = 5 // of a path's hash: 25 bits
	valueChars = 7 // of a value's hash: 35 bits
)

// digits sort as the numbers that they write.
const digits = "0123456789abcdefghijklmnopqrstuv"

// appendBits writes the lowest bits of n, five a character.
func appendBits(out []byte, n uint64, chars int) []byte {
	for i := chars - 1; i >= 0; i-- {
		out = append(out, digits[n>>(5*i)&31])
	}
	return out
}

// hash is FNV-1a of a text without case, its bits mixed.
func hash[T string | []byte](text T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	return h ^ h>>33
}

// appendPath writes the beginning of the tokens of a field.
func appendPath[T string | []byte](out []byte, kind byte, path T) []byte {
	return appendBits(append(append(out, mark...), kind), hash(path), pathChars)
}

func valueToken(path, value string) string {
	return string(appendValue(nil, path, value))
}

func appendValue[T string | []byte](out []byte, path T, value string) []byte {
	return appendBits(appendPath(out, tokenValue, path), hash(strings.ToLower(value)), valueChars)
}

// facet is the token of a property: its source, destination or status code.
func facet(kind byte, value string) string {
	return string(appendBits(append([]byte(mark), kind), hash(strings.ToLower(value)), valueChars))
}

// bucketBits are those of a number that sort it and its mantissa beyond three bits, which a bucket leaves out.
const bucketBits = 49

// order returns a number that sorts as n does. Its highest 15 bits are the bucket of n: from 8 to 9, from 96 to 104.
func order(n float64) uint64 {
	bits := math.Float64bits(n + 0) // no negative zero
	if n < 0 {
		return ^bits
	}
	return bits | 1<<63
}

const bucketChars = 3

func appendNumber[T string | []byte](out []byte, path T, n float64) []byte {
	return appendBucket(out, path, order(n))
}

// wholePart returns the digits of a number before its point, which are a word of its text.
func wholePart(n float64) string { return strconv.FormatFloat(math.Abs(math.Trunc(n)), 'f', -1, 64) }

func appendBucket[T string | []byte](out []byte, path T, order uint64) []byte {
	return appendBits(appendPath(out, tokenNumber, path), order>>bucketBits, bucketChars)
}

const (
	dayChars = 4
	dayZero  = 1 << 19 // the day of 1970-01-01
)

func appendDay[T string | []byte](out []byte, path T, at time.Time) []byte {
	days := at.Unix() / 86400
	if at.Unix()%86400 < 0 {
		days--
	}
	return appendBits(appendPath(out, tokenDay, path), uint64(min(max(days+dayZero, 0), 2*dayZero-1)), dayChars)
}

// dayOf returns the time that a text of a body is.
func dayOf(text string) (time.Time, bool) {
	s, ok := parseDate(text)
	return s.at, ok
}

// appendParts writes tokens of a run of a script without spaces: each character, and each two that follow one another.
func appendParts(out []byte, run string) []byte {
	before := rune(0)
	for _, r := range run {
		out = append(appendRunes(out, r), ' ')
		if before != 0 {
			out = append(appendRunes(out, before, r), ' ')
		}
		before = r
	}
	return out
}

func appendRunes(out []byte, runes ...rune) []byte {
	out = append(append(out, mark...), tokenParts)
	for _, r := range runes {
		out = appendBits(out, uint64(r), 4)
	}
	return out
}

// partsOf returns the tokens that a message with a run has: of its pairs, or of its only character.
func partsOf(run string) (tokens []string) {
	runes := []rune(run)
	if len(runes) == 1 {
		return []string{string(appendRunes(nil, runes[0]))}
	}
	for i := range len(runes) - 1 {
		tokens = append(tokens, string(appendRunes(nil, runes[i], runes[i+1])))
	}
	return tokens
}

// appendText writes a text for the index: its words, and the parts of its runs of scripts without spaces.
func appendText(out []byte, text string) []byte {
	if !payload.HasUnspaced(text) {
		return append(append(out, text...), '\n')
	}
	for _, w := range payload.Words(text) {
		if word := text[w.Start:w.End]; w.Unspaced {
			out = appendParts(out, word)
		} else {
			out = append(append(out, word...), ' ')
		}
	}
	return out
}

const (
	maxToken   = 48 // bytes of a value with a token of its own
	manyDigits = 5
)

// isWorded reports whether a value is found by its words, and then compared. Its own token would be in few messages,
// each of which has the words as well: several words, and ids and addresses, of which most messages have another.
func isWorded(value string) bool {
	return (len(value) > maxToken || strings.IndexByte(value, ' ') >= 0 || isSingular(value)) && hasWord(value)
}

// isSingular reports whether a value looks like an id or an address.
func isSingular(value string) bool {
	count := 0
	for i := range len(value) {
		switch c := value[i]; {
		case c == '@':
			return true
		case '0' <= c && c <= '9':
			count++
		}
	}
	return count >= manyDigits
}

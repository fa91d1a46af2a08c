package console

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
)

const (
	maxShown   = 256 << 10 // bytes of a body on a page
	maxHex     = 16 << 10  // bytes of a binary body on a page; a dump is five times as long
	maxExcerpt = 200
)

// payload shows the body of a revision: as text where it is text, as a hex dump where it is not, and masked either way.
func payload(l deadletter.Letter, r deadletter.Revision, s desk.Source) page.Payload {
	v := page.Payload{
		Name: revisionName(r), ContentType: r.Headers.Get("Content-Type"), Size: size(len(r.Body)),
		DownloadURL: "/letters/" + string(l.ID) + "/body?revision=" + strconv.Itoa(r.Number),
	}
	var body []byte
	body, v.Masked = deadletter.MaskJSON(r.Body, s.MaskPaths)
	if !isText(body) {
		v.Hex, v.Note = hex.Dump(body[:min(len(body), maxHex)]), shownOf(len(body), maxHex)
		return v
	}
	v.Raw, v.Note = printable(cutText(body, maxShown)), shownOf(len(body), maxShown)
	var pretty bytes.Buffer
	if len(body) <= maxShown && json.Indent(&pretty, body, "", "  ") == nil && pretty.Len() <= 4*maxShown {
		v.Pretty = printable(pretty.Bytes())
	}
	return v
}

func shownOf(n, limit int) string {
	if n <= limit {
		return ""
	}
	return "The first " + size(limit) + " of " + size(n) + " are shown. Download it for the whole."
}

// isText tells whether a body can be shown as it is.
func isText(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r'
	})
}

// cutText shortens a text without cutting a character in two.
func cutText(text []byte, limit int) []byte {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// printable makes text from outside safe for a page: valid, and with its control characters visible.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return r
		case r < ' ':
			return 0x2400 + r // the control pictures
		case r == 0x7f:
			return 0x2421
		}
		return r
	}, strings.ToValidUTF8(string(text), "\uFFFD"))
}

func excerpt(body []byte, s desk.Source) string {
	masked, _ := deadletter.MaskJSON(body, s.MaskPaths)
	text := printable(cutText(masked, maxExcerpt))
	if len(masked) > maxExcerpt {
		return text + "…"
	}
	return text
}

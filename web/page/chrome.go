package page

import (
	"strings"

	"dlqdesk/web/ui"
)

// Chrome is what every page shows around its content.
type Chrome struct {
	Title       string // of the document, without the program's name
	User        string // empty: nobody is signed in, so there is no navigation
	Role        string // viewer, operator or admin
	Path        string // of the request: marks the current entry of the navigation
	NeedsPerson string // how many messages need a person, beside "Messages"; empty hides it
	Unbalanced  bool   // the ledger does not balance: marks its entry
	Flash       ui.Notice
}

// htmxConfig keeps htmx within the content security policy, keeps pages (which hold customers' data) out of the
// browser's storage, lets nothing swap what an element around it would, and swaps whatever the status is, because a
// conflict or a refusal is an answer that a person must see.
const htmxConfig = `{"includeIndicatorStyles":false,"disableInheritance":true,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,` +
	`"historyCacheSize":0,"refreshOnHistoryMiss":true,"defaultSettleDelay":0,"timeout":30000,` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"[45]..","swap":true,"error":true}]}`

func (c Chrome) documentTitle() string {
	if c.Title == "" {
		return "dlqdesk"
	}
	return c.Title + " · dlqdesk"
}

// current answers the value of aria-current for an entry of the navigation.
func (c Chrome) current(path string) string {
	return ariaCurrent(c.Path == path || strings.HasPrefix(c.Path, path+"/"))
}

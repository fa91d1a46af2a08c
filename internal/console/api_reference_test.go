package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
)

// Every operation of the OpenAPI document is described on a page, and the manual's list of operations leads there.
func TestEveryOperationHasItsPlaceInTheReference(t *testing.T) {
	t.Parallel()
	p := setup(t).member(t, "vera", deadletter.Viewer)
	manual := p.get("/docs/api").doc()
	described := 0
	manual.Find(".manual-tags a").Each(func(_ int, link *goquery.Selection) {
		a := p.get(link.AttrOr("href", ""))
		if a.status != http.StatusOK || a.doc().Find(`.manual-nav [aria-current="page"]`).Text() != link.Text() {
			t.Errorf("%s returns %d", link.AttrOr("href", ""), a.status)
		}
		a.doc().Find(".api-operation").Each(func(_ int, o *goquery.Selection) {
			described++
			id := o.Find("h2").AttrOr("id", "")
			listed := manual.Find(`#docs-content td a[href="` + link.AttrOr("href", "") + "#" + id + `"]`)
			address := o.Find(".api-method").Text() + " " + o.Find(".api-address code").Text()
			if listed.Text() != address {
				t.Errorf("the manual lists %q where the reference has %q", listed.Text(), address)
			}
			if !strings.Contains(o.Find("pre").Text(), "curl ") || o.Find(".api-problems li").Length() < 5 {
				t.Errorf(
					"%s has the command %q and the problems %q",
					id,
					o.Find("pre").Text(),
					o.Find(".api-problems").Text(),
				)
			}
		})
	})
	operations := len(api.Operations(api.New(api.Deps{}).Document))
	if described != operations || operations < 50 {
		t.Errorf("%d of %d operations are described", described, operations)
	}
	if a := p.get("/docs/api/nothing"); a.status != http.StatusNotFound {
		t.Errorf("a page that does not exist returns %d", a.status)
	}
}

// What the document says of an operation is on its page.
func TestReferenceDescribesAnOperation(t *testing.T) {
	t.Parallel()
	p := setup(t).member(t, "vera", deadletter.Viewer)
	doc := p.get("/docs/api/messages").doc()
	archive := doc.Find("#archive-message").Closest(".api-operation")
	facts := archive.Find(".api-facts").Text()
	for _, want := range []string{
		"If-Match", "Idempotency-Key", "confirmUnknown", "refused", "ETag", "409", "needs-confirmation", "413",
	} {
		if !strings.Contains(facts, want) {
			t.Errorf("it does not say %s: %s", want, facts)
		}
	}
	sample := archive.Find("pre").Text()
	if !strings.Contains(sample, `"$DLQDESK_URL"/api/v1/messages/"$ID"/archive`) ||
		!strings.Contains(sample, `{"reason":`) {
		t.Errorf("its command is %s", sample)
	}
	list := doc.Find("#list-messages").Closest(".api-operation").Find(".api-answer .api-fields").Text()
	if !strings.Contains(list, "items[].statusCode") || !strings.Contains(list, "may be absent") {
		t.Errorf("its answer has %s", list)
	}
	if setup := doc.Find("#api-setup").Text(); !strings.HasPrefix(setup, "export DLQDESK_URL=http") {
		t.Errorf("the environment is %s", setup)
	}
}

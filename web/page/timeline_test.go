package page_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/web/gallery"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/PuerkitoBio/goquery"
)

// Attempts and actions are one list, newest first. An attempt stands above the action that caused it.
func TestTheTimelineIsInOrder(t *testing.T) {
	t.Parallel()
	at := func(second int) ui.Moment { return ui.At(time.Date(2026, time.March, 2, 12, 0, second, 0, time.UTC)) }
	panel := page.MessagePanelView{
		ID: "a b",
		Attempts: []page.AttemptView{
			{Number: "3", At: at(30), Outcome: "unknown"},
			{Number: "2", At: at(20)},
			{Number: "1"},
		},
		Events: []page.AuditRow{
			{Number: "14", At: at(40)},
			{Number: "13", At: at(20), Actor: "anna"},
			{Number: "12", At: at(10), System: true},
		},
	}
	doc := render(t, gallery.Example{Component: page.MessagePanel(panel)})
	var got []string
	doc.Find(".history > li").Each(func(_ int, s *goquery.Selection) {
		got = append(got, s.AttrOr("data-attempt", "")+s.AttrOr("data-event", ""))
	})
	if want := []string{"14", "3", "2", "13", "12", "1"}; !slices.Equal(got, want) {
		t.Errorf("the timeline is %v, want %v", got, want)
	}
	if !strings.Contains(doc.Find(`[data-attempt="3"]`).Text(), "may have processed it") {
		t.Error("an unknown outcome does not say what it means")
	}
	if doc.Find(`#message-history a[href="/audit?message=a+b"]`).Length() != 1 {
		t.Error("nothing leads to the whole audit trail")
	}
}

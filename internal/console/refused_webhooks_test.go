package console_test

import (
	"strconv"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
)

// The pages of sources show what was refused, by every reason, with the latest time and why.
func TestRefusedWebhooksAreShownByReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vera := b.member(t, "vera", deadletter.Viewer)
	for _, path := range []string{"/sources", "/sources/genesys"} {
		if got := vera.get(path); got.count(".refusal-table") != 0 {
			t.Errorf("%s shows refusals where there are none", path)
		}
	}
	saved := map[ledger.RefusalKey]ledger.Refusals{}
	for _, reason := range ledger.RefusalReasons() {
		saved[ledger.RefusalKey{Source: "genesys", Reason: reason}] = ledger.Refusals{
			Count: 3, First: b.clock.Now(), LatestAt: b.clock.Now(), Why: "<b>why</b> of " + string(reason),
		}
	}
	saved[ledger.RefusalKey{Reason: ledger.RefusedUnknownSource}] = ledger.Refusals{
		Count: 12, First: b.clock.Now(), LatestAt: b.clock.Now(), Why: `there is no source named "genesis"`,
	}
	if err := b.store.SaveRefusals(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	page := vera.get("/sources/genesys")
	if n := page.count(".refusal-table tbody tr"); n != len(ledger.RefusalReasons()) {
		t.Errorf("%d reasons: %s", n, page.says(".refusal-table"))
	}
	for _, reason := range ledger.RefusalReasons() {
		row := `.refusal-table tr:contains("<b>why</b> of ` + string(reason) + `.")`
		status, heading := strconv.Itoa(reason.Status()), page.says(row+" th")
		if page.count(row) != 1 || !strings.HasPrefix(heading, status+" ") || heading == status+" "+string(reason) ||
			page.says(row+" td .block") == "" {
			t.Errorf("%s is not shown in words: %s", reason, page.says(row))
		}
	}
	if text := vera.get("/sources").says(".refusal-table"); !strings.Contains(text, "404 Unknown source") ||
		!strings.Contains(text, "12") || !strings.Contains(text, `"genesis"`) {
		t.Errorf("requests to no source are shown as %q", text)
	}
}

package store_test

import (
	"testing"

	"dlqdesk/internal/store"
)

func TestQueriesAboutSuggestionsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.SuggestionOfJob:    "SEARCH s USING INDEX suggestions_job (job=?)",
		store.OpenSuggestions:    "SEARCH s USING INDEX suggestions_open (expires_at>?)",
		store.OpenSuggestionsOf:  "SEARCH s USING INDEX suggestions_cause (cause=? AND expires_at>?)",
		store.CountSuggestionsBy: "SEARCH suggestions USING INDEX suggestions_by (by=? AND expires_at>?)",
		store.DropOldSuggestions: "SEARCH suggestions USING COVERING INDEX suggestions_expiry (expires_at<?)",
		store.OldDraft:           "SEARCH s USING INDEX suggestions_job (job=?)",
	}, "s", "suggestions")
}

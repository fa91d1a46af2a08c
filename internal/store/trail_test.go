package store_test

import (
	"testing"

	"dlqdesk/internal/store"
)

// A part of the trail is read in its own order, however long it is.
func TestChangesAreReadInTheOrderOfTheTrail(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.ChangesAfter: "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)",
	}, "e", "m", "c")
}

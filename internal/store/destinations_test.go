package store_test

import (
	"testing"

	"dlqdesk/internal/desktest"
)

func TestDestinationSnapshotsAreReplacedTogether(t *testing.T) {
	t.Parallel()
	s := desktest.NewStore(t)
	for _, memory := range []map[string][]byte{
		{"genesys": []byte(`{"a":1}`), "cxone": []byte(`{}`)}, {"genesys": []byte(`{"a":2}`)}, {},
	} {
		if err := s.SaveDestinations(t.Context(), memory, nil); err != nil {
			t.Fatal(err)
		}
		kept, err := s.Destinations(t.Context())
		if err != nil || len(kept) != len(memory) || string(kept["genesys"]) != string(memory["genesys"]) {
			t.Errorf("kept %q, %v; want %q", kept, err, memory)
		}
	}
}

package desktest

import (
	"net/http/httptest"
	"time"
)

// Deadlines records an answer, and until when the rest of its request was waited for; the zero time: as long as it
// takes.
type Deadlines struct {
	*httptest.ResponseRecorder
	List []time.Time
}

// NewDeadlines returns the deadlines of a connection that has none yet.
func NewDeadlines() *Deadlines { return &Deadlines{ResponseRecorder: httptest.NewRecorder()} }

// SetReadDeadline takes one down. It never fails.
func (d *Deadlines) SetReadDeadline(t time.Time) error {
	d.List = append(d.List, t)
	return nil
}

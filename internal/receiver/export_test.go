package receiver

import (
	"io"

	"dlqdesk/internal/memory"
)

// UnpackLimit is the size of UnpackMemory.
const UnpackLimit = unpackLimit

// UnpackMemory bounds the unpacked bodies.
func (p *Processor) UnpackMemory() *memory.Budget { return p.unpack }

// ReadWithin reads a body.
func ReadWithin(from io.Reader, announced, limit int64) ([]byte, error) {
	return readWithin(from, announced, limit)
}

// ErrTooLarge is the error of a body over the limit.
var ErrTooLarge = errTooLarge

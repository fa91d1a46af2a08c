package receiver

import "dlqdesk/internal/memory"

// UnpackLimit is the size of UnpackMemory.
const UnpackLimit = unpackLimit

// UnpackMemory bounds the unpacked bodies.
func (p *Processor) UnpackMemory() *memory.Budget { return p.unpack }

package receiver

import "golang.org/x/sync/semaphore"

// UnpackLimit is the size of UnpackMemory.
const UnpackLimit = unpackLimit

// UnpackMemory bounds the unpacked bodies.
func (p *Processor) UnpackMemory() *semaphore.Weighted { return p.unpack }

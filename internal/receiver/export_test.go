package receiver

import "golang.org/x/sync/semaphore"

// UnpackedRoom is how many bytes Room is for.
const UnpackedRoom = unpackedRoom

// Room is for the bodies that are unpacked.
func (p *Processor) Room() *semaphore.Weighted { return p.room }

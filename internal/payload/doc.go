// Package payload owns what a body says: places in it, changes to it, its event type, and the words that a search finds
// it by. It must not know what is secret: see redact.
package payload

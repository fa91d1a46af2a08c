// Package payload reads bodies: places in them, changes to them, their event type, and the words that find them in a
// search. It must not know what is secret: see redact.
package payload

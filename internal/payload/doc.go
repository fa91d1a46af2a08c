// Package payload reads bodies: what they say in their content coding, charset and form, places in them, changes to
// them, their event type, and the words that find them in a search. It must not know what is secret: see redact.
package payload

// Package desktest holds what tests of several packages share: a store in a temporary folder, a destination that
// fails on demand, a clock that stands still, an SQS server, and the checker of what must always be true. Nothing but
// tests imports it.
package desktest

// Always returns a function that returns v: settings that no reload changes.
func Always[T any](v T) func() T { return func() T { return v } }

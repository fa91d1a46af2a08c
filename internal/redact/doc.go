// Package redact hides secrets: in headers, in bodies, and where a destination's answer repeats them. For example it
// shows `Authorization: Bearer T0KEN` as `Authorization: •••`. It must not decide who may see a message.
package redact

// Mask is shown in place of a secret.
const Mask = "•••"

// Package redact owns what is secret in a message and how it is hidden: headers, values in bodies, and what a
// destination's answer repeats of them. It must not decide who may see a message.
package redact

// Mask is shown in place of a secret.
const Mask = "•••"

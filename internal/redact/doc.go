// Package redact owns which values of messages are secret, and hides them: in headers, queries and bodies, in what
// people write, and where a response or an error text repeats them. For example it shows `Authorization: Bearer T0KEN`
// as `Authorization: •••`. It must not decide who may see a message.
package redact

// Mask is shown in place of a secret.
const Mask = "•••"

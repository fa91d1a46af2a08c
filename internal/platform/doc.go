// Package platform registers webhooks at Genesys Cloud and NICE CXone, and looks after them there. What a platform
// offers is data, a Preset; one Client makes the calls of any of them. It knows no messages and no queues, and prints
// nothing: secrets leave it only in requests to the platform.
//
// Nothing here is guessed: each preset, and each call that differs from it, says by its Status where it comes from.
package platform

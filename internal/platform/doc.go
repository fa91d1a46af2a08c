// Package platform registers webhooks at Genesys Cloud and NICE CXone, and lists, checks and deletes them there. A
// Preset describes the API of a platform, and one Client calls any of them. It must not know messages or queues, print
// anything, or let a secret out except in a request to the platform.
//
// The Status of a preset, and of each call that differs from it, says where it comes from.
package platform

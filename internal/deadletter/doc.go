// Package deadletter is the domain: messages, their legal changes, who may make them, and the audit event of each. It
// does no input or output and reads no clock: the time is an argument.
//
// Every change of a message is made here and leaves as a Change, which carries the audit event with it. The store
// writes Changes and nothing else.
package deadletter

// Package deadletter is the domain: what a dead message is, which changes of it are legal, who may order them, and
// what is recorded of each. It does no input or output and knows no time of its own: the moment is an argument.
//
// Every change of a message is made here and leaves as a Change, which carries the audit event with it. The store
// writes Changes and nothing else.
package deadletter

package redact

import (
	"strings"
	"sync"
)

// verdicts remembers which names are secret by rules that never change: a request has the same few headers as the one
// before. It may be used from many goroutines.
type verdicts struct {
	mu    sync.RWMutex
	known map[string]bool
}

// maxVerdicts bounds the names that are remembered, which come from requests and can be any.
const maxVerdicts = 1000

func newVerdicts() *verdicts { return &verdicts{known: map[string]bool{}} }

// of returns what decide says about a name.
func (v *verdicts) of(name string, decide func(string) bool) bool {
	if len(name) > maxName {
		return decide(name)
	}
	v.mu.RLock()
	secret, ok := v.known[name]
	v.mu.RUnlock()
	if ok {
		return secret
	}
	secret = decide(name)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= maxVerdicts {
		clear(v.known)
	}
	v.known[strings.Clone(name)] = secret
	return secret
}

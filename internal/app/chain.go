package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/store"
)

// The whole audit trail is verified every minute while that is quick, and less often as it grows: at most one part in
// chainShare of the time is spent on it.
const (
	chainInterval = time.Minute
	chainShare    = 60
)

// chainState is what the latest verification of the audit trail found.
type chainState struct {
	mu     sync.Mutex
	latest console.Chain
}

func (c *chainState) get() console.Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

func (c *chainState) set(latest console.Chain) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = latest
}

// startAuditCheck verifies the audit trail at start and from then on.
func (a *App) startAuditCheck() {
	a.run("audit verification", func(ctx context.Context) error {
		for {
			started := time.Now()
			a.checkAudit(ctx)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(max(chainInterval, chainShare*time.Since(started))):
			}
		}
	})
}

func (a *App) checkAudit(ctx context.Context) {
	events, err := a.store.VerifyAudit(ctx)
	result := console.Chain{At: a.now(), Events: events}
	if fault, ok := errors.AsType[*store.ChainFault](err); ok {
		a.log.ErrorContext(ctx, "the audit trail does not hold", "err", fault)
		result.Fault = fault.What
	} else if err != nil {
		if ctx.Err() == nil {
			a.log.ErrorContext(ctx, "the audit trail could not be verified", "err", err)
		}
		return
	}
	a.chain.set(result)
}

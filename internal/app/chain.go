package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/store"
)

// chainInterval is how often the whole audit trail is verified.
const chainInterval = time.Hour

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

// startAuditCheck verifies the audit trail at start and every hour.
func (a *App) startAuditCheck() {
	a.run("audit verification", func(ctx context.Context) error {
		tick := time.NewTicker(chainInterval)
		defer tick.Stop()
		for {
			a.checkAudit(ctx)
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
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

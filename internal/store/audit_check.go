package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// AuditChecker verifies the whole audit trail every minute while that is quick, and less often as the trail grows: at
// most a sixtieth of the time is spent on it. Example: a trail that takes 10 s is verified every 10 minutes.
type AuditChecker struct {
	store *Store
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex
	latest AuditResult
}

const (
	auditInterval = time.Minute
	auditShare    = 60
)

// AuditResult is the result of a verification of the audit trail.
type AuditResult struct {
	At     time.Time // zero: the trail was not verified yet
	Events int64
	Fault  string // what is wrong with the trail; "": nothing
}

// NewAuditChecker returns a checker of the audit trail of a store.
func NewAuditChecker(s *Store, now func() time.Time, log *slog.Logger) *AuditChecker {
	return &AuditChecker{store: s, now: now, log: log}
}

// Run verifies the trail at once and then again, until ctx ends.
func (c *AuditChecker) Run(ctx context.Context) error {
	for {
		started := time.Now()
		c.check(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(auditInterval, auditShare*time.Since(started))):
		}
	}
}

// Latest returns the latest result.
func (c *AuditChecker) Latest() AuditResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

func (c *AuditChecker) check(ctx context.Context) {
	events, err := c.store.VerifyAudit(ctx)
	result := AuditResult{At: c.now(), Events: events}
	if fault, ok := errors.AsType[*ChainFault](err); ok {
		c.log.ErrorContext(ctx, "the audit trail failed verification", "err", fault)
		result.Fault = fault.What
	} else if err != nil {
		if ctx.Err() == nil {
			c.log.ErrorContext(ctx, "the audit trail could not be verified", "err", err)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = result
}

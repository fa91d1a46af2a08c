package store

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// AuditChecker keeps the seal file of the audit trail up to date, and looks for signs of tampering: every half minute
// for those that are found at once (see CheckAudit), and in the whole trail every minute while that is quick. It reads
// a longer trail less often, so that at most a sixtieth of the time is spent on it. Example: a trail that takes 10 s is
// read every 10 minutes.
type AuditChecker struct {
	deps AuditCheckerDeps

	mu      sync.Mutex
	report  AuditReport
	at      time.Time // of the report; zero: there is none
	altered string    // the fault that the latest reading of the trail found
	checked string    // the fault that the latest quick check found
	logged  string    // the fault that the log names last
	unsaved string    // why the seal file could not be written, as the log says
}

// AuditCheckerDeps are the parts that an AuditChecker works with.
type AuditCheckerDeps struct {
	Store    *Store
	CheckKey func() error // says how the audit key on disk differs from that of the store; nil: it does not
	Now      func() time.Time
	Log      *slog.Logger
}

const (
	checkInterval  = 30 * time.Second
	verifyInterval = time.Minute
	verifyShare    = 60
)

// AuditResult is the result of the latest checks of the audit trail.
type AuditResult struct {
	At time.Time // when the whole trail was read; zero: it was not read yet
	AuditReport
	Fault string // what is wrong with the trail; "": nothing
}

// NewAuditChecker returns a checker of the audit trail of a store.
func NewAuditChecker(deps AuditCheckerDeps) *AuditChecker { return &AuditChecker{deps: deps} }

// Run checks the trail at once and then again, until ctx ends.
func (c *AuditChecker) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	defer loops.Wait()
	loops.Go(func() { every(ctx, sealInterval, c.save) })
	loops.Go(func() { every(ctx, checkInterval, c.Check) })
	for {
		started := time.Now()
		c.Verify(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(verifyInterval, verifyShare*time.Since(started))):
		}
	}
}

// every calls do at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(ctx context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do(ctx)
		}
	}
}

// Latest returns the result of the latest checks.
func (c *AuditChecker) Latest() AuditResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	return AuditResult{c.at, c.report, cmp.Or(c.checked, c.altered)}
}

// Check makes the quick checks.
func (c *AuditChecker) Check(ctx context.Context) {
	fault, ok := c.faultOf(ctx, c.deps.Store.CheckAudit(ctx))
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked = fault
	c.logFault(ctx)
}

// Verify reads the whole trail.
func (c *AuditChecker) Verify(ctx context.Context) {
	report, err := c.deps.Store.VerifyAudit(ctx)
	fault, ok := c.faultOf(ctx, err)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report, c.at, c.altered = report, c.deps.Now(), fault
	c.logFault(ctx)
}

// faultOf returns the fault that a check found, "" for none. It returns false if the check could not be made, and logs
// why.
func (c *AuditChecker) faultOf(ctx context.Context, err error) (fault string, ok bool) {
	if changed := c.deps.CheckKey(); changed != nil {
		return changed.Error(), true
	}
	switch found, isFault := errors.AsType[*ChainFault](err); {
	case err == nil:
		return "", true
	case isFault:
		return found.What, true
	case ctx.Err() == nil:
		c.deps.Log.ErrorContext(ctx, "the audit trail could not be verified", "err", err)
	}
	return "", false
}

// logFault logs a fault when it is found, and when it is gone.
func (c *AuditChecker) logFault(ctx context.Context) {
	fault := cmp.Or(c.checked, c.altered)
	switch fault {
	case c.logged:
		return
	case "":
		c.deps.Log.InfoContext(ctx, "the audit trail passes verification again")
	default:
		c.deps.Log.ErrorContext(ctx, "the audit trail failed verification", "err", fault)
	}
	c.logged = fault
}

func (c *AuditChecker) save(ctx context.Context) {
	text := ""
	if err := c.deps.Store.SaveSeal(); err != nil {
		text = err.Error()
	}
	if text != "" && text != c.unsaved {
		c.deps.Log.ErrorContext(ctx, "the seal of the audit trail could not be written", "err", text)
	}
	c.unsaved = text
}

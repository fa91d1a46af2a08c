package settings

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
)

// Live are the settings in force. Reload replaces them.
type Live struct {
	deps    LiveDeps
	started config.Config
	current atomic.Pointer[Settings]
	status  atomic.Pointer[console.ReloadStatus]
	mu      sync.Mutex // of Reload
}

// LiveDeps are the parts that a reload works with.
type LiveDeps struct {
	Deps
	// Check refuses a configuration that the program cannot run with, although it is valid. nil: there is none.
	Check func(c config.Config) error
	// Record writes the audit event of a reload. If it fails, the reload changes nothing. nil: there is no audit trail.
	Record func(ctx context.Context, list ...deadletter.Event) error
	// Applied is called when other settings are in force.
	Applied func(ctx context.Context)
}

// NewLive puts the settings of the first configuration in force.
func NewLive(cfg config.Config, d LiveDeps) (*Live, error) {
	first, err := New(cfg, nil, d.Deps)
	if err != nil {
		return nil, err
	}
	l := &Live{deps: d, started: cfg}
	l.current.Store(first)
	l.status.Store(&console.ReloadStatus{})
	return l, nil
}

// Load returns the settings in force.
func (l *Live) Load() *Settings { return l.current.Load() }

// Status returns the result of the latest reload.
func (l *Live) Status() console.ReloadStatus { return *l.status.Load() }

// Why is the reason for a reload.
type Why string

// The reasons for a reload.
const (
	BySignal Why = "SIGHUP"
	BySecret Why = "the file of a secret has changed"
)

// Reload puts the configuration that read returns in force, except for keys that need a restart. An error changes
// nothing. Both are recorded in the audit trail.
func (l *Live) Reload(ctx context.Context, why Why, read func() (config.Config, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.Load()
	next, err := read()
	var after *Settings
	var changes []config.Change
	if err == nil {
		changes = before.Config.Changes(next)
		after, err = l.prepare(ctx, before, next, why, changes)
	}
	if err != nil {
		return l.refuse(ctx, why, err)
	}
	status := console.ReloadStatus{At: l.deps.Now(), Restart: restartKeys(l.started.Changes(next))}
	l.status.Store(&status)
	l.current.Store(after)
	l.deps.Tracker.Configure(Breakers(after.Config))
	l.deps.Applied(ctx)
	l.log(ctx, why, changes, status)
	return nil
}

// prepare makes the next settings and records that they will be in force.
func (l *Live) prepare(
	ctx context.Context, before *Settings, next config.Config, why Why, changes []config.Change,
) (*Settings, error) {
	merged := before.Config.Reloaded(next)
	if l.deps.Check != nil {
		if err := l.deps.Check(merged); err != nil {
			return nil, err
		}
	}
	after, err := New(merged, before, l.deps.Deps)
	if err != nil {
		return nil, err
	}
	was, is := map[string]any{}, map[string]any{}
	for _, c := range changes {
		was[c.Key], is[c.Key] = c.Before, c.After
		if c.Before == c.After {
			was[c.Key], is[c.Key] = c.Before+" (before)", c.After+" (replaced)" // a secret at the same place
		}
	}
	if keys := restartKeys(l.started.Changes(next)); len(keys) > 0 {
		is["needsRestart"] = strings.Join(keys, ", ")
	}
	return after, l.record(ctx, "config.reload", next.File, why, was, is)
}

func (l *Live) record(ctx context.Context, action, file string, why Why, before, after any) error {
	if l.deps.Record == nil {
		return nil
	}
	e, err := deadletter.NewEvent(
		deadletter.System(), action, "configuration", cmp.Or(file, "the configuration"), string(why), before, after,
		l.deps.Now(),
	)
	if err != nil {
		return err
	}
	return l.deps.Record(ctx, e)
}

// refuse records why a reload changed nothing, and returns it.
func (l *Live) refuse(ctx context.Context, why Why, reason error) error {
	status := l.Status()
	status.At, status.Fault = l.deps.Now(), strings.Split(reason.Error(), "\n")
	l.status.Store(&status)
	facts := map[string]any{"faults": status.Fault}
	reason = errors.Join(reason, l.record(ctx, "config.reload_refused", l.Load().Config.File, why, nil, facts))
	l.deps.Log.ErrorContext(ctx, "the configuration was not applied; the one in force stays",
		"reload", string(why), "err", reason)
	return reason
}

// log names the changed keys, not their values.
func (l *Live) log(ctx context.Context, why Why, changes []config.Change, status console.ReloadStatus) {
	var applied []string
	for _, c := range changes {
		if !c.Restart {
			applied = append(applied, c.Key)
		}
	}
	if len(status.Restart) > 0 {
		l.deps.Log.WarnContext(ctx, "restart dlqdesk to apply changed keys", "keys", status.Restart)
	}
	l.deps.Log.InfoContext(ctx, "the configuration was read again", "reload", string(why), "applied", applied)
}

func restartKeys(changes []config.Change) (keys []string) {
	for _, c := range changes {
		if c.Restart {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// secretsEvery is how often the files of secrets are looked at.
const secretsEvery = time.Second

// WatchSecrets reads the secrets of sources again when their files change, until ctx ends. It reads nothing else of the
// configuration.
func (l *Live) WatchSecrets(ctx context.Context) error {
	tick := time.NewTicker(secretsEvery)
	defer tick.Stop()
	stamp, faulty := l.Load().Config.SecretFiles(), false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		now := l.Load().Config.SecretFiles()
		if now == stamp {
			continue
		}
		stamp = now
		if _, changed, err := l.Load().Config.RereadSecrets(); err != nil || changed || faulty {
			faulty = l.Reload(ctx, BySecret, l.rereadSecrets) != nil // it has logged its error
		}
	}
}

// rereadSecrets is called during a reload, so that no other reload is undone by it.
func (l *Live) rereadSecrets() (config.Config, error) {
	next, _, err := l.Load().Config.RereadSecrets()
	return next, err
}

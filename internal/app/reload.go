package app

import (
	"context"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/settings"
	"dlqdesk/internal/store"
)

// Reload puts the configuration that read returns in force, except for keys that need a restart: see
// config.NeedsRestart. An error changes nothing. Deliveries in flight finish with the settings that they began with.
func (a *App) Reload(ctx context.Context, read func() (config.Config, error)) error {
	return a.settings.Reload(ctx, settings.BySignal, read)
}

// Grace returns how long Stop may take.
func (a *App) Grace() time.Duration { return a.settings.Load().Config.Grace }

// record writes an audit event of its own.
func (a *App) record(ctx context.Context, e deadletter.Event) error {
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, e) })
}

// applied tells the parts that do not look settings up by themselves.
func (a *App) applied(ctx context.Context) {
	now := a.settings.Load()
	a.level.Set(now.Config.Log.Level)
	a.metrics.AddSources(now.Config.SourceNames())
	if a.store != nil {
		a.store.KickIndex() // masks may have changed
	}
	a.kick()
	a.applyRoles(ctx)
	if a.store == nil {
		return
	}
	if err := a.configureGrouping(ctx, now.Config); err != nil {
		a.log.WarnContext(ctx, "the rules that group messages stay as they were", "err", err)
	}
}

// configureGrouping puts the configured rules that group messages in force.
func (a *App) configureGrouping(ctx context.Context, cfg config.Config) error {
	var rules []deadletter.GroupRule
	for _, s := range cfg.Sources {
		rules = append(rules, s.Causes...)
	}
	return desk.ConfigureGrouping(ctx, a.store, rules, a.now())
}

// applyRoles gives users the roles that the configuration names. A role that cannot be given stays as it is.
func (a *App) applyRoles(ctx context.Context) {
	if a.auth == nil {
		return
	}
	for _, u := range a.settings.Load().Config.Users {
		known, err := a.store.User(ctx, u.Name)
		if err == nil && known.Role != u.Role {
			err = a.auth.SetRole(ctx, deadletter.System(), known.Name, string(u.Role))
		}
		if err != nil {
			a.log.WarnContext(ctx, "the role of a user was not set", "user", u.Name, "role", string(u.Role), "err", err)
		}
	}
}

package app

import (
	"context"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/settings"
)

// Reload puts the configuration that read returns in force, except for keys that need a restart: see
// config.NeedsRestart. An error changes nothing. Deliveries in flight finish with the settings that they began with.
func (a *App) Reload(ctx context.Context, read func() (config.Config, error)) error {
	return a.settings.Reload(ctx, settings.BySignal, read)
}

// Grace returns how long Stop may take.
func (a *App) Grace() time.Duration { return a.settings.Load().Config.Grace }

// applied tells the parts that do not look settings up by themselves.
func (a *App) applied(ctx context.Context) {
	now := a.settings.Load()
	a.level.Set(now.Config.Log.Level)
	a.metrics.AddSources(now.Config.SourceNames())
	a.metrics.AddSinks(sinkNames(now.Config.Alerts))
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
	return desk.ConfigureGrouping(ctx, a.store, cfg.GroupRules(), a.now())
}

// applyRoles gives users the roles that the configuration names. A role that cannot be given stays as it is.
func (a *App) applyRoles(ctx context.Context) {
	if a.auth == nil {
		return
	}
	for _, u := range a.settings.Load().Config.Users {
		if err := a.auth.EnsureRole(ctx, u.Name, u.Role); err != nil {
			a.log.WarnContext(ctx, "the role of a user was not set", "user", u.Name, "role", string(u.Role), "err", err)
		}
	}
}

package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/server"
	"dlqdesk/internal/settings"
	"dlqdesk/internal/sqlite"
	"dlqdesk/web"
)

// Backup copies the files of the data folder into a folder, while a server runs on it or not, and returns the names of
// the copies. The folder must be new or empty; if the backup fails, no copy remains there. It does not copy the audit
// key: with the key and a copy a forged audit trail could be written.
func (a *App) Backup(ctx context.Context, to string) (copied []string, err error) {
	files, err := server.UsedFiles(a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if err := server.MakeEmptyDir(to); err != nil {
		return nil, err
	}
	return files, sqlite.BackupFiles(ctx, a.cfg.DataDir, to, files)
}

// Drain puts messages of the store back on a queue: "dlq", or the name or URL of a queue below queues. It returns an
// error while a server runs on the data folder, because that would read the messages back at once. A dry run needs
// neither the lock nor the queue.
func (a *App) Drain(ctx context.Context, to string, r desk.DrainRequest) (result desk.DrainResult, err error) {
	url, region, err := a.cfg.DrainTarget(to)
	if err != nil {
		return result, err
	}
	if r.DryRun {
		err = a.withStore(ctx, func() error {
			result, err = a.drain(ctx, url, nil, r)
			return err
		})
		return result, err
	}
	dir, err := a.lockDataDir()
	if errors.Is(err, server.ErrLocked) {
		return result, fmt.Errorf(
			"stop dlqdesk serve on the data folder %s first, and start it again when the drain is "+
				"done: it would read back at once what is put on a queue",
			a.cfg.DataDir,
		)
	}
	if err == nil {
		err = a.openStore(ctx, dir)
	}
	var q *queue.SQS
	if err == nil {
		q, err = queue.NewSQS(ctx, url, region)
	}
	if err == nil {
		err = q.StartError()
	}
	if err == nil {
		result, err = a.drain(ctx, url, q, r)
	}
	return result, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

// drain drains to the queue at a URL. q is nil for a dry run.
func (a *App) drain(
	ctx context.Context, url string, q desk.DrainQueue, r desk.DrainRequest,
) (desk.DrainResult, error) {
	sources, err := a.store.Sources(ctx)
	if err != nil {
		return desk.DrainResult{}, err
	}
	queues, err := a.store.Queues(ctx)
	if err != nil {
		return desk.DrainResult{}, err
	}
	if err := a.cfg.CheckDrain(r.Source, r.Queue, sources, queues); err != nil {
		return desk.DrainResult{}, err
	}
	returns := func(from string) bool {
		d, listed := a.cfg.DLQ(from)
		return url == a.cfg.Queue.DLQURL || listed && url == d.URL
	}
	return desk.Drainer{Store: a.store, To: q, Returns: returns, Now: a.now}.Drain(ctx, r)
}

// Forward sends a copy of a message to a handler on this machine, while a server runs on the data folder or not.
func (a *App) Forward(
	ctx context.Context, by deadletter.Actor, id deadletter.ID, f desk.Forward,
) (sent deadletter.Attempt, err error) {
	// Nothing stored is shown here, so it makes no difference since when the masks are in force.
	since := func([]byte) (time.Time, error) { return time.Time{}, nil }
	now, err := settings.New(a.cfg, nil, settings.Deps{MasksSince: since, Now: a.now, Log: a.log})
	if err != nil {
		return sent, err
	}
	client := delivery.NewClient(a.life.Deliveries(), a.now)
	defer client.Close()
	err = a.withStore(ctx, func() error {
		sent, err = desk.New(desk.Deps{
			Store:   a.store,
			Sources: func() []desk.Source { return now.Desk },
			Masks:   func() *redact.Masks { return now.Masks },
			Copies:  a.copySender(client),
			Now:     a.now,
		}).Forward(ctx, by, id, f)
		return err
	})
	return sent, err
}

// Users calls do with what manages the users of the data folder, while a server runs on it or not.
func (a *App) Users(ctx context.Context, do func(users *auth.Auth) error) error {
	return a.withStore(ctx, func() error { return do(a.newAuth(false)) })
}

// newAuth must be called with an open store. secure says that browsers reach the desk by https only.
func (a *App) newAuth(secure bool) *auth.Auth {
	return auth.New(a.store, auth.Settings{Secure: secure, CommonPasswords: web.CommonPasswords()}, a.now)
}

// withStore opens the store alone, for a command.
func (a *App) withStore(ctx context.Context, do func() error) error {
	dir, err := server.OpenDataDir(a.cfg.DataDir)
	if err != nil {
		return err
	}
	if err := a.openStore(ctx, dir); err != nil {
		return err
	}
	return errors.Join(do(), a.Stop(ctx))
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/server"
	"dlqdesk/internal/sqlite"
	"dlqdesk/web"
)

// Backup copies the files of the data folder into a folder, while a server runs on it or not, and returns the names of
// the copies. It does not copy the audit key: with the key and a copy a forged audit trail could be written.
func (a *App) Backup(ctx context.Context, to string) (copied []string, err error) {
	from, err := server.OpenDataDir(a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the backup: %w", err)
	}
	// Messages move from spool and queue to the store. In this order a copy may have one twice, which is recognised,
	// and cannot miss one.
	for _, name := range []string{server.SpoolFile, server.QueueFile, server.DeskFile} {
		switch _, err := os.Stat(from.File(name)); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return copied, fmt.Errorf("find the files to copy: %w", err)
		}
		if err := sqlite.Backup(ctx, from.File(name), filepath.Join(to, name)); err != nil {
			return copied, err
		}
		copied = append(copied, name)
	}
	if len(copied) == 0 {
		return nil, fmt.Errorf("there is nothing to copy in %s: no server has used it yet", a.cfg.DataDir)
	}
	return copied, nil
}

// Drain puts messages of the store back on a queue: "dlq", or the name or URL of a queue below queues. It returns an
// error while a server runs on the data folder, because that would read the messages back at once.
func (a *App) Drain(ctx context.Context, to string, r desk.DrainRequest) (result desk.DrainResult, err error) {
	url, region, err := a.cfg.DrainTarget(to)
	if err != nil {
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
	if err == nil {
		result, err = a.drain(ctx, url, region, r)
	}
	return result, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

func (a *App) drain(ctx context.Context, url, region string, r desk.DrainRequest) (desk.DrainResult, error) {
	q, err := queue.NewSQS(ctx, url, region)
	if err == nil {
		err = q.StartError()
	}
	if err != nil {
		return desk.DrainResult{}, err
	}
	returns := func(from string) bool {
		d, listed := a.cfg.DLQ(from)
		return url == a.cfg.Queue.DLQURL || listed && url == d.URL
	}
	return desk.Drainer{Store: a.store, To: q, Returns: returns, Now: a.now}.Drain(ctx, r)
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

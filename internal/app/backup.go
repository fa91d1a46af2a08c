package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dlqdesk/internal/server"
	"dlqdesk/internal/sqlite"
)

// Backup copies the files of the data folder into a folder, while a server runs on it or not, and answers the names
// of the copies. The audit key is not among them: whoever has both could write a trail that holds.
func (a *App) Backup(ctx context.Context, to string) (copied []string, err error) {
	from, err := server.OpenDataDir(a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the backup: %w", err)
	}
	// Messages move from spool and queue to the desk. In this order a copy may hold one twice, which is recognised,
	// and never not at all.
	for _, name := range []string{server.SpoolFile, server.QueueFile, server.DeskFile} {
		switch _, err := os.Stat(from.File(name)); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return copied, fmt.Errorf("look for what there is to copy: %w", err)
		}
		if err := sqlite.Backup(ctx, from.File(name), filepath.Join(to, name)); err != nil {
			return copied, err
		}
		copied = append(copied, name)
	}
	if len(copied) == 0 {
		return nil, fmt.Errorf("there is nothing to copy in %s: no server has run on it yet", a.cfg.DataDir)
	}
	return copied, nil
}

// Package migrations holds the schema of each SQLite file as numbered SQL files. 00001_baseline.sql is read from top to
// bottom. A migration never changes: a change of the schema is a new file, 00002_… and so on. Migrations only go up.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed desk/*.sql
var desk embed.FS

//go:embed queue/*.sql
var queue embed.FS

//go:embed search/*.sql
var search embed.FS

// Desk is the schema of the desk's file: messages, audit trail, users.
func Desk() fs.FS { return sub(desk, "desk") }

// Queue is the schema of the embedded queues' file.
func Queue() fs.FS { return sub(queue, "queue") }

// Search is the schema of the file that a search looks through.
func Search() fs.FS { return sub(search, "search") }

// sub cannot fail for a folder that was embedded by name.
func sub(files embed.FS, folder string) fs.FS {
	below, err := fs.Sub(files, folder)
	if err != nil {
		return files
	}
	return below
}

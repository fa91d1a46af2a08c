package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// dataDir is the folder that holds everything a running dlqdesk keeps on disk.
type dataDir struct {
	path string
	lock *os.File
}

const (
	deskFile  = "desk.db"   // messages, audit trail, users
	queueFile = "queue.db"  // the embedded queues
	spoolFile = "spool.db"  // what waits for SQS
	keyFile   = "audit.key" // vouches for the audit trail; keep a copy where the database's backups are not
	lockFile  = "dlqdesk.lock"
)

// openDataDir makes the folder, for its owner alone.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return &dataDir{path: path}, nil
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

var errHeld = errors.New("another dlqdesk runs on the data folder")

// hold keeps every other process from delivering out of the same folder. The lock goes with the process, however it
// ends.
func (d *dataDir) hold() error {
	f, err := os.OpenFile(d.file(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock of the data folder: %w", err)
	}
	// a file descriptor fits an int
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%w %s: stop it, or set data_dir to a folder of its own", errHeld, d.path)
		}
		return fmt.Errorf("lock the data folder: %w", err)
	}
	d.lock = f
	return nil
}

func (d *dataDir) release() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// auditKeySize is that of the hash which the key goes with, in bytes.
const auditKeySize = 32

// auditKey reads the key of the audit trail, and makes one where neither key nor trail exist yet.
func (d *dataDir) auditKey() ([]byte, error) {
	key, err := os.ReadFile(d.file(keyFile))
	if errors.Is(err, os.ErrNotExist) {
		return d.newAuditKey()
	}
	if err != nil {
		return nil, fmt.Errorf("read the audit key: %w", err)
	}
	if len(key) != auditKeySize {
		return nil, fmt.Errorf(
			"the audit key %s has %d bytes instead of %d: restore it from its copy",
			d.file(keyFile),
			len(key),
			auditKeySize,
		)
	}
	return key, nil
}

func (d *dataDir) newAuditKey() ([]byte, error) {
	if _, err := os.Stat(d.file(deskFile)); err == nil {
		return nil, fmt.Errorf(
			"the audit key %s is missing while %s exists: restore it from its copy, or move the data folder away to start anew",
			d.file(keyFile),
			d.file(deskFile),
		)
	}
	key := make([]byte, auditKeySize)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	// The name appears only with the whole key on disk behind it.
	f, err := os.CreateTemp(d.path, keyFile+".*")
	if err != nil {
		return nil, fmt.Errorf("make the audit key: %w", err)
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), d.file(keyFile))
	}
	_ = os.Remove(f.Name())
	if errors.Is(err, os.ErrExist) {
		return d.auditKey() // another command was first
	}
	if err != nil {
		return nil, fmt.Errorf("write the audit key: %w", err)
	}
	return key, nil
}

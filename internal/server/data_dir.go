package server

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Files of the data folder.
const (
	DeskFile  = "desk.db"   // messages, audit trail, users
	QueueFile = "queue.db"  // the embedded queues
	SpoolFile = "spool.db"  // messages that SQS has not confirmed
	keyFile   = "audit.key" // signs the audit trail; keep a copy where the database's backups are not
	lockFile  = "dlqdesk.lock"
)

// DataDir is the folder of everything that a running dlqdesk stores on disk.
type DataDir struct {
	path string
	lock *os.File // nil: not locked
}

// OpenDataDir makes the folder, for its owner alone.
func OpenDataDir(path string) (*DataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return &DataDir{path: path}, nil
}

// File returns the path of a file in the folder.
func (d *DataDir) File(name string) string { return filepath.Join(d.path, name) }

// DiskUse returns how many bytes of the folder's disk are in use, and how many there are for programs like this one.
func (d *DataDir) DiskUse() (used, of int64, err error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(d.path, &disk); err != nil {
		return 0, 0, fmt.Errorf("measure the disk of the data folder: %w", err)
	}
	block := int64(disk.Bsize)                                      //nolint:unconvert // another type on other systems
	used, free := int64(disk.Blocks-disk.Bfree), int64(disk.Bavail) //nolint:gosec // no disk is that large
	return used * block, (used + free) * block, nil
}

// ErrLocked is returned by Lock while another process has the data folder.
var ErrLocked = errors.New("another dlqdesk runs on the data folder")

// Lock keeps every other process from delivering out of the same folder. The lock ends with the process, however that
// ends.
func (d *DataDir) Lock() error {
	f, err := os.OpenFile(d.File(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // fits an int
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%w %s: stop it, or set data_dir to a folder of its own", ErrLocked, d.path)
		}
		return fmt.Errorf("lock the data folder: %w", err)
	}
	d.lock = f
	return nil
}

// Unlock releases the lock, if there is one.
func (d *DataDir) Unlock() error {
	if d.lock == nil {
		return nil
	}
	// Closing alone would leave the lock to a child that is between fork and exec, and so has the file open still.
	err := syscall.Flock(int(d.lock.Fd()), syscall.LOCK_UN) //nolint:gosec // fits an int
	return errors.Join(err, d.lock.Close())
}

// ErrNoAuditKey is returned while the trail exists and its key does not.
var ErrNoAuditKey = errors.New("the audit key is missing")

var errOtherAuditKey = errors.New("the audit key was replaced while dlqdesk runs")

// auditKeySize is that of the hash which the key is for, in bytes.
const auditKeySize = 32

// AuditKey returns the key of the audit trail. It makes one if neither key nor trail exist yet.
func (d *DataDir) AuditKey() ([]byte, error) {
	path := d.File(keyFile)
	key, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return d.newAuditKey()
	}
	if err != nil {
		return nil, fmt.Errorf("read the audit key: %w", err)
	}
	if n := len(key); n != auditKeySize {
		const wrong = "the audit key %s has %d bytes instead of %d: restore it from its copy"
		return nil, fmt.Errorf(wrong, path, n, auditKeySize)
	}
	return key, nil
}

func (d *DataDir) newAuditKey() ([]byte, error) {
	path, trail := d.File(keyFile), d.File(DeskFile)
	if _, err := os.Stat(trail); err == nil {
		return nil, fmt.Errorf("%w: %s, while %s exists. Restore it from its copy, or run dlqdesk audit rekey "+
			"if it is lost", ErrNoAuditKey, path, trail)
	}
	key, err := d.writeAuditKey(os.Link)
	if errors.Is(err, os.ErrExist) {
		return d.AuditKey() // another command was first
	}
	return key, err
}

// writeAuditKey makes a key. It gets its name by put once it is on disk.
func (d *DataDir) writeAuditKey(put func(from, to string) error) ([]byte, error) {
	key := make([]byte, auditKeySize)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	f, err := os.CreateTemp(d.path, keyFile+".*")
	if err != nil {
		return nil, fmt.Errorf("make the audit key: %w", err)
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = put(f.Name(), d.File(keyFile))
	}
	_ = os.Remove(f.Name()) // gone already after a rename
	if err != nil {
		return nil, fmt.Errorf("write the audit key: %w", err)
	}
	return key, nil
}

// CheckAuditKey returns an error if the key on disk is not the given one any more.
func (d *DataDir) CheckAuditKey(key []byte) error {
	now, err := os.ReadFile(d.File(keyFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf(
			"%w: %s. Restore it from its copy before dlqdesk stops: it does not start without",
			ErrNoAuditKey,
			d.File(keyFile),
		)
	case err != nil:
		return fmt.Errorf("read the audit key: %w", err)
	case !bytes.Equal(now, key):
		return fmt.Errorf("%w: %s. Restore it from its copy", errOtherAuditKey, d.File(keyFile))
	}
	return nil
}

// ReplaceAuditKey makes a new key in place of the old one, which gets another name if there is one. The data folder is
// locked.
func (d *DataDir) ReplaceAuditKey(at time.Time) ([]byte, error) {
	old := d.File(keyFile) + ".until-" + at.UTC().Format("20060102T150405Z")
	if err := os.Link(d.File(keyFile), old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("keep the old audit key: %w", err)
	}
	return d.writeAuditKey(os.Rename)
}

// MakeEmptyDir makes a folder for its owner alone, or takes one that is empty. It returns ErrNotEmpty if anything is in
// it.
func MakeEmptyDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("look into the folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "lost+found" { // of a file system of its own
			return fmt.Errorf("%w: %s contains %s", ErrNotEmpty, path, e.Name())
		}
	}
	return nil
}

// ErrNotEmpty is returned by MakeEmptyDir if something is in the folder.
var ErrNotEmpty = errors.New("the folder is not empty")

// UsedFiles returns the names of the files of a data folder that a backup copies. Messages move from spool and queue to
// the store: in this order a copy may have one twice, which is recognised, and cannot miss one.
func UsedFiles(dataDir string) (files []string, err error) {
	for _, name := range []string{SpoolFile, QueueFile, DeskFile} {
		switch _, err := os.Stat(filepath.Join(dataDir, name)); {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("find the files to copy: %w", err)
		default:
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is nothing to copy in %s: no server has used it yet", dataDir)
	}
	return files, nil
}

package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// SealFile is the file beside the desk's file that names the last event of the audit trail, sealed with the audit
// key. The trail always contains that event, so a database from which events were removed contradicts the file. It is
// written after the events, so after a crash it names an event that is sealInterval older than the last one, at most.
const SealFile = "audit.seal"

// sealInterval is how often the file follows the trail, while events are written.
const sealInterval = time.Second

// trailMark is the last event of the audit trail as this process knows it, in memory and in the seal file.
type trailMark struct {
	key  []byte
	desk string // the path of the desk's file
	path string // of the seal file

	mu     sync.Mutex
	opened os.FileInfo     // the desk's file as it was opened
	known  deadletter.Mark // the last event that this process wrote or found
	saved  deadletter.Mark // in the seal file
	lost   string          // why known is no longer in the trail; "": it is. known then stays as it is
	broken string          // why the seal file is no longer written; "": it is
}

func newTrailMark(desk string, key []byte) *trailMark {
	return &trailMark{key: key, desk: desk, path: filepath.Join(filepath.Dir(desk), SealFile)}
}

// The texts of faults of the seal file.
const (
	sealMissing = "the file " + SealFile + " is missing: it was deleted, or a backup was restored. It names the last " +
		"event of the audit trail"
	sealForged = "the file " + SealFile + " was not written with this audit key: it was changed, or the key is " +
		"another one"
)

// errForged is the error of a seal file that this key did not write.
var errForged = errors.New("not written with this key")

// begin reads the seal file and the end of the trail. It writes the file if the trail is new, or of a version that had
// none. It records a fault, and returns no error, if trail and file contradict each other.
func (m *trailMark) begin(ctx context.Context, q sqlite.Querier) (err error) {
	if m.opened, err = os.Stat(m.desk); err != nil {
		return fmt.Errorf("look at the desk's file: %w", err)
	}
	m.removeUnfinished()
	if err := m.look(); err != nil {
		return err
	}
	m.known = m.saved
	last, err := m.lastEvent(ctx, q)
	if err == nil && m.broken == sealMissing {
		return m.beginSeal(ctx, q, last)
	}
	if err != nil && !sqlite.IsAltered(err) {
		return err
	}
	m.advance(last)
	return nil
}

// beginSeal writes the first seal file of a trail. It refuses where the trail had one before.
func (m *trailMark) beginSeal(ctx context.Context, q sqlite.Querier, last deadletter.Mark) error {
	m.known = last
	switch fresh, err := m.hadNoSeal(ctx, q, last); {
	case sqlite.IsAltered(err):
		return nil
	case err != nil || !fresh:
		return err
	}
	return m.replace(last)
}

const (
	sealedHead   = `SELECT seq, link, seal FROM audit_head WHERE one = 1`
	hasContent   = `SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM messages)`
	furthestLink = `SELECT seq, link FROM (
			SELECT seq, link, 0 AS place FROM audit_head WHERE one = 1
			UNION ALL SELECT * FROM (SELECT seq, link, 1 FROM audit_events ORDER BY seq DESC LIMIT 1)
		) ORDER BY seq DESC, place LIMIT 1`
	linkOfEvent = `SELECT link FROM audit_events WHERE seq = ?`
)

// hadNoSeal reports whether no version that writes seal files has written to the trail: such versions seal the head for
// another use. A trail without any event is new if nothing else was written to the file either.
func (m *trailMark) hadNoSeal(ctx context.Context, q sqlite.Querier, last deadletter.Mark) (bool, error) {
	if last.Sequence == 0 {
		var used bool
		err := q.QueryRowContext(ctx, hasContent).Scan(&used)
		return !used, err
	}
	head, seal, err := readHead(ctx, q)
	return head.Is(last) && hmac.Equal(seal, head.Seal(m.key, deadletter.SealOfOldHead)), err
}

// readHead returns the end of the trail as the database states it, and its seal; nothing if it states none.
func readHead(ctx context.Context, q sqlite.Querier) (head deadletter.Mark, seal []byte, err error) {
	err = q.QueryRowContext(ctx, sealedHead).Scan(&head.Sequence, &head.Link, &seal)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return head, nil, fmt.Errorf("read end of audit trail: %w", err)
	}
	return head, seal, nil
}

// lastEvent returns the event that the next one follows: the last one of the trail, or the last one that is known if
// the trail no longer contains that. So the numbers of removed events are never used again.
func (m *trailMark) lastEvent(ctx context.Context, q sqlite.Querier) (last deadletter.Mark, err error) {
	err = q.QueryRowContext(ctx, furthestLink).Scan(&last.Sequence, &last.Link)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return last, fmt.Errorf("read end of audit trail: %w", err)
	}
	known := m.latest() // after the trail was read, which may have moved on: contains looks again
	if last.Is(known) {
		return last, nil
	}
	if found, err := contains(ctx, q, known); found || err != nil {
		return last, err
	}
	m.lose(removedText(known))
	if known.Sequence >= last.Sequence {
		return known, nil
	}
	return last, nil
}

// removedText is the fault of a trail that lacks an event which it contained once.
func removedText(mark deadletter.Mark) string {
	return fmt.Sprintf("the audit trail does not contain event %d as it was sealed: events were removed, or an older "+
		"database was restored", mark.Sequence)
}

// contains reports whether the trail has the event of a mark, and before it the events that the mark stands for.
func contains(ctx context.Context, q sqlite.Querier, mark deadletter.Mark) (bool, error) {
	if mark.Sequence == 0 {
		return true, nil
	}
	var link []byte
	err := q.QueryRowContext(ctx, linkOfEvent, mark.Sequence).Scan(&link)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("look for event %d: %w", mark.Sequence, err)
	}
	return bytes.Equal(link, mark.Link), nil
}

func (m *trailMark) latest() deadletter.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known
}

// advance moves the known end of the trail to an event that is on disk.
func (m *trailMark) advance(to deadletter.Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lost == "" && to.Sequence > m.known.Sequence {
		m.known = to
	}
}

// lose records that the trail no longer contains the known end. The end then stays what it was, so that the
// seal file contradicts the trail after a restart as well.
func (m *trailMark) lose(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lost == "" {
		m.lost = why
	}
}

// faults returns what contradicts the memory of this process.
func (m *trailMark) faults() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, fault := range []string{m.lost, m.broken} {
		if fault != "" {
			list = append(list, fault)
		}
	}
	return list
}

// SaveSeal brings the seal file up to date. Close does as well.
func (s *Store) SaveSeal() error { return s.mark.save() }

// save brings the seal file up to date. It leaves a file alone that this process did not expect: a check reports it.
func (m *trailMark) save() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != "" || m.opened == nil || m.saved.Is(m.known) {
		return nil
	}
	if err := m.look(); err != nil || m.broken != "" || m.saved.Sequence >= m.known.Sequence {
		return err
	}
	if err := m.write(m.known); err != nil {
		return err
	}
	m.saved = m.known
	return nil
}

// look reads the seal file, which another process may have moved on. A file that is missing, or that another key wrote,
// is a fault and no error.
func (m *trailMark) look() error {
	saved, err := m.read()
	switch {
	case err == nil:
		m.saved = saved
	case errors.Is(err, errForged):
		m.broken = sealForged
	case errors.Is(err, fs.ErrNotExist):
		m.broken = sealMissing
	default:
		return fmt.Errorf("read %s: %w", m.path, err)
	}
	return nil
}

// inspect reads the seal file and returns the event that it names.
func (m *trailMark) inspect() (deadletter.Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != "" {
		return deadletter.Mark{}, nil
	}
	err := m.look()
	return m.saved, err
}

// replace makes the seal file name an event, whatever it was before. It returns once the file is there to stay.
func (m *trailMark) replace(with deadletter.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.write(with); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(m.path))
	if err != nil {
		return fmt.Errorf("sync the folder of %s: %w", m.path, err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("sync the folder of %s: %w", m.path, err)
	}
	m.known, m.saved, m.lost, m.broken = with, with, "", ""
	return nil
}

// named returns what the seal file names, whether this key wrote it or not.
func (m *trailMark) named() string {
	text, err := os.ReadFile(m.path)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(string(text[:min(len(text), maxNamed)]), " ")
	return strings.ToValidUTF8(name, "?")
}

// maxNamed bounds what is read of a seal file that this key did not write.
const maxNamed = 100

// read returns the mark of the seal file: errForged if this key did not write it.
func (m *trailMark) read() (deadletter.Mark, error) {
	text, err := os.ReadFile(m.path)
	if err != nil {
		return deadletter.Mark{}, err
	}
	name, digits, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	mark, err := deadletter.ParseMark(name)
	if err != nil {
		return deadletter.Mark{}, errForged
	}
	if seal, err := hex.DecodeString(digits); err != nil || !hmac.Equal(seal, mark.Seal(m.key, deadletter.SealOfMark)) {
		return deadletter.Mark{}, errForged
	}
	return mark, nil
}

// removeUnfinished removes what a killed process left of a write. One that is going on is over within seconds.
func (m *trailMark) removeUnfinished() {
	left, _ := filepath.Glob(m.path + ".*") // the pattern is fixed
	for _, path := range left {
		if file, err := os.Stat(path); err == nil && time.Since(file.ModTime()) > time.Minute {
			_ = os.Remove(path)
		}
	}
}

// write replaces the seal file in one step, after the new content is on disk. The folder is not synced: after a power
// cut the file may be the previous one, which is as true.
func (m *trailMark) write(mark deadletter.Mark) error {
	f, err := os.CreateTemp(filepath.Dir(m.path), SealFile+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", m.path, err)
	}
	_, err = fmt.Fprintf(f, "%s %x\n", mark, mark.Seal(m.key, deadletter.SealOfMark))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), m.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", m.path, err)
	}
	return nil
}

// Package audit carries out the commands on the audit trail of a data folder: verify it, accept its faults,
// and give it a new key. It decides nothing about the trail: package store reads and writes it.
package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"
)

// Folder is the data folder whose trail a command is for.
type Folder struct {
	Path string
	Now  func() time.Time
	Log  *slog.Logger
}

// Verify verifies the whole trail, while a server runs or not, and that it contains the given marks. It returns a
// *store.ChainFault if the trail was tampered with.
func (f Folder) Verify(ctx context.Context, marks ...deadletter.Mark) (store.AuditReport, error) {
	dir, err := server.OpenDataDir(f.Path)
	if err != nil {
		return store.AuditReport{}, err
	}
	key, err := dir.AuditKey()
	if err != nil {
		return store.AuditReport{}, err
	}
	return f.verify(ctx, dir, key, marks...)
}

func (f Folder) verify(
	ctx context.Context, dir *server.DataDir, key []byte, marks ...deadletter.Mark,
) (report store.AuditReport, err error) {
	s, err := store.Open(ctx, dir.File(server.DeskFile), key, f.Log)
	if err != nil {
		return report, fmt.Errorf("open the store: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.VerifyAudit(ctx, marks...)
}

// Verification is a verification in the words of the command line, and as its JSON.
type Verification struct {
	Intact   bool       `json:"intact"`
	Fault    string     `json:"fault,omitempty"`
	Events   int64      `json:"events"`
	Last     string     `json:"last"` // event, as deadletter.ParseMark reads it
	Accepted []Accepted `json:"acceptedGaps"`
}

// Accepted is what a person accepted about the trail.
type Accepted struct {
	Found  []string  `json:"found"`
	Event  int64     `json:"event"`
	At     time.Time `json:"at"`
	By     string    `json:"acceptedBy"`
	Reason string    `json:"reason"`
}

// Summary returns the result of Verify. It returns the error unless that is a fault of the trail.
func Summary(r store.AuditReport, err error) (Verification, error) {
	v := Verification{Intact: err == nil, Events: r.Events, Last: r.End.String(), Accepted: []Accepted{}}
	if fault, ok := errors.AsType[*store.ChainFault](err); ok {
		v.Fault, err = fault.What, nil
	}
	for _, a := range r.Accepted {
		v.Accepted = append(v.Accepted, Accepted{
			append([]string{}, a.Found()...), a.By.Sequence, a.By.At, a.Person(), a.By.Reason,
		})
	}
	return v, err
}

// Order is a person's order to accept the trail as it is, or to give it a new key.
type Order struct{ By, Reason string }

// maxOrder bounds each text of an order, in bytes.
const maxOrder = 1000

func (o Order) check() error {
	for name, text := range map[string]string{"--by": o.By, "--reason": o.Reason} {
		if strings.TrimSpace(text) == "" || len(text) > maxOrder {
			return deadletter.Errorf(deadletter.Invalid, "%s needs 1 to %d characters", name, maxOrder)
		}
	}
	return nil
}

// Accept records that a person accepts the faults of the trail. No server may run on the folder. It returns the
// event with which the new key begins.
func (f Folder) Accept(ctx context.Context, o Order) (deadletter.Mark, error) {
	return f.carryOut(ctx, store.ActionAccept, o, func(dir *server.DataDir) (key []byte, note string, err error) {
		key, err = dir.AuditKey()
		return key, "", err
	})
}

// Rekey gives the trail a new key, because the old one was lost or may be known to others, and records who did that and
// why. The old key stays in the folder under another name if it is there. No server may run on the folder.
func (f Folder) Rekey(ctx context.Context, o Order) (deadletter.Mark, error) {
	return f.carryOut(ctx, store.ActionRekey, o, func(dir *server.DataDir) (key []byte, note string, err error) {
		if note, err = f.verifyByOldKey(ctx, dir); err == nil {
			key, err = dir.ReplaceAuditKey(f.Now())
		}
		return key, note, err
	})
}

// carryOut locks the folder, and records an order with the key and the note that prepare returns.
func (f Folder) carryOut(
	ctx context.Context, action string, o Order, prepare func(*server.DataDir) (key []byte, note string, err error),
) (end deadletter.Mark, err error) {
	if err := o.check(); err != nil {
		return end, err
	}
	dir, err := server.OpenDataDir(f.Path)
	if err != nil {
		return end, err
	}
	if err := dir.Lock(); err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, dir.Unlock()) }()
	key, note, err := prepare(dir)
	if err != nil {
		return end, err
	}
	s, err := store.Open(ctx, dir.File(server.DeskFile), key, f.Log)
	if err != nil {
		return end, fmt.Errorf("open the store: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.AcceptAudit(ctx, store.Acceptance{
		Action: action, By: strings.TrimSpace(o.By), Reason: strings.TrimSpace(o.Reason), Note: note, At: f.Now(),
	})
}

// verifyByOldKey verifies the trail with the key that is about to be replaced, and returns the result as a text.
func (f Folder) verifyByOldKey(ctx context.Context, dir *server.DataDir) (string, error) {
	key, err := dir.AuditKey()
	if err != nil {
		return "without the old key: " + err.Error(), nil
	}
	report, err := f.verify(ctx, dir, key)
	switch _, isFault := errors.AsType[*store.ChainFault](err); {
	case err == nil:
		return fmt.Sprintf("intact under the old key up to %s", report.End), nil
	case isFault:
		return "under the old key: " + err.Error(), nil
	}
	return "", err
}

package worker

import (
	"context"
	"sync"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// maxCompiled is how many jobs have their recipe compiled at a time.
const maxCompiled = 8

// recipes holds the compiled recipes of running jobs, so that a table is not read for each message. A job that was
// started keeps its recipe.
type recipes struct {
	mu       sync.Mutex
	compiled map[deadletter.JobID]*payload.Recipe
}

// of returns how a job edits a message; nil if it does not. The recipe sees no header that is secret: it could copy
// that into the body.
func (r *recipes) of(
	ctx context.Context, tx *store.Tx, j deadletter.Job, masks *redact.Rules,
) (deadletter.Apply, error) {
	if !j.Action.Edits() {
		return nil, nil
	}
	recipe, err := r.compile(ctx, tx, j)
	if err != nil {
		return nil, err
	}
	return func(latest deadletter.Revision) ([]byte, error) {
		latest.Headers = masks.OpenHeaders(latest.Headers)
		return recipe.Apply(ctx, latest)
	}, nil
}

func (r *recipes) compile(ctx context.Context, tx *store.Tx, j deadletter.Job) (*payload.Recipe, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if recipe, ok := r.compiled[j.ID]; ok {
		return recipe, nil
	}
	var err error
	if j.Recipe.Table, err = tx.JobTable(ctx, j.ID); err != nil {
		return nil, err
	}
	recipe, err := payload.Compile(j.Recipe)
	if err != nil {
		return nil, err
	}
	if r.compiled == nil || len(r.compiled) == maxCompiled {
		r.compiled = map[deadletter.JobID]*payload.Recipe{}
	}
	r.compiled[j.ID] = recipe
	return recipe, nil
}

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

// edits are the bodies of messages after the recipe of a job. The zero value is of a job that does not edit.
type edits struct {
	recipe *payload.Recipe
	masks  func() *redact.Masks
	masked bool // the recipe sees no masked value
	done   map[deadletter.ID]edit
}

// edit is what the recipe made of a revision.
type edit struct {
	revision int
	body     []byte
	err      error
}

// editsOf applies the recipe of a job to messages. It does so outside of a write, because a recipe may take its time and
// all writers share one connection.
func (w *Worker) editsOf(
	ctx context.Context, j deadletter.Job, read map[deadletter.ID]store.Latest,
) (e edits, err error) {
	if !j.Action.Edits() {
		return e, nil
	}
	recipe, err := w.recipes.compile(ctx, w.store, j)
	if err != nil {
		return e, err
	}
	return w.edit(ctx, recipe, read)
}

// edit applies a recipe to messages, outside of a write.
func (w *Worker) edit(
	ctx context.Context, recipe *payload.Recipe, read map[deadletter.ID]store.Latest,
) (e edits, err error) {
	e = edits{recipe: recipe, masks: w.masks, done: map[deadletter.ID]edit{}}
	for id, latest := range read {
		revision := latest.Revision
		if revision.IsHead() {
			if revision, err = w.store.Revision(ctx, id, revision.Number); err != nil {
				return e, err
			}
		}
		body, err := e.apply(ctx, latest.Message, revision)
		e.done[id] = edit{revision.Number, body, err}
	}
	return e, nil
}

// of returns how the job edits the message of an item; nil if it does not. A message that was changed since is edited
// anew. One that the job's dry run would not change is refused.
func (e edits) of(ctx context.Context, m deadletter.Message, item store.Item) deadletter.Apply {
	if e.recipe == nil {
		return nil
	}
	return func(latest deadletter.Revision) ([]byte, error) {
		if item.Refusal != "" {
			return nil, deadletter.Errorf(deadletter.Invalid, "%s", item.Refusal)
		}
		if done, ok := e.done[m.ID]; ok && done.revision == latest.Number {
			return done.body, done.err
		}
		return e.apply(ctx, m, latest)
	}
}

// apply edits a revision. The recipe sees no header that is secret: it could copy that into the body.
func (e edits) apply(ctx context.Context, m deadletter.Message, latest deadletter.Revision) ([]byte, error) {
	body, _, err := e.try(ctx, m, latest)
	return body, err
}

// errMasked is why a recipe fails whose own words could be a masked value in another form.
var errMasked = deadletter.Errorf(deadletter.Invalid, "the recipe fails on a masked value of this message")

// try is apply, and reports whether the recipe changes the content. The words of a fault are shown, so they are those
// in which the recipe fails on the masked body.
func (e edits) try(
	ctx context.Context, m deadletter.Message, latest deadletter.Revision,
) (body []byte, changes bool, err error) {
	rules := e.masks().Of(m.Queue.ConfigName, m.Source)
	if e.masked {
		open, _ := rules.Open(latest)
		return e.recipe.Try(ctx, open)
	}
	seen := latest
	seen.Headers = rules.OpenHeaders(latest.Headers)
	body, changes, err = e.recipe.Try(ctx, seen)
	if err == nil || deadletter.KindOf(err) == deadletter.Internal {
		return body, changes, err
	}
	open, masked := rules.Open(latest)
	if !masked {
		return nil, false, err
	}
	if _, _, err = e.recipe.Try(ctx, open); err == nil {
		err = errMasked
	}
	return nil, false, err
}

func (r *recipes) compile(ctx context.Context, s *store.Store, j deadletter.Job) (*payload.Recipe, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if recipe, ok := r.compiled[j.ID]; ok {
		return recipe, nil
	}
	var err error
	if j.Recipe.Table, err = s.JobTable(ctx, j.ID); err != nil {
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

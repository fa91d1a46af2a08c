package desk

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// StartDryRun tries a recipe on every message of a draft, in the background. It takes the place of an earlier dry run
// of the draft; one that is running with the same recipe goes on. saved is the recipe that it was made of, if any.
func (d *Desk) StartDryRun(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID, saved deadletter.RecipeUse, recipe deadletter.Recipe,
) error {
	return d.startDryRun(ctx, by, id, saved, recipe, false)
}

// startDryRun is StartDryRun. If it is masked, the recipe sees the messages with their secret values masked.
func (d *Desk) startDryRun(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID, saved deadletter.RecipeUse,
	recipe deadletter.Recipe, masked bool,
) error {
	if err := by.May(deadletter.ActEdit); err != nil {
		return err
	}
	if err := d.reachesJob(ctx, by, id); err != nil {
		return err
	}
	recipe, err := d.Unmasked(ctx, by, saved, recipe)
	if err != nil {
		return err
	}
	if _, err := payload.Compile(recipe); err != nil {
		return err
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.Job(ctx, id)
		if err != nil {
			return err
		}
		run, err := j.TryOut(by, recipe, d.now())
		if err != nil {
			return err
		}
		run.Saved, run.Masked = saved.ID, masked
		before, err := tx.DryRun(ctx, id)
		if err != nil || before.State == deadletter.DryRunRunning && before.IsOf(recipe) &&
			before.Masked == masked {
			return err
		}
		return tx.AddDryRun(ctx, run)
	})
	if err == nil {
		d.kick()
	}
	return err
}

// CancelDryRun stops the dry run of a draft. What it has found stays.
func (d *Desk) CancelDryRun(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
	if err := d.reachesJob(ctx, by, id); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.Job(ctx, id)
		if err == nil {
			err = j.CheckTry(by, d.now())
		}
		if err != nil {
			return err
		}
		return tx.StopDryRun(ctx, id, d.now())
	})
}

// afterDryRun returns a draft as it would start with a recipe, see deadletter.Job.After.
func (d *Desk) afterDryRun(ctx context.Context, j deadletter.Job, recipe deadletter.Recipe) (deadletter.Job, error) {
	run, err := d.store.DryRun(ctx, j.ID)
	return j.After(run, recipe), err
}

// Preview is what a recipe makes of one message.
type Preview struct {
	Message       deadletter.Message
	Before, After deadletter.Revision
	Fault         error // why the recipe fails; After is empty then
	Changes       bool
	Departures    []payload.Difference // from delivered webhooks, of a message that it changes
}

const (
	// previews is how many messages of a draft a preview shows.
	previews = 5

	// previewTime bounds how long a preview takes. A recipe has a quarter of a second for each message.
	previewTime = 3 * time.Second

	// The messages of a preview are chosen among so many of store.JobSample, with bodies up to payload.MaxShaped and so
	// many bytes in all.
	previewSample = 60
	previewBytes  = 4 << 20

	// maxPreviewText is how much of a decoded body PreviewTexts returns, in bytes.
	maxPreviewText = 64 << 10

	maxPreviewed = 100 // drafts whose chosen messages are remembered
)

// previewCache remembers which messages of a draft a preview shows, so that they do not change while a person writes.
type previewCache struct {
	mu    sync.Mutex
	byJob map[deadletter.JobID][]deadletter.ID
}

// PreviewRecipe returns what a recipe makes of five messages of a draft that differ most, see differing, with the
// values masked that the viewer has not unmasked: a recipe could show them in another form. Nothing is written. It
// returns Invalid for a recipe that cannot be compiled.
func (d *Desk) PreviewRecipe(
	ctx context.Context, by Viewer, j deadletter.Job, recipe deadletter.Recipe,
) ([]Preview, error) {
	if err := j.CheckTry(by.Actor, d.now()); err != nil {
		return nil, err
	}
	compiled, err := payload.Compile(recipe)
	if err != nil {
		return nil, err
	}
	ids, err := d.previewed(ctx, j.ID)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	list := make([]Preview, 0, len(ids))
	for _, id := range ids {
		p, err := d.preview(limited, by, id, compiled)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// PreviewTexts returns the decoded bodies of a preview, masked. after is empty where the recipe fails.
func (d *Desk) PreviewTexts(p Preview) (before, after string) {
	rules := d.SourceOf(p.Message).Masks
	text := func(r deadletter.Revision) string {
		shown, _ := rules.Text(payload.Decode(r.Headers, r.Body, maxPreviewText).Bytes)
		return strings.ToValidUTF8(string(shown), "\uFFFD")
	}
	if before = text(p.Before); p.Fault == nil {
		after = text(p.After)
	}
	return before, after
}

// preview applies a recipe to the latest revision of one message, as far as the viewer sees it.
func (d *Desk) preview(
	ctx context.Context, by Viewer, id deadletter.ID, recipe *payload.Recipe,
) (p Preview, err error) {
	if p.Message, err = d.store.Message(ctx, id); err != nil {
		return p, err
	}
	if p.Before, err = d.store.Revision(ctx, id, p.Message.Revision); err != nil {
		return p, err
	}
	_, rules, err := d.Unmaskings(ctx, by, p.Message)
	if err != nil {
		return p, err
	}
	raw := p.Before
	open, _ := rules.Open(raw)
	p.Before.Body, p.Before.Size = open.Body, len(open.Body)
	body, changes, err := recipe.Try(ctx, open)
	if fault, ok := errors.AsType[*deadletter.Error](err); ok && fault.Kind != deadletter.Internal {
		secrets := rules.Secrets(raw.Headers, p.Message.Query, raw.Body)
		p.Fault = deadletter.Errorf(fault.Kind, "%s", secrets.HideText(fault.Text))
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.After, p.Changes = p.Before, changes
	p.After.Number, p.After.Body, p.After.Size = p.Before.Number+1, body, len(body)
	if changes {
		p.Departures, err = d.departures(ctx, p.Message, p.After)
	}
	return p, err
}

// departures returns how a revision of a message differs from nearly all delivered webhooks of its source and type.
func (d *Desk) departures(
	ctx context.Context, m deadletter.Message, r deadletter.Revision,
) ([]payload.Difference, error) {
	masks := d.masks()
	key := store.ShapeKey{Source: m.Source, EventType: m.EventType, Masks: masks.Of("", m.Source).Name()}
	delivered, err := d.store.Shape(ctx, key)
	if err != nil || delivered.Bodies == 0 {
		return nil, err
	}
	shape, _ := masks.Of(m.Queue.ConfigName, m.Source).Shape(payload.Decode(r.Headers, r.Body, payload.MaxShaped))
	if shape == nil {
		return nil, nil
	}
	return payload.Departures(shape, delivered), nil
}

// previewed returns the messages of a draft that its preview shows.
func (d *Desk) previewed(ctx context.Context, id deadletter.JobID) ([]deadletter.ID, error) {
	d.previews.mu.Lock()
	ids, known := d.previews.byJob[id]
	d.previews.mu.Unlock()
	if known {
		return ids, nil
	}
	sample, err := d.store.JobSample(ctx, id, previewSample)
	if err != nil {
		return nil, err
	}
	for _, latest := range differing(sample) {
		ids = append(ids, latest.Message.ID)
	}
	d.previews.mu.Lock()
	defer d.previews.mu.Unlock()
	if d.previews.byJob == nil || len(d.previews.byJob) == maxPreviewed {
		d.previews.byJob = map[deadletter.JobID][]deadletter.ID{}
	}
	d.previews.byJob[id] = ids
	return ids, nil
}

// differing chooses the messages of a sample that differ most, the same ones each time. The first is the first of the
// sample. Each next one is of a source that none has yet, else of another cause, else the one whose shape is least like
// any that was chosen; of several the first. Bodies that are too large for a shape come last.
func differing(sample []store.Latest) (chosen []store.Latest) {
	shapes, read := make([]*payload.Shape, len(sample)), 0
	for i, latest := range sample {
		r := latest.Revision
		if size := len(r.Body); !r.IsHead() && size <= payload.MaxShaped && read+size <= previewBytes {
			shapes[i] = payload.ShapeOf(payload.Decode(r.Headers, r.Body, payload.MaxShaped), "\x00")
			read += size
		}
	}
	sources, causes := map[string]bool{}, map[string]bool{}
	likeness := make([]float64, len(sample)) // the highest to one that was chosen; 2: it was chosen
	for len(chosen) < min(previews, len(sample)) {
		best, most := -1, -1.0
		for i, latest := range sample {
			m, news := latest.Message, 1-likeness[i]
			if likeness[i] > 1 {
				continue
			}
			if !causes[m.Fingerprint] {
				news += 2
			}
			if !sources[m.Source] {
				news += 4
			}
			if shapes[i] == nil {
				news /= 8
			}
			if news > most {
				best, most = i, news
			}
		}
		chosen, likeness[best] = append(chosen, sample[best]), 2
		sources[sample[best].Message.Source], causes[sample[best].Message.Fingerprint] = true, true
		for i, shape := range shapes {
			if shape != nil && shapes[best] != nil && likeness[i] <= 1 {
				likeness[i] = max(likeness[i], shape.Likeness(shapes[best]))
			}
		}
	}
	return chosen
}

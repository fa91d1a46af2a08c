package desk

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// JobMessages returns one page of the messages of a job with their results, in the order of receipt, masked as pages
// show them.
func (d *Desk) JobMessages(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID, cursor string, limit int,
) (page store.Page[store.JobMessage], err error) {
	j, err := d.Job(ctx, by, id)
	if err != nil {
		return page, err
	}
	if page.Items, page.Older, err = d.store.JobMessages(ctx, id, cursor, limit); err != nil {
		return page, err
	}
	return page, d.Hider().JobMessages(ctx, j, page.Items)
}

// JobMessages masks messages of a job and their results.
func (h *Hider) JobMessages(ctx context.Context, j deadletter.Job, list []store.JobMessage) error {
	messages := make([]deadletter.Message, len(list))
	for i, m := range list {
		messages[i] = m.Message
	}
	if err := h.Messages(ctx, messages); err != nil {
		return err
	}
	for i := range list {
		list[i].Message, list[i].Error = messages[i], h.Text(list[i].Error, j.StartedAt)
	}
	return nil
}

// JobFaults returns what messages of a job failed or were skipped for, most frequent first, masked.
func (d *Desk) JobFaults(ctx context.Context, by deadletter.Actor, id deadletter.JobID) ([]store.Fault, error) {
	j, err := d.Job(ctx, by, id)
	if err != nil {
		return nil, err
	}
	list, err := d.store.JobFaults(ctx, id)
	hider := d.Hider()
	for i := range list {
		list[i].Text = hider.Text(list[i].Text, j.StartedAt)
	}
	return list, err
}

// MaskedDryRun returns the latest dry run of a job for an assistant. It returns NotFound if the job has none, and if that
// read what is masked: from such counts an assistant could tell something of masked values.
func (d *Desk) MaskedDryRun(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID,
) (deadletter.DryRun, error) {
	run, _, err := d.DryRun(ctx, by, id)
	if err == nil && !run.Masked {
		err = deadletter.Errorf(deadletter.NotFound, "job %d has no dry run for assistants", id)
	}
	return run, err
}

// DryRun returns the latest dry run of a job with the groups of what it found, masked. It returns NotFound if the job
// has none.
func (d *Desk) DryRun(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID,
) (run deadletter.DryRun, groups []deadletter.DryRunGroup, err error) {
	if _, err := d.Job(ctx, by, id); err != nil {
		return run, nil, err
	}
	if run, err = d.store.DryRun(ctx, id); err != nil {
		return run, nil, err
	}
	if run.ID == 0 {
		return run, nil, deadletter.Errorf(deadletter.NotFound, "job %d has no dry run", id)
	}
	groups, err = d.store.DryRunGroups(ctx, run.ID)
	hider := d.Hider()
	run.Recipe.Text = hider.Patch(run.Recipe.Text)
	for i := range groups {
		groups[i].Refusal = hider.Text(groups[i].Refusal, run.StartedAt)
	}
	return run, groups, err
}

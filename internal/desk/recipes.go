package desk

import (
	"context"
	"errors"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// SaveRecipe makes a text the next version of a saved recipe. base is the version that the person changed: values that
// are masked in the text are those of it.
func (d *Desk) SaveRecipe(
	ctx context.Context, by deadletter.Actor, id deadletter.RecipeID, base int, r deadletter.Recipe,
) error {
	if err := by.May(deadletter.ActEdit); err != nil {
		return err
	}
	if err := d.reachesRecipe(ctx, by, id); err != nil {
		return err
	}
	r, err := d.Unmasked(ctx, by, deadletter.RecipeUse{ID: id, Version: base}, r)
	if err != nil {
		return err
	}
	if _, err := payload.Compile(r); err != nil {
		return err
	}
	return d.changeRecipe(ctx, id, func(s savedRecipe, _ []savedRecipe) (deadletter.RecipeChange, error) {
		return s.Save(by, base, r, d.now())
	})
}

// ArchiveRecipe puts a saved recipe away: it is no longer offered.
func (d *Desk) ArchiveRecipe(ctx context.Context, by deadletter.Actor, id deadletter.RecipeID) error {
	if err := d.reachesRecipe(ctx, by, id); err != nil {
		return err
	}
	return d.changeRecipe(ctx, id, func(s savedRecipe, _ []savedRecipe) (deadletter.RecipeChange, error) {
		return s.Archive(by, d.now())
	})
}

// RestoreRecipe brings an archived recipe back. It returns Conflict if another one of its cause has its name now.
func (d *Desk) RestoreRecipe(ctx context.Context, by deadletter.Actor, id deadletter.RecipeID) error {
	if err := d.reachesRecipe(ctx, by, id); err != nil {
		return err
	}
	return d.changeRecipe(ctx, id, func(s savedRecipe, others []savedRecipe) (deadletter.RecipeChange, error) {
		return s.Restore(by, others, d.now())
	})
}

type savedRecipe = deadletter.SavedRecipe

// changeRecipe applies a change of a saved recipe. decide gets it with the recipes in use of its cause.
func (d *Desk) changeRecipe(
	ctx context.Context, id deadletter.RecipeID,
	decide func(s savedRecipe, inUse []savedRecipe) (deadletter.RecipeChange, error),
) error {
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		s, err := tx.Recipe(ctx, id)
		if err != nil {
			return err
		}
		inUse, err := tx.RecipesOf(ctx, s.Cause)
		if err != nil {
			return err
		}
		change, err := decide(s, inUse)
		if err != nil {
			return err
		}
		_, err = tx.ApplyRecipe(ctx, change)
		return err
	})
}

// SaveJobRecipe saves the recipe of a job that was started, under a name, for the cause that most of its messages had.
// From then on the job counts for the record of the recipe. It returns Conflict if the recipe is saved already.
func (d *Desk) SaveJobRecipe(ctx context.Context, by deadletter.Actor, id deadletter.JobID, name string) error {
	if err := by.May(deadletter.ActEdit); err != nil {
		return err
	}
	j, err := d.Job(ctx, by, id)
	if err != nil {
		return err
	}
	cause, err := d.mainCause(ctx, j)
	if err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.Job(ctx, id)
		if err != nil {
			return err
		}
		if err := j.CheckSave(); err != nil {
			return err
		}
		if j.Saved, err = d.addRecipe(ctx, tx, by, cause, name, j.Recipe); err != nil {
			return err
		}
		return tx.AdoptRecipe(ctx, j)
	})
}

// mainCause returns the fingerprint of the cause that most messages of a job have; "" if they have none.
func (d *Desk) mainCause(ctx context.Context, j deadletter.Job) (string, error) {
	causes, err := d.store.JobCauses(ctx, j.ID, 1)
	if err != nil || len(causes) > 0 {
		if err == nil {
			return causes[0].Fingerprint, nil
		}
		return "", err
	}
	shares, err := d.store.JobShares(ctx, j)
	if err != nil {
		return "", err
	}
	messages, most := map[string]int{}, ""
	for _, share := range shares {
		messages[share.Cause] += share.Messages
		if share.Cause != "" && (most == "" || messages[share.Cause] > messages[most]) {
			most = share.Cause
		}
	}
	return most, nil
}

// SavedRecipe returns the recipe that a version of a saved one is, with the values that are masked where it is shown.
func (d *Desk) SavedRecipe(
	ctx context.Context, by deadletter.Actor, use deadletter.RecipeUse,
) (deadletter.Recipe, error) {
	if err := errors.Join(by.May(deadletter.ActEdit), d.reachesRecipe(ctx, by, use.ID)); err != nil {
		return deadletter.Recipe{}, err
	}
	v, err := d.store.RecipeVersion(ctx, use.ID, use.Version)
	return v.Edit(), err
}

// Unmasked returns a recipe with the values that its text hides: those of the version that it was made of.
func (d *Desk) Unmasked(
	ctx context.Context, by deadletter.Actor, of deadletter.RecipeUse, r deadletter.Recipe,
) (deadletter.Recipe, error) {
	if of.ID == 0 {
		return r, nil
	}
	if err := d.reachesRecipe(ctx, by, of.ID); err != nil {
		return r, err
	}
	base, err := d.store.RecipeVersion(ctx, of.ID, of.Version)
	if err != nil {
		return r, err
	}
	text, err := d.masks().All().Restore([]byte(r.Text), []byte(base.Text))
	r.Text = string(text)
	return r, deadletter.About(deadletter.FieldPatch, err)
}

// savedWith returns the version of a saved recipe that the recipe of a draft is, and saves it first if the input names
// it: as the next version of the one that it was made of, or as a new recipe of the cause.
func (d *Desk) savedWith(
	ctx context.Context, tx *store.Tx, by deadletter.Actor, j deadletter.Job, cause string, in deadletter.JobInput,
) (use deadletter.RecipeUse, err error) {
	if j.State != deadletter.JobDraft || !j.Action.Edits() {
		return use, nil
	}
	switch {
	case in.Saved.ID == 0 && in.SaveAs == "":
		return use, nil
	case in.Saved.ID == 0:
		return d.addRecipe(ctx, tx, by, cause, in.SaveAs, in.Recipe)
	}
	chosen, err := tx.Recipe(ctx, in.Saved.ID)
	if err != nil {
		return use, err
	}
	base, err := tx.RecipeVersion(ctx, in.Saved.ID, in.Saved.Version)
	switch {
	case err != nil:
		return use, err
	case in.SaveAs != "" && !strings.EqualFold(in.SaveAs, chosen.Name):
		return d.addRecipe(ctx, tx, by, cause, in.SaveAs, in.Recipe)
	case base.Is(in.Recipe):
		return deadletter.RecipeUse{ID: chosen.ID, Version: base.Number, Name: chosen.Name}, nil
	case in.SaveAs == "":
		return use, nil
	}
	change, err := chosen.Save(by, base.Number, in.Recipe, d.now())
	if err != nil {
		return use, err
	}
	chosen, err = tx.ApplyRecipe(ctx, change)
	return chosen.Use(), err
}

// addRecipe saves a recipe for a cause under a name.
func (d *Desk) addRecipe(
	ctx context.Context, tx *store.Tx, by deadletter.Actor, cause, name string, r deadletter.Recipe,
) (use deadletter.RecipeUse, err error) {
	if cause == "" {
		return use, deadletter.About(deadletter.FieldName, deadletter.Errorf(
			deadletter.Invalid, "a recipe is saved for a cause, and these messages have none: leave the name empty",
		))
	}
	c, err := tx.Cause(ctx, cause)
	if err != nil {
		return use, err
	}
	others, err := tx.RecipesOf(ctx, c.Fingerprint)
	if err != nil {
		return use, err
	}
	change, err := c.NewRecipe(by, d.masks().All().Note(name), r, others, d.now())
	if err != nil {
		return use, err
	}
	saved, err := tx.ApplyRecipe(ctx, change)
	return saved.Use(), err
}

// bestRecipes returns the recipe of each cause that is likely to fix most messages.
func (d *Desk) bestRecipes(
	ctx context.Context, causes []deadletter.Cause,
) (map[string]deadletter.SavedRecipe, error) {
	fingerprints := make([]string, len(causes))
	for i, c := range causes {
		fingerprints[i] = c.Fingerprint
	}
	list, err := d.store.RecipesOf(ctx, fingerprints, false)
	if err != nil {
		return nil, err
	}
	deadletter.SortRecipes(list)
	best := map[string]deadletter.SavedRecipe{}
	for _, s := range list {
		if _, ok := best[s.Cause]; !ok {
			best[s.Cause] = s
		}
	}
	return best, nil
}

// Recipes masks the names and texts of saved recipes.
func (h *Hider) Recipes(list []deadletter.SavedRecipe) {
	for i := range list {
		list[i].Name = h.Note(list[i].Name)
		h.RecipeVersion(&list[i].Latest)
	}
}

// RecipeVersion masks the text of a version.
func (h *Hider) RecipeVersion(v *deadletter.RecipeVersion) { v.Text = h.Patch(v.Text) }

// Recipe returns a saved recipe as it may be shown.
func (d *Desk) Recipe(
	ctx context.Context, by deadletter.Actor, id deadletter.RecipeID,
) (s deadletter.SavedRecipe, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return s, err
	}
	if err := d.reachesRecipe(ctx, by, id); err != nil {
		return s, err
	}
	if s, err = d.store.Recipe(ctx, id); err != nil {
		return s, err
	}
	list := []deadletter.SavedRecipe{s}
	d.Hider().Recipes(list)
	return list[0], nil
}

// reachesRecipe returns NotFound for a recipe of a cause that the actor does not reach.
func (d *Desk) reachesRecipe(ctx context.Context, by deadletter.Actor, id deadletter.RecipeID) error {
	if by.Sources == "" {
		return nil
	}
	s, err := d.store.Recipe(ctx, id)
	if err != nil {
		return err
	}
	return d.reachesCause(ctx, by, s.Cause)
}

// Recipes returns one page of the saved recipes in use or of archived ones, newest first, as they may be shown; or all
// of one cause, the likeliest to help first. Without a cause it returns Forbidden for an actor who is limited to some
// sources.
func (d *Desk) Recipes(
	ctx context.Context, by deadletter.Actor, cause string, archived bool, cursor string, limit int,
) (page store.Page[deadletter.SavedRecipe], err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return page, err
	}
	if cause == "" {
		if err = by.ReachesAll(); err == nil {
			page, err = d.store.Recipes(ctx, archived, cursor, limit)
		}
	} else if err = d.reachesCause(ctx, by, cause); err == nil {
		page.Items, err = d.store.RecipesOf(ctx, []string{cause}, archived)
		deadletter.SortRecipes(page.Items)
	}
	d.Hider().Recipes(page.Items)
	return page, err
}

// RecipeVersions returns the versions of a saved recipe, latest first, as they may be shown.
func (d *Desk) RecipeVersions(
	ctx context.Context, by deadletter.Actor, id deadletter.RecipeID,
) ([]deadletter.RecipeVersion, error) {
	if _, err := d.Recipe(ctx, by, id); err != nil {
		return nil, err
	}
	list, err := d.store.RecipeVersions(ctx, id)
	hider := d.Hider()
	for i := range list {
		hider.RecipeVersion(&list[i])
	}
	return list, err
}

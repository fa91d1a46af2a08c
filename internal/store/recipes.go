package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// maxRecipeHead is how many characters of their texts lists of recipes have.
const maxRecipeHead = 300

const (
	// %s is the text, or its beginning.
	versionColumns = `v.recipe, v.number, v.kind, %s, v.by, v.at, v.jobs, v.delivered, v.failed, v.used_by, v.used_at`
	recipeColumns  = `r.id,
		coalesce((SELECT moved_to FROM moved_causes WHERE fingerprint = r.fingerprint), r.fingerprint), r.name,
		r.archived_by, r.archived_at, r.jobs, r.delivered, r.failed, r.used_by, r.used_at, ` + versionColumns
	withLatest = ` CROSS JOIN recipe_versions v ON v.recipe = r.id AND v.number = r.version`
)

var (
	wholeRecipe = fmt.Sprintf(recipeColumns, "v.text")
	recipeHead  = fmt.Sprintf(recipeColumns, fmt.Sprintf("substr(v.text, 1, %d)", maxRecipeHead))

	recipeByID    = `SELECT ` + wholeRecipe + ` FROM recipes r` + withLatest + ` WHERE r.id = ?`
	recipeVersion = `SELECT ` + fmt.Sprintf(versionColumns, "v.text") + ` FROM recipe_versions v
		WHERE v.recipe = ? AND v.number = ?`
	recipeVersions = `SELECT ` + fmt.Sprintf(versionColumns, "v.text") + ` FROM recipe_versions v
		WHERE v.recipe = ? ORDER BY v.number DESC LIMIT ?`

	// Recipes of causes that became part of one of these are among them, and go with their causes if these come back.
	recipesOf = `WITH present (cause) AS MATERIALIZED (SELECT DISTINCT coalesce((SELECT moved_to FROM moved_causes
			WHERE fingerprint = asked.value), asked.value) FROM json_each(?) asked),
		every (fingerprint) AS (SELECT cause FROM present
			UNION ALL SELECT m.fingerprint FROM present CROSS JOIN moved_causes m ON m.moved_to = present.cause)
		SELECT ` + recipeHead + ` FROM every
		CROSS JOIN recipes r ON r.fingerprint = every.fingerprint AND r.archived_at %s` +
		withLatest + ` ORDER BY r.id DESC LIMIT ?`
)

func scanRecord(r *deadletter.RecipeRecord) (into []any, done func()) {
	var failed int
	var at sql.NullInt64
	return []any{&r.Jobs, &r.Delivered, &failed, &r.By, &at}, func() {
		r.Tried, r.At = r.Delivered+failed, sqlite.Time(at)
	}
}

func scanRecipeVersion(r sqlite.Row) (v deadletter.RecipeVersion, err error) {
	var at int64
	record, done := scanRecord(&v.Record)
	err = r.Scan(append([]any{&v.Recipe, &v.Number, &v.Kind, &v.Text, &v.By, &at}, record...)...)
	v.At = time.UnixMilli(at).UTC()
	done()
	return v, err
}

func scanRecipe(r sqlite.Row) (int64, deadletter.SavedRecipe, error) {
	var s deadletter.SavedRecipe
	var archived sql.NullInt64
	record, done := scanRecord(&s.Record)
	version, err := scanRecipeVersion(scanFunc(func(version ...any) error {
		into := append([]any{&s.ID, &s.Cause, &s.Name, &s.ArchivedBy, &archived}, record...)
		return r.Scan(append(into, version...)...)
	}))
	done()
	s.Latest, s.ArchivedAt = version, sqlite.Time(archived)
	return int64(s.ID), s, err
}

func recipe(ctx context.Context, q sqlite.Querier, id deadletter.RecipeID) (deadletter.SavedRecipe, error) {
	_, s, err := scanRecipe(q.QueryRowContext(ctx, recipeByID, id))
	return s, notFound(err, "there is no recipe %d", id)
}

// Recipe returns the saved recipe with the given id and its latest version, also if it is archived. It returns NotFound
// if there is none.
func (s *Store) Recipe(ctx context.Context, id deadletter.RecipeID) (deadletter.SavedRecipe, error) {
	return recipe(ctx, s.db, id)
}

// Recipe is Store.Recipe as this transaction sees it.
func (t *Tx) Recipe(ctx context.Context, id deadletter.RecipeID) (deadletter.SavedRecipe, error) {
	return recipe(ctx, t.tx, id)
}

func oneRecipeVersion(
	ctx context.Context, q sqlite.Querier, id deadletter.RecipeID, number int,
) (deadletter.RecipeVersion, error) {
	v, err := scanRecipeVersion(q.QueryRowContext(ctx, recipeVersion, id, number))
	return v, notFound(err, "recipe %d has no version %d", id, number)
}

// RecipeVersion returns one version of a saved recipe. It returns NotFound if there is none.
func (s *Store) RecipeVersion(
	ctx context.Context, id deadletter.RecipeID, number int,
) (deadletter.RecipeVersion, error) {
	return oneRecipeVersion(ctx, s.db, id, number)
}

// RecipeVersion is Store.RecipeVersion as this transaction sees it.
func (t *Tx) RecipeVersion(
	ctx context.Context, id deadletter.RecipeID, number int,
) (deadletter.RecipeVersion, error) {
	return oneRecipeVersion(ctx, t.tx, id, number)
}

// RecipeVersions returns the versions of a saved recipe, newest first.
func (s *Store) RecipeVersions(
	ctx context.Context, id deadletter.RecipeID,
) (list []deadletter.RecipeVersion, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		v, err := scanRecipeVersion(r)
		list = append(list, v)
		return err
	}, recipeVersions, id, deadletter.MaxRecipeVersions)
	if err != nil {
		return nil, fmt.Errorf("read versions of the recipe %d: %w", id, err)
	}
	return list, nil
}

// maxRecipesOf bounds how many recipes of some causes are read.
const maxRecipesOf = 1000

func recipesOfCauses(
	ctx context.Context, q sqlite.Querier, fingerprints []string, archived bool,
) (list []deadletter.SavedRecipe, err error) {
	if len(fingerprints) == 0 {
		return nil, nil
	}
	asked, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	state := "IS NULL"
	if archived {
		state = "IS NOT NULL"
	}
	err = sqlite.Each(ctx, q, func(r sqlite.Row) error {
		_, s, err := scanRecipe(r)
		list = append(list, s)
		return err
	}, fmt.Sprintf(recipesOf, state), asked, maxRecipesOf)
	if err != nil {
		return nil, fmt.Errorf("read recipes of causes: %w", err)
	}
	return list, nil
}

// RecipesOf returns the recipes of causes, those in use or those that were archived, newest first.
func (s *Store) RecipesOf(
	ctx context.Context, fingerprints []string, archived bool,
) ([]deadletter.SavedRecipe, error) {
	return recipesOfCauses(ctx, s.db, fingerprints, archived)
}

// RecipesOf returns the recipes in use of a cause, as this transaction sees them.
func (t *Tx) RecipesOf(ctx context.Context, fingerprint string) ([]deadletter.SavedRecipe, error) {
	return recipesOfCauses(ctx, t.tx, []string{fingerprint}, false)
}

// Recipes returns one page of all recipes, those in use or those that were archived, newest first.
func (s *Store) Recipes(
	ctx context.Context, archived bool, cursor string, limit int,
) (Page[deadletter.SavedRecipe], error) {
	at, newer, err := parseCursor(cursor, false)
	if err != nil {
		return Page[deadletter.SavedRecipe]{}, err
	}
	var state conditions
	if state.add("r.archived_at IS NULL"); archived {
		state.terms[0] = "r.archived_at IS NOT NULL"
	}
	page, err := keyset[deadletter.SavedRecipe]{
		columns: recipeHead, from: "recipes r" + withLatest, key: "r.id", conditions: state, scan: scanRecipe,
	}.page(ctx, s.db, at, newer, limit)
	if err != nil {
		return page, fmt.Errorf("read recipes: %w", err)
	}
	return page, nil
}

const (
	insertRecipe = `INSERT INTO recipes (fingerprint, name, version) VALUES (?, ?, ?)`
	addVersion   = `INSERT INTO recipe_versions (recipe, number, kind, text, by, at) VALUES (?, ?, ?, ?, ?, ?)`
	updateRecipe = `UPDATE recipes SET version = ?, archived_by = ?, archived_at = ? WHERE id = ?`
)

// ApplyRecipe writes a change of a saved recipe with its audit event. It returns the recipe, with its id if it is new.
func (t *Tx) ApplyRecipe(ctx context.Context, c deadletter.RecipeChange) (deadletter.SavedRecipe, error) {
	s := c.After
	if err := t.writeRecipe(ctx, &s, c.Before); err != nil {
		return s, fmt.Errorf("write recipe %d: %w", s.ID, err)
	}
	c.Event.Target = s.ID.String()
	return s, t.Record(ctx, c.Event)
}

func (t *Tx) writeRecipe(ctx context.Context, s *deadletter.SavedRecipe, before deadletter.SavedRecipe) error {
	if before.ID == 0 {
		added, err := t.tx.ExecContext(ctx, insertRecipe, s.Cause, s.Name, s.Latest.Number)
		if err != nil {
			return err
		}
		id, err := added.LastInsertId()
		if err != nil {
			return err
		}
		s.ID = deadletter.RecipeID(id)
		s.Latest.Recipe = s.ID
	} else if _, err := t.tx.ExecContext(
		ctx, updateRecipe, s.Latest.Number, s.ArchivedBy, sqlite.Millis(s.ArchivedAt), s.ID,
	); err != nil {
		return err
	}
	if s.Latest.Number == before.Latest.Number {
		return nil
	}
	v := s.Latest
	_, err := t.tx.ExecContext(ctx, addVersion, s.ID, v.Number, v.Kind, v.Text, v.By, v.At.UnixMilli())
	return err
}

const (
	setSavedRecipe = `UPDATE jobs SET saved_recipe = ?, saved_version = ? WHERE id = ?`

	countUse = ` SET jobs = jobs + 1, used_by = iif(coalesce(used_at, 0) <= ?2, ?1, used_by),
		used_at = max(coalesce(used_at, 0), ?2) `
	useOfRecipe  = `UPDATE recipes` + countUse + `WHERE id = ?3`
	useOfVersion = `UPDATE recipe_versions` + countUse + `WHERE recipe = ?3 AND number = ?4`

	countRecipe  = `UPDATE recipes SET delivered = delivered + ?, failed = failed + ? WHERE id = ?`
	countVersion = `UPDATE recipe_versions SET delivered = delivered + ?, failed = failed + ?
		WHERE recipe = ? AND number = ?`
)

// useRecipe notes which version of a saved recipe a job uses.
func (t *Tx) useRecipe(ctx context.Context, j deadletter.Job) error {
	use := j.Saved
	if use.ID == 0 {
		return nil
	}
	at := j.StartedAt.UnixMilli()
	_, err := t.tx.ExecContext(ctx, setSavedRecipe, use.ID, use.Version, j.ID)
	if err == nil {
		_, err = t.tx.ExecContext(ctx, useOfRecipe, j.By.Name, at, use.ID)
	}
	if err == nil {
		_, err = t.tx.ExecContext(ctx, useOfVersion, j.By.Name, at, use.ID, use.Version)
	}
	if err != nil {
		return fmt.Errorf("write the use of recipe %d: %w", use.ID, err)
	}
	return nil
}

// AdoptRecipe notes that a job that was started has the text of a version of a saved recipe, and counts its results.
func (t *Tx) AdoptRecipe(ctx context.Context, j deadletter.Job) error {
	if err := t.useRecipe(ctx, j); err != nil {
		return err
	}
	return t.countForRecipe(ctx, j.Action, j.Saved, j.Items.Done, j.Items.Failed)
}

// countForRecipe counts results of a job for the saved recipe that it uses, if it replays messages with one.
func (t *Tx) countForRecipe(
	ctx context.Context, a deadletter.Action, use deadletter.RecipeUse, delivered, failed int,
) error {
	if use.ID == 0 || a != deadletter.ActEdit || delivered+failed == 0 {
		return nil
	}
	return t.CountRecipe(ctx, use, deadletter.Replays{Tried: delivered + failed, Delivered: delivered})
}

// CountRecipe adds replays to the record of a version of a saved recipe.
func (t *Tx) CountRecipe(ctx context.Context, use deadletter.RecipeUse, n deadletter.Replays) error {
	_, err := t.tx.ExecContext(ctx, countRecipe, n.Delivered, n.Tried-n.Delivered, use.ID)
	if err == nil {
		_, err = t.tx.ExecContext(ctx, countVersion, n.Delivered, n.Tried-n.Delivered, use.ID, use.Version)
	}
	return err
}

const jobsWithRecipe = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.saved_recipe = ? ORDER BY j.id DESC LIMIT ?`

// RecipeJobs returns the jobs that used a saved recipe, newest first.
func (s *Store) RecipeJobs(ctx context.Context, id deadletter.RecipeID, limit int) ([]deadletter.Job, error) {
	return jobs(ctx, s.db, "a recipe's", jobsWithRecipe, id, limit)
}

package deadletter

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// RecipeID identifies a saved recipe. Newer ones have higher ids.
type RecipeID int64

func (id RecipeID) String() string { return strconv.FormatInt(int64(id), 10) }

// SavedRecipe is a recipe that people keep for a cause under a name, and what it came to. Its table is not kept: that
// is data of customers.
type SavedRecipe struct {
	ID         RecipeID
	Cause      string // the fingerprint of the cause as messages are grouped now
	Name       string
	Latest     RecipeVersion // lists have the beginning of its text only
	Record     RecipeRecord  // of all versions
	ArchivedBy string
	ArchivedAt time.Time // zero: it is in use
}

// RecipeVersion is one text of a saved recipe. It never changes: another text is another version.
type RecipeVersion struct {
	Recipe RecipeID
	Number int // from 1
	Kind   RecipeKind
	Text   string
	By     string
	At     time.Time
	Record RecipeRecord
}

// RecipeRecord is what the jobs with a recipe came to. Redrives count as jobs only: what became of their messages is
// not known.
type RecipeRecord struct {
	Jobs int
	Replays
	By string    // who started the latest job
	At time.Time // when
}

// RecipeUse names the version of a saved recipe that made an edit; the zero value: none did.
type RecipeUse struct {
	ID      RecipeID
	Version int
	Name    string // of the recipe, for display
}

const (
	// MaxRecipes is how many recipes in use a cause may have.
	MaxRecipes = 100

	// MaxRecipeVersions is how many versions a recipe may have.
	MaxRecipeVersions = 200

	// MaxRecipeName is how many characters the name of a recipe may have.
	MaxRecipeName = 60
)

// Use returns the use of the latest version.
func (s SavedRecipe) Use() RecipeUse { return RecipeUse{s.ID, s.Latest.Number, s.Name} }

// Archived reports whether the recipe was put away.
func (s SavedRecipe) Archived() bool { return !s.ArchivedAt.IsZero() }

// Edit returns the edit that the version is, without a table.
func (v RecipeVersion) Edit() Recipe { return Recipe{Kind: v.Kind, Text: v.Text} }

// Is reports whether a recipe is that version; any table may go with it.
func (v RecipeVersion) Is(r Recipe) bool {
	return cmp.Or(v.Kind, MergePatch) == cmp.Or(r.Kind, MergePatch) && v.Text == r.Text
}

// Likely is a guess from 0 to 1 of how many messages the recipe fixes, by its latest version or, if that was not used
// yet, by those before. Few results count for less than many.
func (s SavedRecipe) Likely() float64 {
	record := s.Latest.Record
	if record.Tried == 0 {
		record = s.Record
	}
	return float64(record.Delivered+1) / float64(record.Tried+2)
}

// SortRecipes sorts recipes by how many messages they are likely to fix, best first, then newest first.
func SortRecipes(list []SavedRecipe) {
	slices.SortStableFunc(list, func(a, b SavedRecipe) int {
		return cmp.Or(cmp.Compare(b.Likely(), a.Likely()), cmp.Compare(b.ID, a.ID))
	})
}

// RecipeChange is one change of a saved recipe with its audit event. Before is the zero SavedRecipe, and After has no
// id yet, if it is new.
type RecipeChange struct {
	Before, After SavedRecipe
	Event         Event
}

// recipeTarget is the target kind of events about a saved recipe.
const recipeTarget = "recipe"

// NewRecipe saves a recipe for the cause under a name. others are the recipes of the cause that are in use. It returns
// Invalid for a bad name, and Conflict if one of the others has it.
func (c Cause) NewRecipe(by Actor, name string, r Recipe, others []SavedRecipe, at time.Time) (RecipeChange, error) {
	if err := by.May(ActEdit); err != nil {
		return RecipeChange{}, err
	}
	name, err := checkRecipeName(name, others, at)
	if err != nil {
		return RecipeChange{}, err
	}
	if len(others) >= MaxRecipes {
		return RecipeChange{}, aboutName(Invalid, "this cause has %d recipes: archive one first", len(others))
	}
	next := SavedRecipe{Cause: c.Fingerprint, Name: name, Latest: newVersion(by, 1, r, at)}
	return next.changedFrom(SavedRecipe{}, by, "save", at)
}

// checkRecipeName returns the name as it is kept. It returns Conflict if another recipe has it.
func checkRecipeName(name string, others []SavedRecipe, at time.Time) (string, error) {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "\uFFFD")), " ")
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxRecipeName {
		return "", aboutName(Invalid, "give the recipe a name of 1 to %d characters", MaxRecipeName)
	}
	for _, other := range others {
		if strings.EqualFold(other.Name, name) {
			return "", aboutName(
				Conflict, "%s saved a recipe %q of this cause %s: choose it in the list, or give another name",
				other.Latest.By, other.Name, ago(other.Latest.At, at),
			)
		}
	}
	return name, nil
}

func aboutName(kind Kind, format string, args ...any) error {
	return About(FieldName, Errorf(kind, format, args...))
}

func newVersion(by Actor, number int, r Recipe, at time.Time) RecipeVersion {
	return RecipeVersion{Number: number, Kind: cmp.Or(r.Kind, MergePatch), Text: r.Text, By: by.Name, At: at}
}

// Save makes another text the next version of the recipe. base is the version that the person changed: it returns
// Conflict if that is not the latest one, if the text is the same, or if the recipe was archived.
func (s SavedRecipe) Save(by Actor, base int, r Recipe, at time.Time) (RecipeChange, error) {
	if err := by.May(ActEdit); err != nil {
		return RecipeChange{}, err
	}
	switch {
	case s.Archived():
		return RecipeChange{}, aboutName(Conflict, "%s archived this recipe %s: restore it first, or give another name",
			s.ArchivedBy, ago(s.ArchivedAt, at))
	case base != s.Latest.Number:
		return RecipeChange{}, aboutName(
			Conflict, "%s saved version %d of %q %s: look at it, then save again",
			s.Latest.By, s.Latest.Number, s.Name, ago(s.Latest.At, at),
		)
	case s.Latest.Is(r):
		return RecipeChange{}, Errorf(Conflict, "version %d says that already", s.Latest.Number)
	case s.Latest.Number >= MaxRecipeVersions:
		return RecipeChange{}, aboutName(Invalid, "this recipe has %d versions: save it under another name",
			s.Latest.Number)
	}
	next := s
	next.Latest = newVersion(by, s.Latest.Number+1, r, at)
	next.Latest.Recipe = s.ID
	return next.changedFrom(s, by, "save", at)
}

// Archive puts the recipe away: it is no longer offered. It returns Conflict if it was archived already.
func (s SavedRecipe) Archive(by Actor, at time.Time) (RecipeChange, error) {
	if err := by.May(ActEdit); err != nil {
		return RecipeChange{}, err
	}
	if s.Archived() {
		return RecipeChange{}, Errorf(Conflict, "%s archived this recipe %s", s.ArchivedBy, ago(s.ArchivedAt, at))
	}
	next := s
	next.ArchivedBy, next.ArchivedAt = by.Name, at
	return next.changedFrom(s, by, "archive", at)
}

// Restore brings an archived recipe back. others are the recipes of its cause that are in use: it returns Conflict if
// one of them has its name, or if it was not archived.
func (s SavedRecipe) Restore(by Actor, others []SavedRecipe, at time.Time) (RecipeChange, error) {
	if err := by.May(ActEdit); err != nil {
		return RecipeChange{}, err
	}
	if !s.Archived() {
		return RecipeChange{}, Errorf(Conflict, "this recipe is not archived")
	}
	for _, other := range others {
		if strings.EqualFold(other.Name, s.Name) {
			return RecipeChange{}, Errorf(
				Conflict, "%s saved another recipe %q of this cause %s: archive that one first",
				other.Latest.By, other.Name, ago(other.Latest.At, at),
			)
		}
	}
	if len(others) >= MaxRecipes {
		return RecipeChange{}, Errorf(Conflict, "this cause has %d recipes: archive one first", len(others))
	}
	next := s
	next.ArchivedBy, next.ArchivedAt = "", time.Time{}
	return next.changedFrom(s, by, "restore", at)
}

// recipeFacts are the facts of a saved recipe that an event stores.
type recipeFacts struct {
	Name     string     `json:"name"`
	Cause    string     `json:"cause"`
	Version  int        `json:"version"`
	Kind     RecipeKind `json:"recipe"`
	Text     string     `json:"patch"`
	Archived bool       `json:"archived,omitempty"`
}

func (s SavedRecipe) facts() any {
	if s.Name == "" {
		return nil
	}
	return recipeFacts{s.Name, s.Cause, s.Latest.Number, s.Latest.Kind, s.Latest.Text, s.Archived()}
}

// changedFrom returns the change from before to s, with its audit event. The store adds the id of a new recipe.
func (s SavedRecipe) changedFrom(before SavedRecipe, by Actor, action string, at time.Time) (RecipeChange, error) {
	e, err := NewEvent(by, recipeTarget+"."+action, recipeTarget, s.ID.String(), "", before.facts(), s.facts(), at)
	return RecipeChange{before, s, e}, err
}

// Text names the version for people: recipe "add id", version 2.
func (u RecipeUse) Text() string {
	if u.ID == 0 {
		return ""
	}
	return fmt.Sprintf("recipe %q, version %d", u.Name, u.Version)
}

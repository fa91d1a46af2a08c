package deadletter

import (
	"cmp"
	"strings"
	"time"
)

// DryRunID identifies a dry run. Newer ones have higher ids.
type DryRunID int64

// DryRunState is the state of a dry run.
type DryRunState string

// The states of a dry run.
const (
	DryRunRunning   DryRunState = "running"
	DryRunDone      DryRunState = "done"      // every message has its result
	DryRunCancelled DryRunState = "cancelled" // a person stopped it, or the job was started before its end
)

// DryRun tries a recipe on every message of a draft. It sends nothing and changes no message.
type DryRun struct {
	ID          DryRunID
	Job         JobID
	Recipe      Recipe   // its Table is not read with it: store.DryRunTable does
	TableDigest string   // SHA-256 of the table; "" without one
	Saved       RecipeID // the saved recipe that it was made of, whose secrets its person may not know; 0: none
	By          Actor
	Masked      bool // the recipe sees no masked value: it is that of an assistant
	State       DryRunState
	Messages    int // of the draft
	DryRunCounts
	StartedAt, EndedAt time.Time
}

// DryRunCounts counts the messages of a dry run by what they came to.
type DryRunCounts struct {
	Changed    int
	Unchanged  int // the recipe makes the same content of them
	Failed     int // the recipe fails, or the job would skip them for another reason
	Differing  int // of Changed: they still differ from the shape of what was delivered
	Uncompared int // of Changed: no shape is known for their source and event type, or they are too large for one
}

// Tried is how many messages have their result.
func (n DryRunCounts) Tried() int { return n.Changed + n.Unchanged + n.Failed }

// Plus returns the sum of two counts.
func (n DryRunCounts) Plus(more DryRunCounts) DryRunCounts {
	return DryRunCounts{
		n.Changed + more.Changed, n.Unchanged + more.Unchanged, n.Failed + more.Failed,
		n.Differing + more.Differing, n.Uncompared + more.Uncompared,
	}
}

// RefusalUnchanged is why a job skips a message that its dry run left as it was.
const RefusalUnchanged = "the recipe changes nothing"

const (
	// MaxDryRunGroups is how many groups of each kind a dry run has; further ones are counted together.
	MaxDryRunGroups = 50

	// MaxDryRunExamples is how many messages a group names.
	MaxDryRunExamples = 3
)

// DryRunGroup counts the messages of a dry run that came to the same.
type DryRunGroup struct {
	Refusal   string    `json:"refusal,omitempty"`  // why they fail, in the words of one of them
	Departure Departure `json:"departure,omitzero"` // of those that are changed, and still differ
	Further   bool      `json:"further,omitempty"`  // of all groups beyond MaxDryRunGroups
	Examples  []ID      `json:"examples,omitempty"` // the first of them
	Messages  int       `json:"-"`
}

// Departure is how a message differs from nearly all delivered webhooks of its source and event type.
type Departure struct {
	Source    string `json:"source"`
	EventType string `json:"eventType,omitempty"`
	Path      string `json:"path,omitempty"` // as customer.id; "": the body itself
	Type      string `json:"type,omitempty"` // the type that is there, as "text"; "": the path is missing
	Usual     string `json:"usual,omitempty"`
	UsualIn   int    `json:"usualIn"` // delivered webhooks that have the path, with the usual type
	Delivered int    `json:"delivered"`
}

// Key returns what messages of the same group share.
func (g DryRunGroup) Key() string {
	d := g.Departure
	switch {
	case g.Further && g.Refusal != "":
		return "refusals"
	case g.Further:
		return "departures"
	case g.Refusal != "":
		return "refusal " + FaultKey(g.Refusal)
	}
	return strings.Join([]string{"departure", d.Source, d.EventType, d.Path, d.Type}, "\n")
}

// TryOut makes the dry run of a draft. It returns Invalid for a job that does not edit or has no messages, and Conflict
// for one that was started.
func (j Job) TryOut(by Actor, recipe Recipe, at time.Time) (DryRun, error) {
	if err := j.CheckTry(by, at); err != nil {
		return DryRun{}, err
	}
	if j.Items.Total() == 0 {
		return DryRun{}, Errorf(Invalid, "this job has no messages: there is nothing to try")
	}
	return DryRun{
		Job: j.ID, Recipe: recipe, TableDigest: recipe.tableDigest(), By: by, State: DryRunRunning,
		Messages: j.Items.Total(), StartedAt: at,
	}, nil
}

// CheckTry returns why an actor cannot try a recipe on messages of the job.
func (j Job) CheckTry(by Actor, at time.Time) error {
	if err := by.May(j.Action); err != nil {
		return err
	}
	if !j.Action.Edits() {
		return Errorf(Invalid, "this job does not edit its messages: there is nothing to try")
	}
	_, err := j.become(JobRunning, by, "started", at)
	return err
}

// IsOf reports whether the dry run was made with a recipe.
func (d DryRun) IsOf(r Recipe) bool {
	return cmp.Or(d.Recipe.Kind, MergePatch) == cmp.Or(r.Kind, MergePatch) && d.TableDigest == r.tableDigest() &&
		d.Recipe.Text == r.Text
}

// After returns a draft as it starts with a recipe: if a finished dry run was made with the same one, the job skips
// what that would not change. One that saw masked values may be wrong about that, so nothing is skipped after it.
func (j Job) After(d DryRun, r Recipe) Job {
	if !d.Masked && j.State == JobDraft && d.State == DryRunDone && d.Job == j.ID && d.IsOf(r) {
		j.DryRun, j.Spared = d.ID, d.Unchanged+d.Failed
	}
	return j
}

// Sends is how many messages the job sends at most: all but those that it skips because of its dry run.
func (j Job) Sends() int { return j.Items.Total() - j.Spared }

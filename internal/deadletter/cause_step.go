package deadletter

// CauseStep is the next step for a cause, and the facts that it follows from.
type CauseStep struct {
	Kind    StepKind
	Replays Replays     // of StepReplay and StepFix as they were received, of StepEdit edited, of StepRecipe with it
	As      Replays     // of StepEdit: those as they were received
	Edit    string      // of StepEdit: the reason of the latest edit that was delivered
	Recipe  SavedRecipe // of StepRecipe
}

// StepKind is the sort of a next step.
type StepKind string

// The next steps for a cause.
const (
	StepNone    StepKind = ""
	StepLook    StepKind = "look"    // claim it and look at a message
	StepTest    StepKind = "test"    // replay a test batch: its destination takes deliveries again
	StepReplay  StepKind = "replay"  // replay the rest: most were delivered as they were
	StepRecipe  StepKind = "recipe"  // edit with a saved recipe: most were delivered with it, none as it was
	StepEdit    StepKind = "edit"    // edit the rest: most were delivered after an edit, none as it was
	StepFix     StepKind = "fix"     // fix the destination or edit: nothing was delivered as it was
	StepBreaker StepKind = "breaker" // wait: the circuit breaker of its destination is open
	StepRetries StepKind = "retries" // wait: automatic retries go on
)

// NextStep returns the next step that follows from what is known of the cause.
func (c Cause) NextStep(f CauseFacts) CauseStep {
	switch {
	case c.Open() == 0 || c.State == CauseMuted:
		return CauseStep{}
	case f.Waits:
		return CauseStep{Kind: StepBreaker}
	case c.Failed == 0:
		return CauseStep{Kind: StepRetries}
	case c.recipeHelps(f.Recipe):
		return CauseStep{Kind: StepRecipe, Replays: f.Recipe.Latest.Record.Replays, As: c.Unedited, Recipe: f.Recipe}
	case c.Edited.mostly() && !c.Unedited.mostly():
		return CauseStep{Kind: StepEdit, Replays: c.Edited, As: c.Unedited, Edit: c.EditReason}
	case c.Unedited.mostly():
		return CauseStep{Kind: StepReplay, Replays: c.Unedited}
	case c.transient() && f.DeliveredAt.After(c.CountedAt):
		return CauseStep{Kind: StepTest}
	case c.Unedited.Tried > 0:
		return CauseStep{Kind: StepFix, Replays: c.Unedited}
	}
	return CauseStep{Kind: StepLook}
}

// recipeHelps reports whether most messages were delivered with the latest version of a recipe, and few as they were.
func (c Cause) recipeHelps(r SavedRecipe) bool {
	return r.ID != 0 && r.Latest.Record.mostly() && !c.Unedited.mostly()
}

// mostly reports whether most replays were delivered.
func (r Replays) mostly() bool { return 2*r.Delivered > r.Tried }

// transient reports whether another delivery may succeed without a change.
func (c Cause) transient() bool {
	outcome := ErrorResponse
	if c.StatusCode == 0 {
		outcome = Unreachable
	}
	return Attempt{Outcome: outcome, StatusCode: c.StatusCode}.Transient()
}

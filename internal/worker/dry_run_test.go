package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// byTens fails for the numbers 0, 10, 20 …, leaves 1, 11, 21 … as they are, and changes all others.
var byTens = deadletter.Recipe{
	Kind: deadletter.JQ,
	Text: `if .n % 10 == 0 then error("order \(.n) is gone") elif .n % 10 == 1 then . else .fixed = true end`,
}

// numbered puts messages into the store whose bodies have their numbers, oldest first.
func (b bundle) numbered(t *testing.T, n int, change ...func(i int, c *deadletter.Capture)) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range n {
			c := desktest.Failure(fmt.Sprintf("n-%05d", i), 422, b.clock.Now().Add(time.Duration(i)*time.Millisecond))
			c.Body = fmt.Appendf(nil, `{"n":%d}`, i)
			for _, f := range change {
				f(i, &c)
			}
			if err := tx.Apply(ctx, deadletter.NewMessage(c, desktest.Policy(), 0, b.clock.Now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b bundle) draft(t *testing.T) deadletter.Job {
	t.Helper()
	j, err := b.FreezeMatching(t.Context(), anna, deadletter.ActEdit, store.Filter{}, "status=all")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (b bundle) dryRun(t *testing.T, id deadletter.JobID, recipe deadletter.Recipe) {
	t.Helper()
	if err := b.StartDryRun(t.Context(), anna, id, deadletter.RecipeUse{}, recipe); err != nil {
		t.Fatal(err)
	}
}

// tried waits until the dry run of a job is done.
func (b bundle) tried(t *testing.T, id deadletter.JobID) (run deadletter.DryRun) {
	t.Helper()
	b.until(t, func() bool {
		var err error
		if run, err = b.store.DryRun(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return run.State == deadletter.DryRunDone
	})
	return run
}

func (b bundle) groups(t *testing.T, run deadletter.DryRun) []deadletter.DryRunGroup {
	t.Helper()
	list, err := b.store.DryRunGroups(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// start starts a draft with so many messages to send.
func (b bundle) start(t *testing.T, id deadletter.JobID, recipe deadletter.Recipe, count int, steps ...int) {
	t.Helper()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	in := deadletter.JobInput{
		Recipe: recipe, Reason: "fix", Count: count, Steps: deadletter.JobSteps{Sizes: steps},
	}
	if err := b.StartJob(t.Context(), anna, id, in); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) numbersSent(t *testing.T) (numbers []int) {
	t.Helper()
	for _, one := range b.destination.Received() {
		var body struct {
			N     int  `json:"n"`
			Fixed bool `json:"fixed"`
		}
		if err := json.Unmarshal(one.Body, &body); err != nil || !body.Fixed {
			t.Errorf("%s was sent, %v", one.Body, err)
		}
		numbers = append(numbers, body.N)
	}
	slices.Sort(numbers)
	return numbers
}

func TestDryRunCountsWhatARecipeWouldDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 100)
	if _, err := b.Archive(t.Context(), anna, desk.Ref{ID: "n-00005"}, "known"); err != nil {
		t.Fatal(err)
	}
	j := b.draft(t)
	if _, err := b.Archive(t.Context(), anna, desk.Ref{ID: "n-00006"}, "known"); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	b.dryRun(t, j.ID, byTens)
	run := b.tried(t, j.ID)
	want := deadletter.DryRunCounts{Changed: 78, Unchanged: 10, Failed: 12, Uncompared: 78}
	if run.DryRunCounts != want || run.Messages != 100 {
		t.Errorf("it came to %+v", run)
	}
	groups := b.groups(t, run)
	if len(groups) != 3 || groups[0].Messages != 10 || !strings.Contains(groups[0].Refusal, "is gone") ||
		!slices.Equal(groups[0].Examples, []deadletter.ID{"n-00000", "n-00010", "n-00020"}) {
		t.Errorf("its groups are %+v", groups)
	}
	var others []string
	for _, g := range groups[1:] {
		others = append(others, fmt.Sprint(g.Refusal, g.Messages, g.Examples))
	}
	slices.Sort(others)
	if got := fmt.Sprint(others); got != "[archived already1 [n-00005] archived by anna in the meantime1 [n-00006]]" {
		t.Errorf("the others are %s", got)
	}
	if n := len(b.destination.Received()); n > 0 {
		t.Errorf("it sent %d messages", n)
	}
	if m := desktest.Message(t, b.store, "n-00002"); m.Revision != 0 || m.Version != 0 {
		t.Errorf("it changed a message: %+v", m)
	}
}

// Changed bodies are compared with the shape of the delivered ones of their source and event type.
func TestDryRunSaysWhatStillDiffers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 30, func(i int, c *deadletter.Capture) { c.EventType = []string{"order", "other"}[i%2] })
	shape := &payload.Shape{}
	text := payload.Decode(deadletter.Headers{}, []byte(`{"n":1,"fixed":"yes","tier":"gold"}`), payload.MaxShaped)
	for range 100 {
		shape.Add(payload.ShapeOf(text, redact.Mask))
	}
	key := store.ShapeKey{Source: "genesys", EventType: "order", Masks: desktest.NoMasks().Of("", "genesys").Name()}
	samples := store.Samples{Shapes: map[store.ShapeKey]*payload.Shape{key: shape}, At: b.clock.Now()}
	if err := b.store.SaveSamples(t.Context(), samples); err != nil {
		t.Fatal(err)
	}
	j := b.draft(t)
	b.run(t)
	b.dryRun(t, j.ID, byTens)
	run := b.tried(t, j.ID)
	want := deadletter.DryRunCounts{Changed: 24, Unchanged: 3, Failed: 3, Differing: 12, Uncompared: 12}
	if run.DryRunCounts != want {
		t.Errorf("it came to %+v", run.DryRunCounts)
	}
	var said []string
	for _, g := range b.groups(t, run) {
		if d := g.Departure; d.Path != "" {
			said = append(said, fmt.Sprintf("%d %s %s %s|%s|%s %d/%d %v",
				g.Messages, d.Source, d.EventType, d.Path, d.Type, d.Usual, d.UsualIn, d.Delivered, g.Examples[0]))
		}
	}
	slices.Sort(said)
	if got := strings.Join(said, "\n"); got != "12 genesys order fixed|boolean|text 100/100 n-00002\n"+
		"12 genesys order tier|| 100/100 n-00002" {
		t.Errorf("what differs is\n%s", got)
	}
}

// Another process goes on behind the last message that has its result.
func TestDryRunGoesOnAfterTheEndOfAProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 40)
	j := b.draft(t)
	b.dryRun(t, j.ID, byTens)
	running, err := b.store.RunningDryRuns(t.Context())
	if err != nil || len(running) != 1 || running[0].Last != -1 {
		t.Fatalf("running are %+v, %v", running, err)
	}
	items, err := b.store.DryRunItems(t.Context(), j.ID, -1, 15)
	if err != nil {
		t.Fatal(err)
	}
	before := store.DryRunResults{
		Run: running[0].ID, Job: j.ID, After: -1, Last: items[14].Row, At: b.clock.Now(),
		Counts: deadletter.DryRunCounts{Unchanged: 15}, // which no recipe makes of them
	}
	if saved, err := b.store.SaveDryRun(t.Context(), before); err != nil || !saved {
		t.Fatalf("the results of the dead process: %t, %v", saved, err)
	}
	b = b.restart()
	b.run(t)
	want := deadletter.DryRunCounts{Changed: 21, Unchanged: 15 + 2, Failed: 2, Uncompared: 21}
	if run := b.tried(t, j.ID); run.DryRunCounts != want {
		t.Errorf("it came to %+v", run.DryRunCounts)
	}
}

// More messages than a batch has are tried as well.
func TestLongDryRunTriesEachMessageOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const messages = 4100
	b.numbered(t, messages)
	j := b.draft(t)
	b.run(t)
	b.dryRun(t, j.ID, deadletter.Recipe{Text: `{"n":4099}`})
	if run := b.tried(t, j.ID); run.Changed != messages-1 || run.Unchanged != 1 || run.Failed != 0 {
		t.Errorf("it came to %+v", run.DryRunCounts)
	}
}

// A large number of reasons is counted together.
func TestDryRunBoundsItsGroups(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const messages = 200
	b.numbered(t, messages)
	j := b.draft(t)
	b.run(t)
	refusing := deadletter.Recipe{
		Kind: deadletter.JQ,
		Text: `(.n % 26) as $a | (.n / 26 | floor | . % 26) as $b |
			error("no " + "abcdefghijklmnopqrstuvwxyz"[$a:$a + 1] + "abcdefghijklmnopqrstuvwxyz"[$b:$b + 1])`,
	}
	b.dryRun(t, j.ID, refusing)
	run := b.tried(t, j.ID)
	if run.Failed != messages {
		t.Errorf("it came to %+v", run.DryRunCounts)
	}
	sum, further := 0, 0
	groups := b.groups(t, run)
	for _, g := range groups {
		if sum += g.Messages; g.Further {
			further++
		}
	}
	if len(groups) != deadletter.MaxDryRunGroups+1 || sum != messages || further != 1 {
		t.Errorf("%d groups of %d messages, %d of them of all others", len(groups), sum, further)
	}
}

func TestCancelledDryRunStops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 10)
	j := b.draft(t)
	b.dryRun(t, j.ID, byTens)
	if err := b.CancelDryRun(t.Context(), anna, j.ID); err != nil {
		t.Fatal(err)
	}
	other := b.draft(t)
	b.run(t)
	b.dryRun(t, other.ID, byTens)
	b.tried(t, other.ID)
	run, err := b.store.DryRun(t.Context(), j.ID)
	if err != nil || run.State != deadletter.DryRunCancelled || run.Tried() > 0 {
		t.Errorf("it is %+v, %v", run, err)
	}
	b.start(t, j.ID, byTens, 10)
	if j = b.finished(t, j.ID); j.Items.Done != 9 || j.Items.Failed+j.Items.Skipped != 1 || j.DryRun != 0 {
		t.Errorf("started with it, the job came to %+v", j.Items)
	}
}

func TestNewerDryRunReplacesTheOlder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 20)
	j := b.draft(t)
	b.dryRun(t, j.ID, byTens)
	older, err := b.store.DryRun(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.dryRun(t, j.ID, byTens)
	if same, err := b.store.DryRun(t.Context(), j.ID); err != nil || same.ID != older.ID {
		t.Errorf("the same recipe began anew: %+v, %v", same, err)
	}
	all := deadletter.Recipe{Text: `{"fixed":true}`}
	b.dryRun(t, j.ID, all)
	late := store.DryRunResults{
		Run: older.ID, Job: j.ID, After: -1, Last: 1, At: b.clock.Now(), Counts: deadletter.DryRunCounts{Failed: 1},
	}
	if saved, err := b.store.SaveDryRun(t.Context(), late); err != nil || saved {
		t.Errorf("results of the older one: %t, %v", saved, err)
	}
	b.run(t)
	if run := b.tried(t, j.ID); run.Changed != 20 || run.Tried() != 20 || len(b.groups(t, run)) != 0 || !run.IsOf(all) {
		t.Errorf("it came to %+v", run)
	}
	b.dryRun(t, j.ID, byTens)
	if run := b.tried(t, j.ID); run.Changed != 16 || run.Failed != 2 || run.Unchanged != 2 {
		t.Errorf("then it came to %+v", run)
	}
	b.start(t, j.ID, all, 20) // what an older dry run found does not count
	if j = b.finished(t, j.ID); j.Items.Done != 20 {
		t.Errorf("with another recipe, the job came to %+v", j.Items)
	}
}

// The steps that a job has by default are of what it sends, not of what it leaves out.
func TestDefaultStepsFitWhatTheDryRunChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 240)
	j := b.draft(t)
	b.run(t)
	few := deadletter.Recipe{Kind: deadletter.JQ, Text: `if .n < 96 then .fixed = true else . end`}
	b.dryRun(t, j.ID, few)
	if run := b.tried(t, j.ID); run.Changed != 96 {
		t.Fatalf("it came to %+v", run.DryRunCounts)
	}
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	in := deadletter.JobInput{Recipe: few, Reason: "fix", DefaultSteps: true}
	if err := b.StartJob(t.Context(), anna, j.ID, in); err != nil {
		t.Fatal(err)
	}
	if j = b.finished(t, j.ID); j.Items.Done != 96 || !slices.Equal(j.Steps.Sizes, []int{1, 10}) {
		t.Errorf("its steps are %v, and it came to %+v", j.Steps.Sizes, j.Items)
	}
}

func TestJobSendsOnlyWhatItsDryRunChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 1300) // more than are skipped in one transaction
	j := b.draft(t)
	b.run(t)
	odd := deadletter.Recipe{
		Kind: deadletter.JQ,
		Text: `if .n % 2 == 0 then error("order \(.n) is gone") elif .n % 10 == 1 then . else .fixed = true end`,
	}
	b.dryRun(t, j.ID, odd)
	run := b.tried(t, j.ID)
	if run.Changed != 520 {
		t.Fatalf("it came to %+v", run.DryRunCounts)
	}
	err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{Recipe: odd, Reason: "fix", Count: 1300})
	if deadletter.FieldOf(err) != deadletter.FieldCount || !strings.Contains(err.Error(), "520") {
		t.Errorf("with the number of all messages: %v", err)
	}
	b.start(t, j.ID, odd, 520, 1, 10, 100)
	j = b.finished(t, j.ID)
	if j.Items.Done != 520 || j.Items.Skipped != 780 || j.Spared != 780 || j.Sparing {
		t.Errorf("it came to %+v, %d of them for its dry run", j.Items, j.Spared)
	}
	sent := b.numbersSent(t)
	if want := slices.Compact(slices.Clone(sent)); len(sent) != 520 || len(want) != 520 {
		t.Errorf("%d were sent, %d different ones", len(sent), len(want))
	}
	faults, err := b.store.JobFaults(t.Context(), j.ID)
	if err != nil || len(faults) != 2 || faults[0].Messages != 650 || faults[1].Messages != 130 ||
		faults[1].Text != deadletter.RefusalUnchanged || !strings.Contains(faults[0].Text, "is gone") {
		t.Errorf("skipped were %+v, %v", faults, err)
	}
	if m := desktest.Message(t, b.store, "n-00001"); m.Status != deadletter.Failed || m.Version != 0 {
		t.Errorf("a message that was not sent changed: %+v", m)
	}
}

// Of messages with an order key, one that is not sent holds the later ones as any that is skipped, and none is left.
func TestJobAfterADryRunKeepsOrderKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 30, func(i int, c *deadletter.Capture) { c.OrderKey = deadletter.OrderKey(1 + i%3) })
	j := b.draft(t)
	b.run(t)
	recipe := deadletter.Recipe{Kind: deadletter.JQ, Text: `if .n == 3 or .n == 28 then . else .fixed = true end`}
	b.dryRun(t, j.ID, recipe)
	if run := b.tried(t, j.ID); run.Unchanged != 2 {
		t.Fatalf("it came to %+v", run.DryRunCounts)
	}
	b.start(t, j.ID, recipe, 28)
	// Of the key of 0, 3, 6 … 27 only 0 is sent; of that of 28 all others, and of the third all.
	if j = b.finished(t, j.ID); j.Items.Done != 1+9+10 || j.Items.Skipped != 9+1 {
		t.Errorf("it came to %+v", j.Items)
	}
	if sent := b.numbersSent(t); len(sent) != 20 || slices.Contains(sent, 6) || !slices.Contains(sent, 25) {
		t.Errorf("sent were %v", sent)
	}
}

package store

import "dlqdesk/internal/deadletter"

// OpenWith is Open with other migrations.
var OpenWith = openWith

// Queries whose plans are checked, made of others.
var (
	SampleOfCause = sampleOfCause(deadletter.Statuses())
	FirstOfCause  = firstOfCause
	PastOfCause   = pastOfCause
	PastOfSource  = pastOfSource
)

// Queries whose plans are checked.
const (
	JobsOfCause      = jobsOfCause
	NewerDelivered   = newerDelivered
	NewestOfOrderKey = newestOfOrderKey
	OrderKeysAfter   = orderKeys
	AffectedOfStatus = affectedOfStatus
	OldestDelivered  = deleteDelivered
	DueActions       = dueActions
	ActionsOfMessage = actionsOfMessage
	RulesWithActions = rulesWithActions
	ActedSince       = actedSince
	ActedBefore      = actedBefore
	SettleAction     = settleAction
	LatestResults    = latestResults
	CountActions     = countActions
	CountWaiting     = countWaiting
	NextAction       = nextAction
	PresentRules     = presentRules
	RunningDryRuns   = runningDryRuns
	DryRunItems      = dryRunItems
	DryRunGroups     = dryRunGroups
	RefusedItems     = refusedItems
	OldDraft         = oldDraft
	JobsUnderWay     = jobsUnderWay
)

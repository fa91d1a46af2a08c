package store

import (
	"fmt"

	"dlqdesk/internal/deadletter"
)

// OpenWith is Open with other migrations.
var OpenWith = openWith

// SQL is the query of the first page, with its arguments.
func (q AlertQuery) SQL() (query string, args []any) {
	k := q.keyset()
	query = "SELECT " + k.columns + " FROM " + k.from + k.conditions.sql() + " ORDER BY " + k.key + " DESC LIMIT ?"
	return query, append(k.conditions.args, q.Limit)
}

// Queries whose plans are checked, made of others.
var (
	SampleOfCause = sampleOfCause(deadletter.Statuses())
	FirstOfCause  = firstOfCause
	PastOfCause   = pastOfCause
	PastOfSource  = pastOfSource

	RecipeByID     = recipeByID
	RecipeVersions = recipeVersions
	RecipesInUse   = fmt.Sprintf(recipesOf, "IS NULL")
	RecipesPutAway = fmt.Sprintf(recipesOf, "IS NOT NULL")
)

// Queries whose plans are checked.
const (
	JobsOfCause      = jobsOfCause
	JobsWithRecipe   = jobsWithRecipe
	NewerDelivered   = newerDelivered
	NewestOfOrderKey = newestOfOrderKey
	OrderKeysAfter   = orderKeys
	AffectedOfStatus = affectedOfStatus
	OldestDelivered  = deleteDelivered
	DueActions       = dueActions
	ActionsOfMessage = actionsOfMessage
	RulesWithActions = rulesWithActions
	ActedSince       = actedSince
	ActionAhead      = actionAhead
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
	ChangesAfter     = changesAfter

	SuggestionOfJob    = suggestionOfJob
	OpenSuggestions    = openSuggestions
	OpenSuggestionsOf  = openSuggestionsOf
	CountSuggestionsBy = countSuggestionsBy
	DropOldSuggestions = dropOldSuggestions

	UntoldCauses       = untoldCauses
	UntoldSources      = untoldSources
	DropEnds           = dropEnds
	SupersedeEnds      = supersedeEnds
	ToldCauses         = toldCauses
	GrowingCauses      = growingCauses
	HaltedJobs         = haltedJobs
	HaltedAmong        = haltedAmong
	UntoldJobs         = untoldJobs
	HoursReceived      = hoursReceived
	LatestReceived     = latestReceived
	OpenStateAlerts    = openStateAlerts
	OpenCauseAlerts    = openCauseAlerts
	OpenGrowingGroups  = openGrowingGroups
	AlertsOfCause      = alertsOfCause
	PartsOfAlert       = partsOfAlert
	DeliveriesOfAlert  = deliveriesOfAlert
	DeliveriesOfAlerts = deliveriesOfAlerts
	DueAlertDelivery   = dueAlertDelivery
	DueSinks           = dueSinks
	LatestOfSink       = latestOfSink
	WaitingOfSink      = waitingOfSink
	LatestTest         = latestTest
	SetAlertsBack      = setAlertsBack
	RetryOfSink        = retryOfSink
	CountAlerts        = countAlerts
	EndedAlerts        = endedAlerts
	PrunableAlerts     = prunableAlerts
	PrunableTests      = prunableTests
	PartsOfAlerts      = partsOfAlerts
	DeleteAlertSources = deleteAlertSources
	DeleteAlerts       = deleteAlerts
	PruneBatch         = pruneBatch
)

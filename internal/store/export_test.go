package store

import "dlqdesk/internal/deadletter"

// OpenWith is Open with other migrations.
var OpenWith = openWith

// Queries whose plans are checked, made of others.
var (
	SampleOfCause = sampleOfCause(deadletter.Statuses())
	FirstOfCause  = firstOfCause
)

// Queries whose plans are checked.
const (
	JobsOfCause      = jobsOfCause
	NewerDelivered   = newerDelivered
	NewestOfOrderKey = newestOfOrderKey
	OrderKeysAfter   = orderKeys
	AffectedOfStatus = affectedOfStatus
	OldestDelivered  = deleteDelivered
)

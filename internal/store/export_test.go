package store

// OpenWith is Open with other migrations.
var OpenWith = openWith

// Queries whose plans are checked.
const (
	NewerDelivered   = newerDelivered
	NewestOfOrderKey = newestOfOrderKey
	OrderKeysAfter   = orderKeys
	AffectedOfStatus = affectedOfStatus
	OldestDelivered  = deleteDelivered
)

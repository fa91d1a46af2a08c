package config

import "time"

// The values of keys that neither the file nor the environment sets.
const (
	defaultListen        = "127.0.0.1:8080"
	defaultDataDir       = "./data"
	defaultGrace         = 40 * time.Second // of a shutdown
	defaultSpoolLimit    = 10 << 30         // bytes of messages on disk that SQS has not confirmed
	defaultTimeout       = 10 * time.Second // of a delivery
	defaultConnect       = 10 * time.Second // of a delivery, to connect
	defaultMaxBody       = 1 << 20          // bytes; a larger webhook is answered 413
	defaultMaxConcurrent = 64               // deliveries of a source
	defaultMaxAttempts   = 6                // waits of about 5 s, 20 s, 1 min, 5 min, 15 min
	defaultBase          = 5 * time.Second  // the wait before the first retry
	defaultFactor        = 4                // by which each wait is longer than the one before
	defaultCap           = 15 * time.Minute // the longest wait before a retry
	defaultFailureRate   = 0.5              // at which a circuit breaker opens
	defaultWindow        = time.Minute      // of the failure rate
	defaultMinDeliveries = 10               // within the window
	defaultConsecutive   = 5                // failures of different messages in a row, within an hour
	defaultProbe         = 15 * time.Second // between probes of an open breaker
	defaultRampStart     = 20               // deliveries per second at which a half-open breaker begins

	defaultAlertGrowth  = 300              // percent of a cause's usual hour
	defaultAlertFloor   = 50               // failures of the last hour
	defaultAlertBreaker = 15 * time.Minute // that a circuit breaker is open
	defaultAlertUp      = 2 * time.Minute  // that a destination is up again
	defaultAlertExpiry  = 24 * time.Hour   // before SQS deletes a message
	defaultAlertDisk    = 90               // percent in use
	defaultAlertSpool   = 80               // percent in use
	defaultAlertSilence = time.Hour
	defaultAlertKeep    = 90 * 24 * time.Hour // after its end
)

// The bounds of values. A timeout must end before platforms and load balancers give up, most of which do after 30 s.
// A body is bounded because it is in memory. The longest cap is also the longest Retry-After that is obeyed.
const (
	minTimeout       = 100 * time.Millisecond
	timeoutLimit     = 30 * time.Second
	maxGrace         = 10 * time.Minute
	minSpoolLimit    = 1 << 20
	maxSpoolLimit    = 1 << 40
	maxMaxBody       = 64 << 20
	maxMaxConcurrent = 10_000
	minPerSecond     = 0.01
	maxPerSecond     = 100_000
	maxMaxAttempts   = 100
	minBase          = time.Millisecond
	maxCap           = 24 * time.Hour
	maxFactor        = 100
	maxWindow        = time.Hour
	maxMinDeliveries = 1000
	maxRampStart     = 10_000
	maxKeepDelivered = 100
	minAlertGrowth   = 200 // from which a cause counts as growing at all
	maxAlertGrowth   = 100_000
	maxAlertFloor    = 1_000_000
	maxAlertTime     = 24 * time.Hour
	minAlertKeep     = 48 * time.Hour // sinks are tried for a day, after a quiet period
	maxAlertKeep     = 10 * 365 * 24 * time.Hour
	maxAlertExpiry   = 14 * 24 * time.Hour // SQS keeps no message longer
)

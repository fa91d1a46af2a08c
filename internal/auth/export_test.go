package auth

import "time"

// Flood takes an event of so many keys from a limiter, and returns how many keys it remembers.
func Flood(keys int, key func(i int) string, at time.Time) int {
	l := newLimiter(1, time.Hour)
	for i := range keys {
		l.take(key(i), at)
	}
	return len(l.keys)
}

package console

import "dlqdesk/internal/deadletter"

// StatusOf and HeadingOf are what a failure of a kind is answered with.
func StatusOf(k deadletter.Kind) int     { return statusOf(k) }
func HeadingOf(k deadletter.Kind) string { return headingOf(k) }

// BrowserName is browserName.
func BrowserName(agent string) string { return browserName(agent) }

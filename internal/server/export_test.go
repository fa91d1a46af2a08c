package server

// These are for tests.
var (
	LimitConnections = limitConnections
	ClientAddr       = clientAddr
)

package server

// LimitConnections is limitConnections, for tests.
var LimitConnections = limitConnections

package api

// LimitTime is the middleware that bounds the time of requests.
var LimitTime = limitTime

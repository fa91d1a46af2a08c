package store

// OpenWith is Open with other migrations.
var OpenWith = openWith

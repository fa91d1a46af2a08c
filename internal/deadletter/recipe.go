package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
)

// RecipeKind is the language of a recipe.
type RecipeKind string

// The kinds of recipe.
const (
	MergePatch RecipeKind = "merge"      // RFC 7396
	JSONPatch  RecipeKind = "json-patch" // RFC 6902
	JQ         RecipeKind = "jq"
)

// Recipe is an edit of many bodies. Examples:
//
//	merge        {"customer":{"id":"4711"},"legacyField":null}
//	json-patch   [{"op":"move","from":"/custId","path":"/customerId"}]
//	jq           .customerId = $table[.conversationId].customerId
type Recipe struct {
	Kind  RecipeKind // "": MergePatch
	Text  string
	Table string // CSV for JQ: a line that names the columns, then a line for each key, which is its first column
}

// tableDigest returns the SHA-256 of the table; "" without one. It proves which table was used, and has none of its
// values.
func (r Recipe) tableDigest() string {
	if r.Table == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(r.Table))
	return hex.EncodeToString(sum[:])
}

// Apply returns the body of a revision after a recipe: payload.Recipe.Apply.
type Apply func(Revision) ([]byte, error)

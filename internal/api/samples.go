package api

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/shell"
)

// Samples is the extension of an operation that has its []Sample.
const Samples = "x-codeSamples"

// Sample is a request of an operation, which pages of documentation show beside an operation.
type Sample struct {
	Lang   string `json:"lang"`
	Label  string `json:"label"`
	Source string `json:"source"`
}

// The variables of the environment that samples read, as the commands of dlqdesk do.
const (
	DeskVariable  = "DLQDESK_URL"
	TokenVariable = "DLQDESK_TOKEN"
)

// bodies are the bodies of samples that need more than what their schema requires.
func bodies() map[string]any {
	type object = map[string]any
	recipe := object{"recipe": object{"kind": "merge", "text": `{"channel":"voice"}`}}
	rule := object{"kind": "join", "source": "genesys", "pattern": `timeout after \d+ s`}
	acting := object{
		"name": "archive tests", "source": "genesys", "code": "422", "action": "archive", "reason": "sent by a test",
		"perHour": 100,
	}
	split := object{"title": "Timeouts", "pattern": `timeout after \d+ s`}
	return map[string]any{
		"acknowledge-imbalance": object{
			"hour": "2026-03-02T08:00:00Z", "source": "genesys", "stage": "messages", "kind": "missing", "amount": 1,
			"note": "the queue was emptied by hand",
		},
		"add-group-rule":  rule,
		"add-user":        object{"name": "ines", "role": "operator"},
		"change-rule":     acting,
		"make-rule":       acting,
		"make-token":      object{"name": "deploy", "role": "operator", "days": 90},
		"merge-causes":    object{"causes": []string{"6f1c0a7b9d2e4f58"}, "into": "1a2b3c4d5e6f7081"},
		"preview-rule":    acting,
		"set-role":        object{"role": "operator"},
		"switch-rule":     object{"state": "on"},
		"add-note":        object{"text": "The handler was deployed at noon."},
		"archive-message": object{"reason": "a test of ours"},
		"claim-cause":     object{"hours": 4},
		"draft-job":       object{"action": "replay", "status": "failed"},
		"edit-message":    object{"body": `{"id":"1"}`, "reason": "the id was missing"},
		"edit-note":       object{"text": "The handler was deployed at one."},
		"known-cause":     object{"ticket": "OPS-4711"},
		"mute-cause":      object{"untilDelivered": true},
		"pace-job":        object{"rate": 5, "concurrency": 2},
		"preview-recipe":  recipe,
		"save-job-recipe": object{"name": "Add the channel"},
		"save-recipe":     object{"base": 1, "kind": "merge", "text": `{"channel":"voice"}`},
		"split-cause":     split,
		"start-dry-run":   recipe,
		"start-job":       object{"rate": 5},
		"try-group-rule":  rule,
		"try-split":       split,
		"unmask-message":  object{"reason": "to compare with the platform's record"},
	}
}

// curl returns a command that sends the request of an operation. The values of path parameters are in variables of the
// shell named like them, such as ID.
func curl(doc *huma.OpenAPI, op *huma.Operation) string {
	url := shell.Env(DeskVariable) + Path
	for part := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/"), "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			part = shell.Env(strings.ToUpper(strings.TrimSuffix(name, "}")))
		}
		url += "/" + part
	}
	var args []string
	if op.Security == nil {
		args = append(args, `-H "Authorization: Bearer $`+TokenVariable+`"`)
	}
	switch _, isStream := op.Responses["200"]; {
	case op.Method != http.MethodGet:
		args = append(args, changeArguments(doc, op)...)
	case isStream && op.Responses["200"].Content["text/event-stream"] != nil:
		args = append(args, "--no-buffer")
	case isStream && op.Responses["200"].Content["application/octet-stream"] != nil:
		args = append(args, "--output body")
	}
	args = append(args, queryArguments(op)...)
	command := "curl --fail-with-body"
	if op.Method != http.MethodGet {
		command += " -X " + op.Method
	}
	return strings.Join(append([]string{command + " " + url}, args...), " \\\n  ")
}

func changeArguments(doc *huma.OpenAPI, op *huma.Operation) (args []string) {
	if op.Security == nil {
		args = append(args, `-H "`+idempotencyKey+`: $(uuidgen)"`)
	}
	if op.RequestBody == nil {
		return args
	}
	body, ok := bodies()[op.OperationID]
	if !ok {
		body = exampleOf(doc, op.RequestBody.Content["application/json"].Schema)
	}
	text, err := json.Marshal(body)
	if err != nil || !op.RequestBody.Required && string(text) == "{}" {
		return args
	}
	return append(args, "-H 'Content-Type: application/json'", "--data-raw "+shell.Quote(string(text)))
}

// queryArguments are the parameters with an example.
func queryArguments(op *huma.Operation) (args []string) {
	for _, p := range op.Parameters {
		if p.In == "query" && p.Schema != nil && len(p.Schema.Examples) > 0 {
			if args == nil {
				args = append(args, "--get")
			}
			value, _ := p.Schema.Examples[0].(string)
			args = append(args, "--data-urlencode "+shell.Quote(p.Name+"="+value))
		}
	}
	return args
}

// exampleOf returns a value that a schema allows, with what it requires.
func exampleOf(doc *huma.OpenAPI, s *huma.Schema) any {
	if s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		value := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, name) {
				value[name] = exampleOf(doc, s.Properties[name])
			}
		}
		return value
	case huma.TypeArray:
		return []any{exampleOf(doc, s.Items)}
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case huma.TypeBoolean:
		return true
	}
	return cmp.Or(s.Title, "…")
}

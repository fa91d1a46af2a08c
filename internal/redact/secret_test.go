package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"dlqdesk/internal/redact"
)

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	s := redact.NewSecret("env:PASSWORD", value)
	if s.Reveal() != value || s.From != "env:PASSWORD" || (redact.Secret{}).Reveal() != "" {
		t.Fatalf("it is %q", s.Reveal())
	}
	hidden := struct{ inside redact.Secret }{s}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "secret", s, "list", []redact.Secret{s})
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "secret", s, "list", []redact.Secret{s}, "hidden", hidden)
	shown := []string{log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		for _, v := range []any{
			s, &s,
			[]redact.Secret{s},
			map[string]redact.Secret{"a": s},
			struct{ S redact.Secret }{s},
			hidden, &hidden,
		} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	asJSON, err := json.Marshal(map[string]any{"a": s, "b": &s})
	if err != nil || string(asJSON) != `{"a":"•••","b":"•••"}` {
		t.Errorf("JSON %s, %v", asJSON, err)
	}
	for _, text := range append(shown, fmt.Sprint(s), s.String()) {
		if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) ||
			strings.Contains(text, fmt.Sprintf("%X", value)) {
			t.Errorf("shows the value: %s", text)
		}
	}
}

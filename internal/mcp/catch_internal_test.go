package mcp

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// A call that panics is answered with an error without its details, which the log has.
func TestPanicOfACallIsAnError(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	own := tools{Deps: Deps{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	call := own.catch(func(context.Context, string, sdk.Request) (sdk.Result, error) { panic("of a secret") })
	if result, err := call(t.Context(), "tools/call", nil); result != nil || err == nil ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("returned %v, %v", result, err)
	}
	if !strings.Contains(log.String(), "panic: of a secret") {
		t.Errorf("logged %q", log.String())
	}
}

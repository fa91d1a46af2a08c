package main

import (
	"io"

	"dlqdesk/internal/client"
	"dlqdesk/internal/mcp"
)

type mcpCmd struct{ deskFlag }

func (c mcpCmd) Run(p program) error {
	desk, err := client.Find(c.Desk, p.environ)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	return mcp.NewRelay(desk.Desk(), desk.HTTP(), buildVersion()).Run(ctx, io.NopCloser(p.stdin), keptOpen{p.stdout})
}

// keptOpen is standard output for a part that would close it.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

package main

import (
	"context"
	"fmt"

	"dlqdesk/internal/app"
)

type userSetupLink struct {
	configFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints a new link that makes the first user.
func (c userSetupLink) Run(p program) error {
	cfg, err := c.loadDataOnly(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	link, err := app.New(cfg, app.Options{}).NewSetupURL(ctx)
	if err != nil {
		return fmt.Errorf("make the set-up link: %w", err)
	}
	if c.JSON {
		return p.json(map[string]string{"url": link})
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n(works once, until dlqdesk restarts or another link is made)\n", link)
	return err
}

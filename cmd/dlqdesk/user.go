package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/deadletter"
)

// commandLimit bounds a command that opens the data folder.
const commandLimit = time.Minute

// maxPasswordInput bounds what is read for a password, in bytes.
const maxPasswordInput = 4 << 10

type userAdd struct {
	configFlag
	Name          string `arg:"" help:"The name to sign in with."`
	Role          string `required:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
	PasswordStdin bool   `name:"password-stdin" required:"" help:"Read the password from stdin."`
}

func (u userAdd) Run(p program) error {
	cfg, err := u.loadDataOnly(p)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(p.stdin, maxPasswordInput))
	if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	password, _, _ := strings.Cut(string(text), "\n")
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	if err := app.New(cfg, app.Options{}).
		AddUser(ctx, u.Name, u.Role, strings.TrimSuffix(password, "\r")); err != nil {
		if deadletter.KindOf(err) != deadletter.Internal {
			return fmt.Errorf("add user %s: %s", u.Name, deadletter.TextOf(err))
		}
		return fmt.Errorf("add user %s: %w", u.Name, err)
	}
	_, err = fmt.Fprintf(p.stdout, "user %s may sign in as %s\n", u.Name, u.Role)
	return err
}

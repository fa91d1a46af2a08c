package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/server"
)

// userCmds are the commands that manage users, whether a server runs or not.
type userCmds struct {
	List     userList     `cmd:"" help:"List the users."`
	Add      userAdd      `cmd:"" help:"Add a user."`
	Role     userRole     `cmd:"" help:"Change the role of a user."`
	Password userPassword `cmd:"" help:"Set the password of a user who forgot it."`
	Disable  userDisable  `cmd:"" help:"Keep a user from signing in, and sign them out."`
	Enable   userEnable   `cmd:"" help:"Let a disabled user sign in again."`
	Delete   userDelete   `cmd:"" help:"Delete a user. The audit trail keeps the name."`
	SignOut  userSignOut  `cmd:"" name:"sign-out" help:"End every session of a user."`

	SetupLink userSetupLink `cmd:"" name:"setup-link" help:"Print a new link that makes the first user."`
}

// commandLimit bounds a command that opens the data folder.
const commandLimit = time.Minute

// manageUsers is the part of a command that lists or changes users.
type manageUsers func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error

// manage calls do with the users of a desk that exists, in the name of the operating system's user.
func (f configFlag) manage(p program, do manageUsers) error {
	cfg, err := f.loadDataOnly(p)
	if err != nil {
		return err
	}
	if err := checkDesk(cfg); err != nil {
		return err
	}
	return do.in(cfg)
}

// checkDesk returns an error if there is no desk in the data folder.
func checkDesk(cfg config.Config) error {
	desk := filepath.Join(cfg.DataDir, server.DeskFile)
	if _, err := os.Stat(desk); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no desk in %s: name the configuration of the server by --config", cfg.DataDir)
	}
	return nil
}

// manageOrMake is manage for a desk that is made if it does not exist.
func (f configFlag) manageOrMake(p program, do manageUsers) error {
	cfg, err := f.loadDataOnly(p)
	if err != nil {
		return err
	}
	return do.in(cfg)
}

// in calls do with the users of the data folder of a configuration.
func (do manageUsers) in(cfg config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	err := app.New(cfg, app.Options{}).Users(ctx, func(users *auth.Auth) error {
		return do(ctx, users, deadletter.CLI(osUser()))
	})
	kind := deadletter.KindOf(err)
	if kind == deadletter.NotFound {
		return deadletter.Errorf(kind, "%s: dlqdesk user list shows all users", deadletter.TextOf(err))
	}
	if err != nil && kind != deadletter.Internal {
		return deadletter.Errorf(kind, "%s", deadletter.TextOf(err))
	}
	return err
}

// osUser returns the name of the operating system's user, or else the number.
func osUser() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

type userList struct {
	configFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// listedUser is a user as `user list --json` prints it.
type listedUser struct {
	Name       string                  `json:"name"`
	Role       deadletter.Role         `json:"role"`
	State      deadletter.AccountState `json:"state"`
	Sessions   int                     `json:"sessions"`
	CreatedAt  time.Time               `json:"createdAt"`
	SignedInAt *time.Time              `json:"signedInAt"` // null: never
}

func (c userList) Run(p program) error {
	list := []listedUser{}
	err := c.manage(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		all, err := users.Users(ctx, by)
		for _, u := range all {
			one := listedUser{
				Name: u.Name, Role: u.Role, State: u.Account().State(), Sessions: u.Sessions, CreatedAt: u.CreatedAt,
			}
			if !u.SignedInAt.IsZero() {
				one.SignedInAt = &u.SignedInAt
			}
			list = append(list, one)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return p.json(list)
	case len(list) == 0:
		return p.printLine("there are no users: dlqdesk serve prints a link that makes the first one")
	}
	rows := [][]string{{"NAME", "ROLE", "STATE", "SESSIONS", "LAST SIGN-IN"}}
	for _, u := range list {
		signedIn := "never"
		if u.SignedInAt != nil {
			signedIn = u.SignedInAt.Format(time.RFC3339)
		}
		rows = append(rows, []string{u.Name, string(u.Role), string(u.State), strconv.Itoa(u.Sessions), signedIn})
	}
	return p.table(rows)
}

// newPassword are the ways to give a password. It is never an argument: other users of the machine can read those.
type newPassword struct {
	PasswordStdin bool `name:"password-stdin" help:"Read the password from stdin. Default: ask for it on the terminal."`
}

// maxPasswordInput bounds what is read for a password, in bytes.
const maxPasswordInput = 4 << 10

// read returns the password: the first line of stdin, or what is typed on a terminal twice.
func (n newPassword) read(p program, name string) (string, error) {
	if n.PasswordStdin {
		text, err := io.ReadAll(io.LimitReader(p.stdin, maxPasswordInput))
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		password, _, _ := strings.Cut(string(text), "\n")
		return strings.TrimSuffix(password, "\r"), nil
	}
	terminal, ok := terminalOf(p.stdin)
	if !ok {
		return "", usageError{errors.New("there is no terminal to ask for the password: use --password-stdin")}
	}
	password, err := p.ask(terminal, "Password for "+name+": ")
	if err != nil {
		return "", err
	}
	again, err := p.ask(terminal, "Again: ")
	if err == nil && again != password {
		err = deadletter.Errorf(deadletter.Invalid, "the two passwords differ: nothing was changed")
	}
	return password, err
}

// ask prints a question and reads the answer without showing it.
func (p program) ask(terminal int, question string) (string, error) {
	fmt.Fprint(p.stderr, question)
	text, err := term.ReadPassword(terminal)
	fmt.Fprintln(p.stderr)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}

type userAdd struct {
	configFlag
	newPassword
	Name string `arg:"" help:"The name to sign in with."`
	Role string `required:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
}

func (c userAdd) Run(p program) error {
	password, err := c.read(p, c.Name)
	if err != nil {
		return err
	}
	return c.manageOrMake(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		if err := users.AddUser(ctx, by, c.Name, c.Role, password); err != nil {
			return err
		}
		return p.printLine("user %s may sign in as %s", c.Name, c.Role)
	})
}

// oneUser are the flags of commands about one user.
type oneUser struct {
	configFlag
	Name string `arg:"" help:"The name of the user."`
}

// change calls do with the users, and prints what was done.
func (u oneUser) change(p program, do manageUsers, done string, args ...any) error {
	if err := u.manage(p, do); err != nil {
		return err
	}
	return p.printLine(done, args...)
}

type userRole struct {
	oneUser
	Role string `arg:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
}

func (c userRole) Run(p program) error {
	return c.change(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		return users.SetRole(ctx, by, c.Name, c.Role)
	}, "the role of %s is %s", c.Name, c.Role)
}

type userPassword struct {
	oneUser
	newPassword
}

func (c userPassword) Run(p program) error {
	password, err := c.read(p, c.Name)
	if err != nil {
		return err
	}
	return c.change(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		return users.SetPassword(ctx, by, c.Name, password)
	}, "%s has a new password; every session of theirs has ended", c.Name)
}

type userDisable struct{ oneUser }

func (c userDisable) Run(p program) error {
	return c.change(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		return users.Disable(ctx, by, c.Name)
	}, "%s is disabled and signed out; their jobs are paused", c.Name)
}

type userEnable struct{ oneUser }

func (c userEnable) Run(p program) error {
	return c.change(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		return users.Enable(ctx, by, c.Name)
	}, "%s may sign in again", c.Name)
}

type userDelete struct {
	oneUser
	Yes bool `help:"Do not ask for confirmation."`
}

func (c userDelete) Run(p program) error {
	confirmed := c.Yes
	if isTerminal(p.stdin) && !c.Yes {
		fmt.Fprintf(p.stderr, "This cannot be undone. Type the name of the user to delete it: ")
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if err != nil {
			return fmt.Errorf("read the confirmation: %w", err)
		}
		if !strings.EqualFold(strings.TrimSpace(line), c.Name) {
			return deadletter.Errorf(deadletter.Invalid, "this is another name: nothing was deleted")
		}
		confirmed = true
	}
	return c.change(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		err := users.Delete(ctx, by, c.Name, confirmed)
		if deadletter.KindOf(err) == deadletter.NeedsConfirmation {
			return usageError{fmt.Errorf("%s with --yes", deadletter.TextOf(err))}
		}
		return err
	}, "%s is deleted; the audit trail keeps the name", c.Name)
}

type userSignOut struct{ oneUser }

func (c userSignOut) Run(p program) error {
	return c.manage(p, func(ctx context.Context, users *auth.Auth, by deadletter.Actor) error {
		n, err := users.EndSessions(ctx, by, c.Name)
		if err != nil {
			return err
		}
		if n == 1 {
			return p.printLine("1 session of %s has ended", c.Name)
		}
		return p.printLine("%d sessions of %s have ended", n, c.Name)
	})
}

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
	return p.printLine("%s\n(works once, until dlqdesk restarts or another link is made)", link)
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"dlqdesk/internal/config"
	"dlqdesk/internal/shell"
)

// defaultFile is read if it exists and no other file is named.
const defaultFile = "dlqdesk.yaml"

// configFlag is the flag of every command that needs the configuration. Without a file, defaults and environment apply.
type configFlag struct {
	File string `name:"config" placeholder:"FILE" help:"Default: $DLQDESK_CONFIG, or else ./dlqdesk.yaml."`
}

func (f configFlag) load(p program, flags ...config.Flag) (config.Config, error) {
	file, err := f.path(p.environ)
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(file, p.environ, flags...)
}

// loadDataOnly is load for commands that need the data folder and the queues alone: secrets of sources may be absent.
func (f configFlag) loadDataOnly(p program) (config.Config, error) {
	file, err := f.path(p.environ)
	if err != nil {
		return config.Config{}, err
	}
	return config.LoadDataOnly(file, p.environ)
}

// command returns a command line to type in the same folder: with this program, which may not be on PATH, and with the
// same file, whose name may come from a variable that other shells do not have.
func (f configFlag) command(environ []string, line string) string {
	line = shell.Word(os.Args[0]) + " " + line
	if file, err := f.path(environ); err == nil && file != "" {
		line += " --config " + shell.Word(file)
	}
	return line
}

func (f configFlag) path(environ []string) (string, error) {
	if f.File != "" {
		return f.File, nil
	}
	for _, setting := range environ {
		if file, ok := strings.CutPrefix(setting, "DLQDESK_CONFIG="); ok && file != "" {
			return file, nil
		}
	}
	switch _, err := os.Stat(defaultFile); {
	case errors.Is(err, os.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("find the configuration: %w", err)
	}
	return defaultFile, nil
}

type configShow struct {
	configFlag
	logFlags
	JSON bool `name:"json" help:"Print JSON, with the keys that have no value."`
}

// Run prints each key that has a value.
func (c configShow) Run(p program) error {
	cfg, err := c.load(p, c.set()...)
	if err != nil {
		return err
	}
	if c.JSON {
		return p.json(cfg.Values)
	}
	rows := [][]string{{"KEY", "VALUE", "FROM"}}
	for _, v := range cfg.Values {
		if v.Text != "" {
			rows = append(rows, []string{v.Key, quoted(v.Text), v.From})
		}
	}
	return p.table(rows)
}

// quoted returns a value on one line.
func quoted(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

type configCheck struct {
	configFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// checked is the result of a check as JSON.
type checked struct {
	File     string         `json:"file"`
	Valid    bool           `json:"valid"`
	Faults   []config.Fault `json:"faults"`
	Warnings []string       `json:"warnings"`
}

func (c configCheck) Run(p program) error {
	cfg, err := c.load(p)
	if c.JSON {
		result := checked{
			File: cfg.File, Valid: err == nil, Faults: []config.Fault{}, Warnings: append([]string{}, cfg.Warnings...),
		}
		if faults, ok := errors.AsType[config.Faults](err); ok {
			result.File, _ = c.path(p.environ) // it names one: the faults are in it
			result.Faults = faults
		}
		return errors.Join(err, p.json(result))
	}
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(p.stderr, "warning: %s\n", w)
	}
	_, err = fmt.Fprint(p.stdout, summary(cfg))
	return err
}

// summary returns the effective configuration, the environment included.
func summary(c config.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid\n", cmp.Or(c.File, "the configuration (no file)"))
	fmt.Fprintf(&b, "  listen    %s\n", c.Listen)
	fmt.Fprintf(&b, "  console   %s\n", cmp.Or(c.ConsoleListen, c.Listen))
	fmt.Fprintf(&b, "  data      %s\n", c.DataDir)
	fmt.Fprintf(&b, "  queue     %s\n", cmp.Or(c.Queue.DLQURL, "embedded"))
	for _, q := range c.Queues {
		fmt.Fprintf(&b, "  queues    %s reads %s\n", q.Name, q.URL)
	}
	for _, s := range c.Sources {
		fmt.Fprintf(&b, "  source    /webhooks/%s -> %s (%s)\n", s.Name, s.Address(), s.Mode)
	}
	return b.String()
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
)

type completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that makes a shell ask this program for completions.
func (c completion) Run(p program) error {
	_, err := fmt.Fprint(p.stdout, completionScripts()[c.Shell])
	return err
}

// completionScripts returns the scripts by shell. Each calls the program that is being completed with the words of the
// command line up to the cursor. The program prints a line for each candidate, with a tab and its description, or
// filesOnly.
func completionScripts() map[string]string {
	return map[string]string{
		"bash": `_dlqdesk() {
	local IFS=$'\n' out
	out=$("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	if [ "$out" = ":files" ]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$2"))
		return
	fi
	COMPREPLY=($(printf '%s\n' "$out" | cut -f1))
}
complete -F _dlqdesk dlqdesk
`,
		"zsh": `#compdef dlqdesk
_dlqdesk() {
	local line
	local -a lines candidates
	lines=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ "${lines[1]}" == ":files" ]]; then
		_files
		return
	fi
	for line in "${lines[@]}"; do
		candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	_describe dlqdesk candidates
}
compdef _dlqdesk dlqdesk
`,
		"fish": `function __dlqdesk_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l out ($words[1] __complete -- $words[2..-1] 2>/dev/null)
	if test "$out[1]" = ":files"
		__fish_complete_path (commandline -ct)
	else
		printf '%s\n' $out
	end
end
complete -c dlqdesk -f -a '(__dlqdesk_complete)'
`,
	}
}

// filesOnly is printed if a file or folder comes next.
const filesOnly = ":files"

type completeWords struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints the candidates for the last word, each with a description.
func (c completeWords) Run(p program) error {
	parser, err := newParser(&cli{}, p)
	if err != nil {
		return err
	}
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, line := range complete(parser.Model.Node, words, p) {
		fmt.Fprintln(p.stdout, line)
	}
	return nil
}

// cursor is the place in a command line at which a word is completed.
type cursor struct {
	node      *kong.Node  // the command so far
	flag      *kong.Value // whose value comes next; nil: none
	positions int         // arguments before the word
	config    configFlag  // with the file that was named
	desk      deskFlag    // with the desk that was named
}

// complete returns the candidates for the last of the words: "serve\tReceive webhooks and serve the desk.".
func complete(root *kong.Node, words []string, p program) (lines []string) {
	words, split := joinFlags(words)
	word := words[len(words)-1]
	at, before := follow(root, words[:len(words)-1]), ""
	if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "--") {
		at.flag, word = findFlag(at.node, name), value
		if before = name + "="; split {
			before = "" // the shell completes what is behind the = as a word of its own
		}
	}
	offer := func(candidate, help string) {
		if strings.HasPrefix(candidate, word) {
			lines = append(lines, strings.TrimSuffix(before+candidate+"\t"+help, "\t"))
		}
	}
	switch {
	case at.flag != nil && isPath(at.flag):
		return []string{filesOnly}
	case at.flag != nil:
		at.offerValues(at.flag, p, offer)
	case strings.HasPrefix(word, "-"):
		at.offerFlags(offer)
	case at.positions < len(at.node.Positional):
		at.offerValues(at.node.Positional[at.positions], p, offer)
	}
	for _, child := range at.node.Children {
		if at.flag == nil && !child.Hidden {
			offer(child.Name, child.Help)
		}
	}
	return lines
}

// joinFlags puts flags together that bash splits: --to, = and dlq become --to=dlq. split reports whether the last word
// was one of these.
func joinFlags(words []string) (joined []string, split bool) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		split = false
		if i+1 < len(words) && words[i+1] == "=" && strings.HasPrefix(word, "--") {
			word, split = word+strings.Join(words[i+1:min(i+3, len(words))], ""), true
			i += 2
		}
		joined = append(joined, word)
	}
	if len(joined) == 0 {
		joined = []string{""}
	}
	return joined, split
}

// follow walks the words before the one that is completed.
func follow(root *kong.Node, words []string) cursor {
	at := cursor{node: root}
	for _, word := range words {
		if at.flag != nil {
			at.take(at.flag, word)
			continue
		}
		if name, value, ok := strings.Cut(word, "="); strings.HasPrefix(word, "-") {
			at.flag = findFlag(at.node, name)
			if ok && at.flag != nil {
				at.take(at.flag, value)
			}
			continue
		}
		i := slices.IndexFunc(at.node.Children, func(n *kong.Node) bool { return n.Name == word })
		switch {
		case i >= 0:
			at.node = at.node.Children[i]
		case at.node.Leaf():
			at.positions++
		default:
			at.node = &kong.Node{} // no command: nothing can follow
		}
	}
	return at
}

// take gives a flag its value.
func (c *cursor) take(flag *kong.Value, value string) {
	switch flag.Name {
	case "config":
		c.config.File = value
	case "desk":
		c.desk.Desk = value
	}
	c.flag = nil
}

// findFlag returns the flag with a value that has the name, such as --to; nil if there is none.
func findFlag(n *kong.Node, name string) *kong.Value {
	for _, group := range n.AllFlags(true) {
		for _, flag := range group {
			if "--"+flag.Name == name && !flag.IsBool() {
				return flag.Value
			}
		}
	}
	return nil
}

func (c *cursor) offerFlags(offer func(candidate, help string)) {
	for _, group := range c.node.AllFlags(true) {
		for _, flag := range group {
			offer("--"+flag.Name, flag.Help)
		}
	}
}

// isPath reports whether a value is a file or a folder.
func isPath(v *kong.Value) bool {
	return v.Flag != nil && (v.Flag.PlaceHolder == "FILE" || v.Flag.PlaceHolder == "FOLDER")
}

// offerValues offers the valid values of a flag or an argument, as far as they are known.
func (c *cursor) offerValues(v *kong.Value, p program, offer func(candidate, help string)) {
	if c.asksDesk() && v.Enum == "" {
		c.offerOfDesk(v, p, offer)
		return
	}
	var names []string
	if v.Enum != "" {
		names = v.EnumSlice()
	}
	switch v.Name {
	case "log-level":
		names = []string{"debug", "info", "warn", "error"}
	case "log-format":
		names = []string{string(config.LogText), string(config.LogJSON)}
	case "status":
		for _, s := range deadletter.OpenStatuses() {
			names = append(names, string(s))
		}
	case "source", "queue", "to", "platform":
		cfg, err := c.config.loadDataOnly(p)
		if err == nil { // a faulty configuration has no names to offer
			names = namesIn(cfg, v.Name)
		}
	}
	for _, name := range names {
		offer(name, "")
	}
}

// namesIn returns the names of a kind in the configuration.
func namesIn(c config.Config, kind string) (names []string) {
	switch kind {
	case "source":
		return c.SourceNames()
	case "platform":
		for _, p := range c.Platforms {
			names = append(names, p.Name)
		}
	case "to":
		return append([]string{"dlq"}, c.QueueNames()...)
	case "queue":
		return c.QueueNames()
	}
	return names
}

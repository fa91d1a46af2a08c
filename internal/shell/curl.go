package shell

import (
	"maps"
	"slices"
	"strings"
)

// Curl is a POST request that a command sends. The command sends these headers, Host and Content-Length, and no others.
type Curl struct {
	URL     string              // absolute, http or https
	Headers map[string][]string // a name that HTTP does not allow is left out
	Body    []byte
	File    string   // of the current folder, with the body: it is sent instead of Body; "": Body is sent
	Args    []string // further arguments, as the shell reads them, such as -H 'X-Key: '"$KEY"
}

// maxArgument bounds the bytes of a body in an argument. Linux allows 128 KiB; a longer text is written by printf,
// which is a part of the shell.
const maxArgument = 64 << 10

// Command returns the command. It reads no configuration of curl, and no file but File.
func (c Curl) Command() string {
	args := []string{"curl -q -i --globoff --path-as-is --proto '=http,https' --request POST"}
	if unset := c.unsetDefaults(); unset != "" {
		args = append(args, unset)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		for _, value := range c.Headers[name] {
			if isToken(name) {
				args = append(args, "-H "+Quote(header(name, value)))
			}
		}
	}
	args = append(args, c.Args...)
	before, body := c.body()
	args = append(args, body, "--url "+Quote(c.URL))
	return before + strings.Join(args, " \\\n  ")
}

// unsetDefaults removes the headers that curl adds by itself, where the request does not have them.
func (c Curl) unsetDefaults() string {
	var args []string
	for _, name := range []string{"Accept", "Content-Type", "Expect", "User-Agent"} {
		if _, ok := c.Headers[name]; !ok {
			args = append(args, "-H '"+name+":'")
		}
	}
	return strings.Join(args, " ")
}

// body returns the argument of the body, and what stands before curl to write the body to its standard input.
func (c Curl) body() (before, argument string) {
	text := string(c.Body)
	switch {
	case c.File != "":
		return "", "--data-binary " + Quote("@"+c.File)
	case !isPlain(text):
		return printf(text) + " | ", "--data-binary @-"
	case len(text) > maxArgument:
		return "printf %s " + Quote(text) + " | ", "--data-binary @-"
	}
	return "", "--data-raw " + Quote(text) // no @ in it means a file
}

// header returns an argument of -H. After a name without a value, curl takes a semicolon for an empty value.
func header(name, value string) string {
	if value = strings.Trim(value, " \t"); value == "" {
		return name + ";"
	}
	return name + ": " + value
}

// tokenChars are those of a header's name, RFC 9110 section 5.6.2. A name cannot begin with @, which means a file.
const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func isToken(name string) bool { return name != "" && strings.Trim(name, tokenChars) == "" }

// Env returns the value of an environment variable, which the shell reads.
func Env(name string) string { return `"$` + name + `"` }

// Contents returns the contents of a file, which the shell reads, without newlines at the end.
func Contents(file string) string { return `"$(cat ` + Quote(file) + `)"` }

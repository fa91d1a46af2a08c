package delivery

import (
	"path"
	"regexp"
	"strings"
)

// traceNames are the usual names of a stack trace in JSON, as canonical writes them.
var traceNames = []string{"trace", "stack", "stacktrace", "traceback", "backtrace"}

// withTrace adds to an error where the program failed, as far as its stack trace is needed to tell one mistake from
// another. Without an error, or if the trace has a cause of it, it returns that of the trace.
func withTrace(text string, texts map[string]string) string {
	for _, name := range traceNames {
		trace := texts[name]
		switch {
		case trace == "":
		case text == "" || innermost(trace) != "":
			return errorOfTrace(trace)
		default:
			return text + place(text, trace)
		}
	}
	return text
}

var (
	pythonTrace = regexp.MustCompile(`(?m)^Traceback \(most recent call last\):`)
	pythonError = regexp.MustCompile(
		`(?m)^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*((?:[A-Za-z_]\w*\.)*[A-Za-z]\w*(?:: .*)?)$`,
	)
	frames      = regexp.MustCompile(`(?s)\s*\n[\s\x{a0}]*at .*|\s+at [\w.$<>]+ \([^)]*:\d+(?::\d+)?\).*`)
	traceInJSON = regexp.MustCompile(`"(?:trace|stack|stackTrace|stacktrace|stack_trace|traceback)"\s*:\s*` +
		`"((?:[^"\\]|\\.)*)`)
	unescaped = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "", `\"`, `"`, `\\`, `\`)
	phpTrace  = regexp.MustCompile(`\s+(?:Stack trace:|thrown in )`)

	// causes match the causes of an exception, the innermost last: of Java, of .NET, of Node, and of Rust.
	causes = []*regexp.Regexp{
		regexp.MustCompile(`(?m)^\s*Caused by: (\S.*)$`),
		regexp.MustCompile(`(?m)^\s*---> (.*?)(?:\s+at .*)?$`),
		regexp.MustCompile(`(?m)^\s*\[cause\]: (.*?)(?: \{)?$`),
		regexp.MustCompile(`(?m)^ {2,}\d+: (.*)$`),
	}
	rustCauses = regexp.MustCompile(`(?m)^Caused by:$`)
	rustPanic  = regexp.MustCompile(`(?s)panicked at (\S+?):\d+:\d+:\n([^\n]*)`)
	rubyError  = regexp.MustCompile("^\\S+\\.rb:\\d+:in [`'].*?': (.*) \\(([A-Z][\\w:]*)\\)")
	elixir     = regexp.MustCompile(`^\*\* \((\w[\w.]*)\) (.*)`)
)

// errorOfTrace returns the error of a text that may be a stack trace: that of its innermost cause, with the place of a
// mistake of the program; of a Python program the last exception with the first, which is its cause.
func errorOfTrace(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if pythonTrace.MatchString(text) {
		if errors := pythonError.FindAllStringSubmatch(text, -1); len(errors) > 0 {
			last, first := errors[len(errors)-1][1], errors[0][1]
			if last == first {
				return last + place(last, text)
			}
			return last + ", caused by " + first + place(first, text)
		}
	}
	if found := rustPanic.FindStringSubmatch(text); found != nil {
		return found[2] + " in " + found[1]
	}
	line := innermost(text)
	if line == "" {
		line, _, _ = strings.Cut(text, "\n")
		if !isTrace(text) {
			line = firstLines(text)
		}
	}
	if at := phpTrace.FindStringIndex(line); at != nil {
		line = line[:at[0]]
	}
	if found := rubyError.FindStringSubmatch(line); found != nil {
		line = found[2] + ": " + found[1]
	} else if found := elixir.FindStringSubmatch(line); found != nil {
		line = found[1] + ": " + found[2]
	}
	line = strings.TrimSpace(withoutFrames(line))
	return packageName.ReplaceAllString(line, "$1") + place(line, text)
}

// packageName stands before the class of an exception, perhaps behind the thread.
var packageName = regexp.MustCompile(
	`^(?:Exception in thread (?:"[^"]*"|\S+) )?(?:[a-z_]\w*\.)+([A-Z]\w*(?:Exception|Error))`,
)

// innermost returns the last cause in a trace; "" if it has none.
func innermost(text string) string {
	for i, pattern := range causes {
		if isRust := i == len(causes)-1; isRust && !rustCauses.MatchString(text) {
			continue
		}
		if found := pattern.FindAllStringSubmatch(text, -1); len(found) > 0 {
			return strings.TrimSpace(found[len(found)-1][1])
		}
	}
	return ""
}

// isTrace reports whether a text goes on with frames after its first line.
func isTrace(text string) bool {
	return frameLine.MatchString(text)
}

var frameLine = regexp.MustCompile(
	`(?m)^\s*at \S|^\s*#\d+ |^goroutine \d|^\s+from \S+:\d+|^\s*\S+\.rb:\d+:in |^\s+\(.*\) \S+\.exs?:\d+|Stack trace:`,
)

// firstLines returns the first lines of a text that have one.
func firstLines(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && len(lines) < maxTexts && !ofRequest.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

// ofRequest matches a line that names a request: one word with digits, or a header.
var ofRequest = regexp.MustCompile(`^\S*\d\S*$|^[\w-]+: \S+$`)

// withoutFrames returns the text before the frames of a trace.
func withoutFrames(text string) string {
	if !strings.Contains(text, "at ") { // nearly every text, and the expression is slow
		return text
	}
	return frames.ReplaceAllString(text, "")
}

// cutTrace returns the stack trace in a JSON document that is cut within it.
func cutTrace(document []byte) string {
	if found := traceInJSON.FindSubmatch(document); found != nil {
		return unescaped.Replace(string(found[1]))
	}
	return ""
}

// language is how frames of a stack trace are written, and which are not of the application.
type language struct {
	frame   *regexp.Regexp // its groups are a file, if frames tell one, and a function
	foreign *regexp.Regexp // of libraries, in a frame
	last    bool           // the latest call is the last line
}

var languages = []language{
	{ // Java
		frame: regexp.MustCompile(
			`(?m)^\s*at (?:[\w.]+/)?()([\w.$]+\.[\w$<>]+)\([^)]*\.(?:java|kt|scala|groovy):\d+\)`,
		),
		foreign: regexp.MustCompile(
			`\s(?:[\w.]+/)?(?:java|javax|jakarta|jdk|sun|com\.sun|kotlin|kotlinx|scala|groovy|` +
				`org\.springframework|org\.apache|org\.hibernate|org\.postgresql|org\.eclipse|org\.jboss|com\.fasterxml|` +
				`com\.zaxxer|com\.mysql|com\.google|io\.netty|io\.undertow|io\.vertx|reactor|oracle|okhttp3|retrofit2|feign)\.`,
		),
	},
	{ // .NET
		frame: regexp.MustCompile(`(?m)^\s*at ()([\w.<>+` + "`" + `]+)\([^)\n]*\)`),
		foreign: regexp.MustCompile(
			`\sat (?:System|Microsoft|Newtonsoft|Npgsql|MySql|Dapper|AutoMapper|MediatR|lambda_method)\b`,
		),
	},
	{ // Node
		frame:   regexp.MustCompile(`(?m)^\s*at (?:async |new )*()([\w.$<>]+)[^\n(]*\([^)\n]*:\d+:\d+\)`),
		foreign: regexp.MustCompile(`node_modules|node:|\(internal/|<anonymous>`),
	},
	{ // Python
		frame:   regexp.MustCompile(`(?m)^\s*File "([^"]+)", line \d+, in (\S+)`),
		foreign: regexp.MustCompile(`site-packages|dist-packages|/lib/python|<frozen`),
		last:    true,
	},
	{ // PHP
		frame:   regexp.MustCompile(`(?m)^#\d+ ([^(\n]+)\(\d+\): (\S+?)\(`),
		foreign: regexp.MustCompile(`/vendor/|\[internal`),
	},
	{ // Ruby
		frame:   regexp.MustCompile("(?m)^\\s*(?:from )?(\\S+\\.rb):\\d+:in [`'](?:[\\w:]+[#.])?([\\w?!]+)'"),
		foreign: regexp.MustCompile(`/gems/|/lib/ruby/`),
	},
	{ // Go
		frame:   regexp.MustCompile(`(?m)^()([\w./*()-]+\.[\w*().]+)\([^\n]*\)\n\t[^\n]*\.go:\d+`),
		foreign: regexp.MustCompile(`^(?:runtime|net/http|panic|testing|reflect)\b|/pkg/mod/|/go/src/`),
	},
}

// mistake matches errors whose texts are the same wherever a program makes the mistake.
var mistake = regexp.MustCompile(
	`\b(?:NullPointer|ClassCast|\w*IndexOutOfBounds|NumberFormat|NoSuchElement|NullReference|InvalidCast|` +
		`IndexOutOfRange|ArgumentNull)Exception\b|\b(?:TypeError|AttributeError|IndexError|ReferenceError|NoMethodError|` +
		`ZeroDivisionError)\b|nil pointer dereference|index out of range|Cannot read propert|undefined method|on null\b|` +
		`Object reference not set|Cannot invoke "|Sequence contains no`,
)

// tellingName matches the name of a property that is no common word: it tells the mistake.
var tellingName = regexp.MustCompile(`reading '\w{7,}'`)

// place returns " in Class.method" for the first frame of the application's own code in the trace of a mistake.
func place(text, trace string) string {
	if !mistake.MatchString(text) && !mistake.MatchString(trace) || tellingName.MatchString(text) {
		return ""
	}
	for _, l := range languages {
		found := ""
		for _, frame := range l.frame.FindAllStringSubmatch(trace, -1) {
			if l.foreign.MatchString(frame[0]) {
				continue
			}
			if found = frameName(frame[1], frame[2]); !l.last {
				break
			}
		}
		if found != "" {
			return " in " + found
		}
	}
	return ""
}

// frameName returns the last two parts of a function's name, with its file before it if it has one part.
func frameName(file, function string) string {
	function = function[strings.LastIndexAny(function, `/\`)+1:]
	parts := strings.Split(function, ".")
	if n := len(parts); n > 1 && len(parts[n-2]) <= 2 { // a name that a bundler made
		return parts[n-1]
	} else if n > 1 {
		return strings.Join(parts[len(parts)-2:], ".")
	}
	if file == "" {
		return function
	}
	return strings.TrimSuffix(path.Base(file), path.Ext(file)) + "." + function
}

package delivery

import (
	"regexp"
	"strings"
)

// traceNames are the usual names of a stack trace in JSON.
var traceNames = []string{"trace", "stack", "stackTrace", "stacktrace", "stack_trace", "traceback"}

// withTrace adds to an error where the program failed, as far as its stack trace is needed to tell one mistake from
// another. Without an error it returns that of the trace.
func withTrace(text string, texts map[string]string) string {
	for _, name := range traceNames {
		trace := texts[name]
		switch {
		case trace == "":
		case text == "":
			return errorOfTrace(trace)
		default:
			return text + javaPlace(trace)
		}
	}
	return text
}

var (
	pythonTrace = regexp.MustCompile(`(?m)^Traceback \(most recent call last\):`)
	pythonError = regexp.MustCompile(`(?m)^((?:[A-Za-z_]\w*\.)*[A-Z]\w*)(: .*)?$`)
	frames      = regexp.MustCompile(`(?s)\s*\n[\s\x{a0}]*at .*|\s+at [\w.$<>]+ \([^)]*:\d+(?::\d+)?\).*`)
	traceInJSON = regexp.MustCompile(`"(?:` + strings.Join(traceNames, "|") + `)"\s*:\s*"((?:[^"\\]|\\.)*)`)
	unescaped   = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "", `\"`, `"`, `\\`, `\`)
	phpTrace    = regexp.MustCompile(`\s+(?:Stack trace:|thrown in )`)
	javaFrame   = regexp.MustCompile(
		`(?m)^\s*at (?:[\w$-]+[./])*?([A-Z][\w$]*\.[\w$<>]+)\([^)]*\.(?:java|kt|scala|groovy):\d+\)`,
	)

	// mistake matches the exceptions whose texts are the same wherever they are thrown.
	mistake = regexp.MustCompile(
		`\b(?:NullPointer|ClassCast|\w*IndexOutOfBounds|NumberFormat|NoSuchElement)Exception\b`,
	)
)

// errorOfTrace returns the error of a text that may be a stack trace: its first line, with where a Java program failed,
// or the last exception of a Python program with the first, which is its cause.
func errorOfTrace(text string) string {
	if pythonTrace.MatchString(text) {
		if errors := pythonError.FindAllString(text, -1); len(errors) > 0 {
			last, first := errors[len(errors)-1], errors[0]
			if last == first {
				return last
			}
			return last + ", caused by " + first
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if at := phpTrace.FindStringIndex(line); at != nil {
		line = line[:at[0]]
	}
	return strings.TrimSpace(withoutFrames(line)) + javaPlace(text)
}

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

// javaPlace returns " at Class.method" for the first frame of a trace whose exception is a mistake of the program.
func javaPlace(trace string) string {
	if !mistake.MatchString(trace) {
		return ""
	}
	if frame := javaFrame.FindStringSubmatch(trace); frame != nil {
		return " at " + frame[1]
	}
	return ""
}

package envelope

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// writer writes a JSON object member by member, without reflection, because a platform waits meanwhile. Some methods
// leave out an empty member, and say so.
type writer struct {
	out []byte
	err error // of the first member that could not be written
}

// begin returns a writer of an object of about size bytes.
func begin(size int) *writer { return &writer{out: append(make([]byte, 0, size), '{')} }

// end ends the object, and returns the text.
func (w *writer) end() []byte {
	w.close()
	return w.out
}

// name writes the name of a member. The caller writes its value next.
func (w *writer) name(name string) {
	if w.out[len(w.out)-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(appendText(w.out, name), ':')
}

// raw writes a value that is JSON already.
func (w *writer) raw(name string, value []byte) {
	w.name(name)
	w.out = append(w.out, value...)
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.out = appendText(w.out, value)
}

// optional writes a text, unless it is empty.
func (w *writer) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) number(name string, value int64) {
	w.name(name)
	w.out = strconv.AppendInt(w.out, value, 10)
}

// counted writes a number, unless it is 0.
func (w *writer) counted(name string, value int64) {
	if value != 0 {
		w.number(name, value)
	}
}

// set writes true, and nothing for false.
func (w *writer) set(name string, value bool) {
	if value {
		w.raw(name, []byte("true"))
	}
}

func (w *writer) time(name string, at time.Time) {
	text, err := at.UTC().MarshalText()
	w.fail(name, err)
	w.text(name, string(text))
}

// bytes writes bytes in base64, unless there are none.
func (w *writer) bytes(name string, value []byte) {
	if len(value) == 0 {
		return
	}
	w.name(name)
	w.out = append(base64.StdEncoding.AppendEncode(append(w.out, '"'), value), '"')
}

// packed writes bytes compressed and in base64. They may be large: no copy of the result is made.
func (w *writer) packed(name string, value []byte) {
	w.name(name)
	w.out = append(w.out, '"')
	w.fail(name, pack(w, value))
	w.out = append(w.out, '"')
}

// Write implements io.Writer.
func (w *writer) Write(text []byte) (int, error) {
	w.out = append(w.out, text...)
	return len(text), nil
}

// open begins a member that is an object. The members written before close belong to it.
func (w *writer) open(name string) {
	w.name(name)
	w.out = append(w.out, '{')
}

func (w *writer) close() { w.out = append(w.out, '}') }

func (w *writer) texts(name string, values []string) {
	w.name(name)
	w.out = append(w.out, '[')
	for i, value := range values {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = appendText(w.out, value)
	}
	w.out = append(w.out, ']')
}

// value writes any other value as encoding/json does.
func (w *writer) value(name string, v any) {
	text, err := marshal(v)
	w.fail(name, err)
	w.raw(name, text)
}

func (w *writer) fail(name string, err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("%s: %w", name, err)
	}
}

// appendText writes a JSON string, without a character that a queue refuses.
func appendText(out []byte, text string) []byte {
	start := len(out)
	out, _ = jsontext.AppendQuote(out, text) // an error says that it was no UTF-8: U+FFFD stands in its place
	for i := range len(text) {
		if text[i] >= firstRefused {
			return append(out[:start], escapeRefused(out[start:])...)
		}
	}
	return out
}

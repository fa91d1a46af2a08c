package envelope

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// members writes a JSON object member by member, each as encoding/json would, but without looking up how by
// reflection: an envelope is written while a platform waits for its answer. What is empty is left out where a
// member's method says so.
type members struct {
	out []byte
	err error // of the first member that could not be written
}

// begin begins an object of about so many bytes.
func begin(size int) *members { return &members{out: append(make([]byte, 0, size), '{')} }

// end ends the object, and answers everything that was written.
func (m *members) end() []byte {
	m.close()
	return m.out
}

// name begins a member, which its value follows.
func (m *members) name(name string) {
	if m.out[len(m.out)-1] != '{' {
		m.out = append(m.out, ',')
	}
	m.out = append(appendText(m.out, name), ':')
}

// raw writes a value that is JSON already.
func (m *members) raw(name string, value []byte) {
	m.name(name)
	m.out = append(m.out, value...)
}

func (m *members) text(name, value string) {
	m.name(name)
	m.out = appendText(m.out, value)
}

// optional leaves out an empty text.
func (m *members) optional(name, value string) {
	if value != "" {
		m.text(name, value)
	}
}

func (m *members) number(name string, value int64) {
	m.name(name)
	m.out = strconv.AppendInt(m.out, value, 10)
}

// counted leaves out 0.
func (m *members) counted(name string, value int64) {
	if value != 0 {
		m.number(name, value)
	}
}

// set leaves out what is not.
func (m *members) set(name string, value bool) {
	if value {
		m.raw(name, []byte("true"))
	}
}

func (m *members) time(name string, at time.Time) {
	text, err := at.UTC().MarshalText()
	m.fail(name, err)
	m.text(name, string(text))
}

// bytes writes bytes in base64, and leaves out none.
func (m *members) bytes(name string, value []byte) {
	if len(value) == 0 {
		return
	}
	m.name(name)
	m.out = append(base64.StdEncoding.AppendEncode(append(m.out, '"'), value), '"')
}

// open begins a member that is an object: what is written until close are its members.
func (m *members) open(name string) {
	m.name(name)
	m.out = append(m.out, '{')
}

func (m *members) close() { m.out = append(m.out, '}') }

func (m *members) texts(name string, values []string) {
	m.name(name)
	m.out = append(m.out, '[')
	for i, value := range values {
		if i > 0 {
			m.out = append(m.out, ',')
		}
		m.out = appendText(m.out, value)
	}
	m.out = append(m.out, ']')
}

// value writes any other value as encoding/json does.
func (m *members) value(name string, v any) {
	text, err := marshal(v)
	m.fail(name, err)
	m.raw(name, text)
}

func (m *members) fail(name string, err error) {
	if err != nil && m.err == nil {
		m.err = fmt.Errorf("%s: %w", name, err)
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

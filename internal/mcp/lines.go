package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// maxLine bounds a line of an assistant, in bytes. It is more than the desk takes in one request.
const maxLine = 4 << 20

// lines reads the messages of an assistant, one a line. The SDK would end at the first line that is none: lines answers
// that with an error, and goes on.
type lines struct {
	io.Closer
	in      *bufio.Reader
	answers io.Writer
	present bytes.Buffer // what was not read yet of the present line
}

func newLines(in io.ReadCloser, answers io.Writer) *lines {
	return &lines{Closer: in, in: bufio.NewReaderSize(in, maxLine), answers: answers}
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	for l.present.Len() == 0 {
		line, err := l.in.ReadSlice('\n')
		tooLong := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.in.ReadSlice('\n')
		}
		line = bytes.TrimSpace(line)
		switch {
		case tooLong:
			err = l.refuse(nil, jsonrpc.CodeInvalidRequest, "a message has at most 4 MiB")
		case len(line) > 0:
			err = l.take(line) // the next call has the end of the stream again
		}
		if err != nil {
			return 0, err
		}
	}
	return l.present.Read(p)
}

// take makes a line the present one, or answers it if it is no message.
func (l *lines) take(line []byte) error {
	if !json.Valid(line) {
		return l.refuse(nil, jsonrpc.CodeParseError, "the line is no JSON")
	}
	_, wrong := jsonrpc.DecodeMessage(line)
	if wrong == nil {
		l.present.Write(line)
		return l.present.WriteByte('\n')
	}
	var message struct{ ID json.RawMessage }
	if json.Unmarshal(line, &message) != nil {
		return l.refuse(nil, jsonrpc.CodeInvalidRequest, "send each message as an object on a line of its own")
	}
	return l.refuse(message.ID, jsonrpc.CodeInvalidRequest, wrong.Error())
}

// refuse writes an error to the assistant for a line that is no message. An id of nil is null: it is not known.
func (l *lines) refuse(id json.RawMessage, code int64, why string) error {
	answer, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": id, "error": jsonrpc.Error{Code: code, Message: why},
	})
	if err == nil {
		_, err = l.answers.Write(append(answer, '\n'))
	}
	return err
}

// oneByOne writes what several write at once, each whole.
type oneByOne struct {
	io.WriteCloser
	mu sync.Mutex
}

// Write implements io.Writer.
func (o *oneByOne) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.WriteCloser.Write(p)
}

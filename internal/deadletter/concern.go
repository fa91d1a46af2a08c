package deadletter

import (
	"errors"
	"fmt"
)

// concern is an error that is about one message.
type concern struct {
	message ID
	err     error
}

// AboutMessage says which message an error is about, so that whoever logs it does.
func AboutMessage(id ID, err error) error {
	if err == nil {
		return nil
	}
	return &concern{id, err}
}

// MessageOf returns the message that an error is about.
func MessageOf(err error) (ID, bool) {
	c, ok := errors.AsType[*concern](err)
	if !ok {
		return "", false
	}
	return c.message, true
}

func (c *concern) Error() string { return fmt.Sprintf("message %s: %s", c.message, c.err) }
func (c *concern) Unwrap() error { return c.err }

package deadletter

import (
	"errors"
	"fmt"
)

// concern is an error that is about one letter.
type concern struct {
	letter ID
	err    error
}

// Concerning says which letter an error is about, so that whoever logs it does.
func Concerning(id ID, err error) error {
	if err == nil {
		return nil
	}
	return &concern{id, err}
}

// ConcernOf answers the letter that an error is about.
func ConcernOf(err error) (ID, bool) {
	c, ok := errors.AsType[*concern](err)
	if !ok {
		return "", false
	}
	return c.letter, true
}

func (c *concern) Error() string { return fmt.Sprintf("letter %s: %s", c.letter, c.err) }
func (c *concern) Unwrap() error { return c.err }

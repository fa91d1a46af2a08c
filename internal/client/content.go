package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"dlqdesk/internal/api"
	"dlqdesk/internal/payload"
)

// Content is the body of a message as a person reads and edits it: decoded, and masked by the desk.
type Content struct {
	Bytes []byte
	json  bool
}

// Suffix is the end of a file's name by which an editor knows the form of the text.
func (c Content) Suffix() string {
	if c.json {
		return ".json"
	}
	return ".txt"
}

// Content returns the body of a revision, whole. It returns an error for a body that is no text, and for one that cannot
// be unpacked to its end: an edit of a part of it would lose the rest.
func (c *Client) Content(ctx context.Context, message string, revision int) (Content, error) {
	at := "/messages/" + url.PathEscape(message) + "/revisions"
	list, _, err := Read[api.PageOf[api.Revision]](c.Get(ctx, at, nil))
	if err != nil {
		return Content{}, err
	}
	body, err := c.Get(ctx, at+"/"+strconv.Itoa(revision)+"/body", nil)
	if err != nil {
		return Content{}, err
	}
	for _, r := range list.Items {
		if r.Number != revision {
			continue
		}
		text := payload.Decode(r.Headers, body.Body, maxContent)
		const instead = "download it on the page of the message"
		switch {
		case text.Kind == payload.Binary:
			return Content{}, errors.New("this body is no text: " + instead)
		case text.Cut:
			return Content{}, fmt.Errorf("this body has over %d MiB when it is unpacked: %s", maxContent>>20, instead)
		case text.Fault != "":
			return Content{}, fmt.Errorf("this body cannot be read to its end (%s): %s", text.Fault, instead)
		}
		return Content{text.Bytes, text.Kind == payload.JSON || text.Kind == payload.Form}, nil
	}
	return Content{}, fmt.Errorf("the desk does not list revision %d", revision)
}

// ReadBody reads a new body. It returns an error for one with more than a body can have.
func ReadBody(r io.Reader) ([]byte, error) {
	body, err := readWhole(r)
	if err != nil {
		return nil, fmt.Errorf("read the new body: %w", err)
	}
	return body, nil
}

// maxContent bounds what is kept of an answer or of a body, in bytes.
const maxContent = 64 << 20

// errTooLarge is for what has more than maxContent: a part of it is of no use.
var errTooLarge = fmt.Errorf("it has over %d MiB", maxContent>>20)

func readWhole(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxContent+1))
	if err == nil && len(text) > maxContent {
		err = errTooLarge
	}
	return text, err
}

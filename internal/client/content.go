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

// Content returns the body of a revision. It returns an error for a body that is no text.
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
		text := payload.Decode(r.Headers, body.Body, maxAnswer)
		if text.Kind == payload.Binary {
			return Content{}, errors.New("this body is no text: download it on the page of the message")
		}
		return Content{text.Bytes, text.Kind == payload.JSON || text.Kind == payload.Form}, nil
	}
	return Content{}, fmt.Errorf("the desk does not list revision %d", revision)
}

// ReadBody reads a new body, up to what a request can have.
func ReadBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the new body: %w", err)
	}
	return body, nil
}

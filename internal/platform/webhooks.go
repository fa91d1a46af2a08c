package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

// Item is a registration at a platform.
type Item struct {
	ID   string          `json:"id"`
	Name string          `json:"name,omitempty"`
	URL  string          `json:"url,omitempty"`
	All  json.RawMessage `json:"all,omitempty"` // from the platform, with secrets masked
}

// Limits of a list.
const (
	pageSize = 25
	maxPages = 200
)

// List returns all registrations. It reads page by page.
func (c *Client) List(ctx context.Context) ([]Item, error) {
	var items []Item
	paged := strings.Contains(c.preset.Calls[List].Path, "{page}")
	for page := 1; page <= maxPages; page++ {
		answer, err := c.call(
			ctx, List, "list what is registered",
			c.values.with("page", strconv.Itoa(page), "page_size", strconv.Itoa(pageSize)),
		)
		if err != nil {
			return nil, err
		}
		found, err := c.items(answer)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
		if !paged || len(found) < pageSize {
			return items, nil
		}
	}
	return nil, &Fault{Doing: "list what is registered", Message: fmt.Sprintf("there are over %d", maxPages*pageSize)}
}

func (c *Client) items(answer []byte) ([]Item, error) {
	list := json.RawMessage(answer)
	if c.preset.Found.Items != "" {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(answer, &members); err != nil {
			return nil, unreadable("list what is registered", err)
		}
		list = members[c.preset.Found.Items]
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(list, &raw); err != nil {
		return nil, unreadable("list what is registered", err)
	}
	items := make([]Item, len(raw))
	for i, text := range raw {
		items[i] = c.item(text)
	}
	return items, nil
}

func unreadable(doing string, err error) error {
	return &Fault{
		Doing:   doing,
		Message: "the response has an unexpected form",
		Fix:     "check list_path and id_path",
		Err:     err,
	}
}

func (c *Client) item(text []byte) Item {
	return Item{
		ID:   field(text, c.preset.Found.ID),
		Name: field(text, c.preset.Found.Name),
		URL:  field(text, c.preset.Found.URL),
		All:  masked(text),
	}
}

// field returns a member of a JSON object as text. Dots in its name lead into inner objects.
func field(text []byte, name string) string {
	if name == "" {
		return ""
	}
	for part := range strings.SplitSeq(name, ".") {
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) != nil {
			return ""
		}
		text = members[part]
	}
	var s string
	if json.Unmarshal(text, &s) == nil {
		return s
	}
	if text = bytes.TrimSpace(text); string(text) == "null" {
		return ""
	}
	return string(text)
}

// Get returns the registration with an id.
func (c *Client) Get(ctx context.Context, id string) (Item, error) {
	answer, err := c.call(ctx, Get, "get "+id, c.values.with("id", id))
	if err != nil {
		return Item{}, err
	}
	return c.item(answer), nil
}

// Delete deletes the registration with an id.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := c.call(ctx, Delete, "delete "+id, c.values.with("id", id))
	return err
}

// At returns the registrations of a URL. Its error is Invalid if the platform does not report URLs.
func (c *Client) At(ctx context.Context, to string) ([]Item, error) {
	if c.preset.Found.URL == "" {
		return nil, deadletter.Errorf(deadletter.Invalid, "%s does not report the URL of a registration", c.preset.Name)
	}
	items, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	var found []Item
	for _, i := range items {
		if sameURL(i.URL, to) {
			found = append(found, i)
		}
	}
	return found, nil
}

func sameURL(a, b string) bool {
	one, err := url.Parse(a)
	two, err2 := url.Parse(b)
	if errors.Join(err, err2) != nil {
		return a == b
	}
	return strings.EqualFold(one.Scheme, two.Scheme) && strings.EqualFold(one.Hostname(), two.Hostname()) &&
		port(one) == port(two) &&
		strings.TrimSuffix(one.Path, "/") == strings.TrimSuffix(two.Path, "/") &&
		one.RawQuery == two.RawQuery
}

func port(u *url.URL) string {
	if u.Port() != "" || u.Scheme != "https" {
		return u.Port()
	}
	return "443"
}

var secretName = regexp.MustCompile(`(?i)secret|token|password|authorization|credential|api.?key|webhookHeaders`)

// masked returns JSON with a mask in place of each value whose name marks a secret.
func masked(text []byte) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	shown, err := json.Marshal(mask(v, false))
	if err != nil {
		return nil
	}
	return shown
}

func mask(v any, secret bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = mask(value, secret || secretName.MatchString(name))
		}
	case []any:
		for i, value := range v {
			v[i] = mask(value, secret)
		}
	case nil:
	default:
		if secret {
			return redact.Mask
		}
	}
	return v
}

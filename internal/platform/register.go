package platform

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

// Webhook is a webhook to register.
type Webhook struct {
	Source string
	Name   string
	URL    string
	Secret redact.Secret // that signs it; the zero Secret: it is not signed

	ClientID string // with which the platform gets tokens from dlqdesk; empty: it gets none
}

// Registered is the result of Register.
type Registered struct {
	Item
	Already bool   `json:"already"` // it was registered before, and nothing was changed
	Note    string `json:"note,omitempty"`
}

// Check returns the reason why the platform would refuse a webhook, or nil. Its error is Invalid.
func (c *Client) Check(w Webhook) error {
	if err := c.preset.CanRegister(); err != nil {
		return err
	}
	if _, err := c.preset.parameters(); err != nil {
		return err
	}
	u, err := url.Parse(w.URL)
	switch {
	case err != nil || u.Host == "":
		return deadletter.Errorf(
			deadletter.Invalid,
			"the webhook's URL is not known: set webhook_url in the configuration to how platforms reach "+
				"dlqdesk, or use --url",
		)
	case c.preset.Rules.HTTPS && u.Scheme != "https":
		return deadletter.Errorf(
			deadletter.Invalid,
			"%s accepts only https URLs (got %s): put TLS in front of dlqdesk and set webhook_url to its https address",
			c.preset.Title, w.URL,
		)
	case c.preset.Rules.HTTPS && port(u) != "443":
		return deadletter.Errorf(deadletter.Invalid, "%s calls only port 443 (got %s)", c.preset.Title, w.URL)
	}
	return c.checkSecret(w.Secret.Reveal())
}

func (c *Client) checkSecret(secret string) error {
	rules := c.preset.Rules
	switch {
	case !rules.NeedsSecret:
		return nil
	case secret == "":
		return deadletter.Errorf(
			deadletter.Invalid,
			"a signing secret is part of the registration: set the source's verify to { scheme: %s, secrets: "+
				"[env:NAME] }",
			c.preset.Verify,
		)
	case utf8.RuneCountInString(secret) <= rules.SecretOver:
		return deadletter.Errorf(deadletter.Invalid,
			"the signing secret is too short, with %d characters: use one of over %d, which %s requires",
			utf8.RuneCountInString(secret), rules.SecretOver, c.preset.Title)
	}
	return nil
}

func (c *Client) webhookValues(w Webhook, secret string) Values {
	return c.values.with("source", w.Source, "name", w.Name, "url", w.URL, "secret", secret)
}

// Register registers a webhook, unless its URL is registered already. It returns when the platform is ready.
func (c *Client) Register(ctx context.Context, w Webhook) (Registered, error) {
	if err := c.Check(w); err != nil {
		return Registered{}, err
	}
	if found, err := c.existing(ctx, w.URL); err != nil || found.ID != "" {
		return Registered{Item: found, Already: true}, err
	}
	values := c.webhookValues(w, w.Secret.Reveal())
	made, err := c.create(ctx, w, values)
	if err != nil {
		return made, err
	}
	for _, step := range c.preset.Register[1:] {
		answer, err := c.call(ctx, step, step+" "+made.ID, values.with("id", made.ID))
		if err != nil {
			return made, fmt.Errorf("%s was created, but is not complete: %w", made.ID, err)
		}
		if i := c.item(answer); i.ID == made.ID {
			made.All = i.All
		}
	}
	return made, c.await(ctx, &made)
}

// existing returns the item that is registered for a URL, if the platform reports URLs.
func (c *Client) existing(ctx context.Context, to string) (Item, error) {
	if c.preset.Found.URL == "" || c.preset.Can(List) != nil {
		return Item{}, nil
	}
	found, err := c.At(ctx, to)
	if err != nil || len(found) == 0 {
		return Item{}, err
	}
	return found[0], nil
}

// create makes the first call. If the result is unknown, it checks whether the item exists before it tries again. If
// the platform cannot tell, it adds a note.
func (c *Client) create(ctx context.Context, w Webhook, values Values) (Registered, error) {
	var made Registered
	for try := 1; ; try++ {
		answer, err := c.call(ctx, c.preset.Register[0], "register "+w.URL, values)
		if err == nil {
			made.Item = c.item(answer)
			if made.ID == "" {
				return made, &Fault{
					Doing:   "register " + w.URL,
					Message: "the response has no id",
					Fix:     "check id_path",
				}
			}
			return made, nil
		}
		f, ok := errors.AsType[*Fault](err)
		if !ok || try == maxTries || ctx.Err() != nil || f.Status != 0 && f.Status < 500 || f.Status == 503 ||
			f.Doing != "register "+w.URL {
			return made, err
		}
		found, lookErr := c.existing(ctx, w.URL)
		if lookErr != nil {
			return made, errors.Join(err, lookErr)
		}
		if found.ID != "" {
			made.Item = found
			return made, nil
		}
		if c.preset.Can(List) != nil || c.preset.Found.URL == "" {
			made.Note = "an earlier try had no clear result: check at the platform whether it is registered twice"
		}
		if err := c.pause(ctx, try); err != nil {
			return made, err
		}
	}
}

func (c *Client) pause(ctx context.Context, tries int) error {
	return c.wait(ctx, min(firstDelay<<(tries-1), longestWait))
}

// await polls until the platform has created the item.
func (c *Client) await(ctx context.Context, made *Registered) error {
	a := c.preset.Await
	if a.Field == "" {
		return nil
	}
	for {
		switch status := field(made.All, a.Field); {
		case status == a.Done:
			return nil
		case status == a.Fault || field(made.All, a.Error) != "":
			why := field(made.All, a.Error+".message")
			if why == "" {
				why = field(made.All, a.Error)
			}
			return &Fault{
				Doing:       "register " + made.URL,
				Code:        field(made.All, a.Error+".code"),
				Message:     a.Field + " is " + status + ": " + why,
				Fix:         "correct that, delete " + made.ID + ", and register again",
				Correlation: field(made.All, a.Error+".contextId"),
			}
		}
		if err := c.wait(ctx, pollEvery); err != nil {
			return &Fault{
				Doing:   "register " + made.URL,
				Message: made.ID + " is still being created",
				Fix:     "check it later: dlqdesk platform get",
				Err:     err,
			}
		}
		now, err := c.Get(ctx, made.ID)
		if err != nil {
			return err
		}
		made.Item = now
	}
}

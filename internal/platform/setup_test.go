package platform_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
)

// bundle is a client of a platform, with a clock that waiting moves on.
type bundle struct {
	genesys *desktest.Genesys
	client  *platform.Client
	clock   *waitingClock
}

type waitingClock struct {
	*desktest.Clock
	mu     sync.Mutex
	waited []time.Duration
}

func (c *waitingClock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited = append(c.waited, d)
	c.Add(d)
	return ctx.Err()
}

func (c *waitingClock) all() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.waited...)
}

func secret(value string) redact.Secret { return redact.NewSecret("env:TEST", value) }

func setup(t *testing.T, preset string, changes ...func(*platform.Preset)) bundle {
	t.Helper()
	b := bundle{genesys: desktest.NewGenesys(t)}
	b.client, b.clock = clientOf(t, preset, b.genesys.URL, credentialsOf(b.genesys), changes...)
	return b
}

func credentialsOf(g *desktest.Genesys) platform.Credentials {
	return platform.Credentials{ClientID: secret(g.ClientID), ClientSecret: secret(g.ClientSecret)}
}

func clientOf(
	t *testing.T, preset, at string, credentials platform.Credentials, changes ...func(*platform.Preset),
) (*platform.Client, *waitingClock) {
	t.Helper()
	p, err := platform.Find(preset)
	if err != nil {
		t.Fatal(err)
	}
	p.TokenURL, p.API = at+"/oauth/token", at
	for _, change := range changes {
		change(&p)
	}
	clock := &waitingClock{Clock: desktest.NewClock()}
	c, err := platform.New(p, credentials, platform.WithClock(clock.Now, clock.wait))
	if err != nil {
		t.Fatal(err)
	}
	return c, clock
}

// parameters has a preset's parameters set.
func parameters(values map[string]string) func(*platform.Preset) {
	return func(p *platform.Preset) {
		for i := range p.Parameters {
			if value := values[p.Parameters[i].Name]; value != "" {
				p.Parameters[i].Value = value
			}
		}
	}
}

// webhook is one that every platform takes.
func webhook() platform.Webhook {
	return platform.Webhook{
		Source: "genesys",
		Name:   "dlqdesk genesys",
		URL:    "https://hooks.example.com/webhooks/genesys",
		Secret: secret("0123456789abcdef0123"),
	}
}

// calls returns how often each path was asked for.
func (b bundle) calls() map[string]int {
	n := map[string]int{}
	for _, a := range b.genesys.Asked() {
		n[a.Method+" "+a.Path]++
	}
	return n
}

package platform_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/platform"
)

const (
	openPath  = "/api/v2/conversations/messaging/integrations/open"
	firstPage = "GET " + openPath + "?pageSize=25&pageNumber=1"
)

func TestRegisterWaitsForCompletion(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	b.genesys.SlowBy = 3
	made, err := b.client.Register(t.Context(), webhook())
	if err != nil {
		t.Fatal(err)
	}
	if made.ID != "open-1" || made.Already || made.URL != webhook().URL {
		t.Errorf("made %+v", made)
	}
	if n := b.calls()["GET "+openPath+"/open-1"]; n != 4 {
		t.Errorf("looked %d times", n)
	}
	if strings.Contains(string(made.All), "0123456789abcdef0123") ||
		!strings.Contains(string(made.All), `"createStatus":"Completed"`) {
		t.Errorf("shown %s", made.All)
	}
	for _, a := range b.genesys.Asked() {
		if a.Method == http.MethodPost && strings.HasPrefix(a.Path, openPath) {
			if len(a.Body) != 5 ||
				a.Body["outboundNotificationWebhookSignatureSecretToken"] != "0123456789abcdef0123" ||
				a.Body["name"] != "dlqdesk genesys" {
				t.Errorf("sent %v", a.Body) // id and createStatus are the server's
			}
		}
	}
}

func TestRegisterTwiceCreatesOneRegistration(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	b.genesys.Add(60)
	for i := range 2 {
		made, err := b.client.Register(t.Context(), webhook())
		if err != nil || made.Already != (i == 1) || made.ID != "open-1" {
			t.Errorf("time %d: %+v, %v", i, made, err)
		}
	}
	items, err := b.client.List(t.Context())
	if err != nil || len(items) != 61 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for _, i := range items {
		if strings.Contains(string(i.All), "s3cret") {
			t.Errorf("a secret is shown: %s", i.All)
		}
	}
	if err := b.client.Delete(t.Context(), "open-1"); err != nil {
		t.Fatal(err)
	}
	_, err = b.client.Get(t.Context(), "open-1")
	if err == nil ||
		err.Error() != "cannot get open-1: 404 not.found: The requested resource could not be found. There "+
			"is nothing with this id here: list shows all ids (correlation id corr-42)" {
		t.Errorf("got %v", err)
	}
}

func TestListEndsOnAFullPage(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	b.genesys.Add(50)
	items, err := b.client.List(t.Context())
	if err != nil || len(items) != 50 || items[49].ID != "other-049" ||
		items[49].URL != "https://other.example.com/49" {
		t.Errorf("%d items, %v", len(items), err)
	}
}

func TestTokenIsUsedUntilAMinuteBeforeItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	b.genesys.Lifetime = 300
	list := func(want int) {
		t.Helper()
		if _, err := b.client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.calls()["POST /oauth/token"]; n != want {
			t.Errorf("%d tokens, want %d", n, want)
		}
	}
	list(1)
	b.clock.Add(239 * time.Second)
	list(1)
	b.clock.Add(time.Second)
	list(2)
}

func TestTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	if _, err := b.client.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.genesys.Revoke()
	if _, err := b.client.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.calls()["POST /oauth/token"]; n != 2 {
		t.Errorf("%d tokens", n)
	}
	refuse := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{}`, http.StatusUnauthorized) }
	b.genesys.Next(refuse, refuse)
	_, err := b.client.List(t.Context())
	if err == nil ||
		!strings.Contains(
			err.Error(),
			"401 Unauthorized. The token was not accepted, and a new one neither: the API may be of another region",
		) {
		t.Errorf("got %v", err)
	}
	if n := b.calls()["POST /oauth/token"]; n != 3 {
		t.Errorf("%d tokens", n)
	}
}

func TestRateLimitsAreKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		waits  time.Duration
	}{
		"Retry-After":             {desktest.Limited("7", 60), 7 * time.Second},
		"the platform's own":      {desktest.Limited("", 13), 13 * time.Second},
		"no word of how long":     {desktest.Limited("", 0), 0},
		"503 on a POST as well":   {desktest.Broken(http.StatusServiceUnavailable), 0},
		"before it is over":       {lastOne, 21 * time.Second},
		"a date in Retry-After":   {desktest.Limited("Mon, 02 Mar 2026 10:15:35 GMT", 0), 29 * time.Second},
		"a server's fault on GET": {desktest.Broken(http.StatusBadGateway), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, "genesys-open-messaging")
			began := b.clock.Now()
			b.genesys.Next(c.answer)
			if _, err := b.client.Register(t.Context(), webhook()); err != nil {
				t.Fatal(err)
			}
			took := b.clock.Now().Sub(began)
			if len(b.clock.all()) == 0 || took < max(c.waits, 500*time.Millisecond) {
				t.Errorf("waited %s", b.clock.all())
			}
		})
	}
}

// lastOne is an answer that works, and uses the limit up.
func lastOne(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("inin-ratelimit-count", "300")
	w.Header().Set("inin-ratelimit-allowed", "300")
	w.Header().Set("inin-ratelimit-reset", "21")
	_, _ = w.Write([]byte(`{"entities":[]}`))
}

func TestCallGivesUpAfterFiveTries(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	for range 5 {
		b.genesys.Next(desktest.Broken(http.StatusInternalServerError))
	}
	_, err := b.client.List(t.Context())
	var f *platform.Fault
	if !errors.As(err, &f) || f.Status != 500 || f.Correlation != "corr-42" ||
		f.Fix != "the platform has trouble: try again later" {
		t.Errorf("got %v", err)
	}
	if waits := b.clock.all(); len(waits) != 4 || waits[3] < 4*time.Second || waits[3] > 8*time.Second {
		t.Errorf("waited %s", waits)
	}
}

func TestRetryAfterBeyondTheLimitFails(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	b.genesys.Next(desktest.Limited("3600", 0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := b.client.List(ctx)
	if err == nil ||
		!strings.Contains(
			err.Error(),
			"the platform accepts no request for 1h, which is longer than the command may take. Run the command "+
				"again after that time",
		) {
		t.Errorf("got %v", err)
	}
}

// A registration that was not answered clearly is looked for before it is made again.
func TestRegisterIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	pass := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"entities":[]}`)) }
	lost := func(w http.ResponseWriter, r *http.Request) {
		b.genesys.Revoke() // whatever comes next asks for a token anew
		desktest.Broken(http.StatusGatewayTimeout)(w, r)
	}
	b.genesys.Next(pass, lost)
	made, err := b.client.Register(t.Context(), webhook())
	if err != nil || made.ID != "open-1" || made.Note != "" {
		t.Fatalf("%+v, %v", made, err)
	}
	if n := b.calls(); n["POST "+openPath] != 2 || n[firstPage] != 3 {
		t.Errorf("asked %v", n)
	}
}

func TestRegisterWithoutAListReportsIt(t *testing.T) {
	t.Parallel()
	b := setup(t, "tutorial")
	b.genesys.Tutorial = true
	b.genesys.Next(desktest.Broken(http.StatusBadGateway))
	made, err := b.client.Register(t.Context(), webhook())
	if err != nil || made.ID != "tutorial-1" || !strings.Contains(made.Note, "registered twice") {
		t.Errorf("%+v, %v", made, err)
	}
}

func TestCXoneFindsItsHosts(t *testing.T) {
	t.Parallel()
	for _, auth := range []platform.ClientAuth{platform.Basic, platform.Form} {
		t.Run(fmt.Sprint(auth), func(t *testing.T) {
			server := desktest.NewCXone(t)
			credentials := platform.Credentials{
				ClientID:        secret(server.ClientID),
				ClientSecret:    secret(server.ClientSecret),
				AccessKeyID:     secret(server.AccessKey),
				AccessKeySecret: secret(server.AccessToken),
			}
			client, _ := clientOf(t, "cxone-expert", "", credentials, func(p *platform.Preset) {
				p.Discovery, p.TokenURL, p.API, p.Auth = server.URL, "", "https://api-{area}.{domain}", auth
			})
			got, err := client.Token(t.Context())
			if err != nil || got.TokenURL != server.URL+"/auth/token" || got.Tenant != "tenant-7" ||
				got.API != "https://api-na1.cxone.test" ||
				got.Lifetime != 3600 {
				t.Errorf("%s: %+v, %v", auth, got, err)
			}
			form := server.Asked()[1]
			if inForm := form.Form.Has("client_secret"); inForm != (auth == platform.Form) ||
				form.Form.Get("username") != "key-1" {
				t.Errorf("%s: sent %v", auth, form.Form)
			}
		})
	}
}

func TestCXoneGrantsATokenByAnAccessKeyAlone(t *testing.T) {
	t.Parallel()
	usual, _ := platform.Find("cxone-expert")
	if usual.KeyURL != "https://na1.nice-incontact.com/authentication/v1/token/access-key" {
		t.Errorf("asked at %s", usual.KeyURL)
	}
	server := desktest.NewCXone(t)
	ask := func(key string) (platform.Granted, error) {
		credentials := platform.Credentials{AccessKeyID: secret(server.AccessKey), AccessKeySecret: secret(key)}
		client, _ := clientOf(t, "cxone-expert", "", credentials, func(p *platform.Preset) {
			p.Grant, p.Discovery, p.TokenURL, p.API = platform.AccessKey, server.URL, "", usual.API
			p.KeyURL = server.URL + "/authentication/v1/token/access-key"
		})
		shown := plan(t, client, platform.Command{})
		if shown[0].URL != server.URL+"/authentication/v1/token/access-key" ||
			shown[0].Body != `{"accessKeyId":"•••","accessKeySecret":"•••"}` ||
			shown[0].Headers["Authorization"] != "" {
			t.Errorf("shown %+v", shown)
		}
		return client.Token(t.Context())
	}
	got, err := ask(server.AccessToken)
	if err != nil || got.Tenant != "tenant-7" || got.API != "https://api-na1.cxone.test" || got.Lifetime != 3600 ||
		got.Type != "Bearer" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = ask("another")
	if err == nil ||
		err.Error() != "cannot get a token: 401 invalid_grant: access key not active. The access key is wrong "+
			"or not active" {
		t.Errorf("got %v", err)
	}
	client, _ := clientOf(
		t, "cxone-expert", server.URL, platform.Credentials{},
		func(p *platform.Preset) { p.Grant = platform.AccessKey },
	)
	if _, err := client.Token(t.Context()); err == nil ||
		!strings.HasPrefix(err.Error(), "no access_key_id, access_key_secret: set each below platforms") {
		t.Errorf("got %v", err)
	}
}

func TestSpansOmitTrailingZeros(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int64]string{
		0: "", 45: "45s", 300: "5m", 600: "10m", 3605: "1h0m5s",
		5400: "1h30m", 86400: "24h",
	} {
		t.Run(fmt.Sprintf("%d seconds", seconds), func(t *testing.T) {
			if got := (platform.Granted{Lifetime: seconds}).Span(); got != want {
				t.Errorf("%d s are %q", seconds, got)
			}
		})
	}
}

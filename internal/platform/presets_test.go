package platform_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
)

func TestPresetsDescribeThemselves(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range platform.Presets() {
		names = append(names, p.Name)
		if !slices.Contains([]platform.Status{platform.Verified, platform.Inferred, platform.Tutorial}, p.Status) {
			t.Errorf("%s has the status %q", p.Name, p.Status)
		}
		// A preset without calls has a reason, and one without a reason has calls.
		for _, call := range []string{platform.Create, platform.List, platform.Get, platform.Delete} {
			if err := p.Can(call); err != nil && strings.Contains(err.Error(), "no such call is known") {
				t.Errorf("%s does not say why it cannot %s", p.Name, call)
			}
		}
		if p.Title == "" || p.About == "" || p.Environment.ClientID == "" {
			t.Errorf("%s says too little: %+v", p.Name, p)
		}
	}
	if want := "tutorial genesys-open-messaging genesys-eventbridge genesys-trigger cxone-byoc " +
		"cxone-expert"; strings.Join(names, " ") != want {
		t.Errorf("presets %s", names)
	}
	if _, err := platform.Find("genesis"); err == nil ||
		!strings.Contains(err.Error(), `there is no preset "genesis": use one of tutorial, genesys-open-messaging`) {
		t.Errorf("got %v", err)
	}
}

func TestRegionsLeadToHosts(t *testing.T) {
	t.Parallel()
	p, err := platform.Find("genesys-open-messaging")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Regions()); n != 18 {
		t.Errorf("%d regions", n)
	}
	p.Region = "eu-central-1"
	frankfurt, _, err := p.Located()
	if err != nil || frankfurt.API != "https://api.mypurecloud.de" ||
		frankfurt.TokenURL != "https://login.mypurecloud.de/oauth/token" {
		t.Errorf("%s, %s, %v", frankfurt.API, frankfurt.TokenURL, err)
	}
	p.Region = "eu-central-9"
	_, _, err = p.Located()
	if err == nil ||
		!strings.HasPrefix(
			err.Error(),
			`there is no region "eu-central-9" at Genesys Cloud, Open Messaging: it is one of ap-northeast-1, `,
		) {
		t.Errorf("got %v", err)
	}
	// A gateway of one's own has no region.
	p.Region, p.API, p.TokenURL = "home", "https://gateway.example.com", "https://gateway.example.com/token"
	if _, _, err = p.Located(); err != nil {
		t.Error(err)
	}
}

func plan(t *testing.T, c *platform.Client, o platform.Command) []platform.MaskedRequest {
	t.Helper()
	shown, err := c.Plan(o)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestPlanSendsNothingAndShowsNoSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	shown := plan(t, b.client, platform.Command{Call: platform.Create, Webhook: webhook()})
	text, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{b.genesys.ClientID, b.genesys.ClientSecret, "0123456789abcdef0123"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("shown: %s", text)
		}
	}
	if len(b.genesys.Asked()) != 0 {
		t.Errorf("sent %v", b.genesys.Asked())
	}
	want := `{"name":"dlqdesk ` +
		`genesys","outboundNotificationWebhookSignatureSecretToken":"•••",` +
		`"outboundNotificationWebhookUrl":"https://hooks.example.com/webhooks/genesys"}`
	if len(shown) != 2 || shown[0].Headers["Authorization"] != "Basic •••" || shown[1].Method != http.MethodPost ||
		shown[1].URL != b.genesys.URL+openPath ||
		shown[1].Body != want {
		t.Errorf("plan %s", text)
	}
}

func TestTutorialIsSentExactly(t *testing.T) {
	t.Parallel()
	b := setup(t, "tutorial")
	b.genesys.Tutorial = true
	w := webhook()
	w.Secret = redact.Secret{}
	if _, err := b.client.Register(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	asked := b.genesys.Asked()
	if form := asked[0].Form.Encode(); form != "client_id=client-1&client_secret=client-s3cret&"+
		"grant_type=client_credentials" ||
		asked[0].Header.Get("Authorization") != "" {
		t.Errorf("asked for a token by %s", form)
	}
	got, err := json.Marshal(asked[1].Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"event_type":"conversation:updated","headers":{"Content-Type":"application/json"},` +
		`"name":"dlqdesk genesys","retry_count":1,"retry_interval":1000,` +
		`"target_url":"https://hooks.example.com/webhooks/genesys","target_url_type":"https"}`
	if string(got) != want || asked[1].Path != "/api/v2/integration/webhooks" ||
		!strings.HasPrefix(asked[1].Header.Get("Authorization"), "Bearer token-") {
		t.Errorf("sent %s to %s", got, asked[1].Path)
	}
	_, err = b.client.List(t.Context())
	if err == nil ||
		err.Error() != "tutorial cannot list: the tutorial names no such request; set its path by "+
			"calls.list.path where your gateway has one" {
		t.Errorf("got %v", err)
	}
}

func TestEventBridgeIsSetUpInThreeSteps(t *testing.T) {
	t.Parallel()
	_, err := setup(t, "genesys-eventbridge").client.Register(t.Context(), webhook())
	if err == nil ||
		!strings.HasPrefix(
			err.Error(),
			"parameters.aws_account_id is missing: set it to the AWS account that gets the events; "+
				"parameters.aws_account_region is missing",
		) {
		t.Errorf("got %v", err)
	}
	b := setup(t, "genesys-eventbridge", parameters(map[string]string{
		"aws_account_id":      "123456789012",
		"aws_account_region":  "eu-central-1",
		"event_source_suffix": "desk",
		"event_filter":        `["v2.detail.events.conversation.{id}.acw"]`,
	}))
	made, err := b.client.Register(t.Context(), webhook())
	if err != nil || made.ID != "integration-1" || !strings.Contains(string(made.All), `"ENABLED"`) {
		t.Fatalf("%+v, %v", made, err)
	}
	configured := b.genesys.Asked()[2]
	properties, _ := json.Marshal(configured.Body["properties"])
	const want = `{"awsAccountId":"123456789012","awsAccountRegion":"eu-central-1",` +
		`"eventFilter":["v2.detail.events.conversation.{id}.acw"],"eventSourceSuffix":"desk"}`
	if string(properties) != want || configured.Body["version"] != 1.0 {
		t.Errorf("configured %s", properties)
	}
}

func TestTriggerKeepsBracesOfTheTopic(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-trigger", parameters(map[string]string{
		"topic_name":        "v2.detail.events.conversation.{id}.customer.end",
		"workflow_id":       "flow-1",
		"data_format":       "TopLevelPrimitives",
		"event_ttl_seconds": "10",
	}))
	if _, err := b.client.Register(t.Context(), webhook()); err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(b.genesys.Asked()[1].Body)
	const want = `{"enabled":true,"eventTTLSeconds":10,"matchCriteria":[],"name":"dlqdesk ` +
		`genesys","target":{"id":"flow-1","type":"Workflow",` +
		`"workflowTargetSettings":{"dataFormat":"TopLevelPrimitives"}},` +
		`"topicName":"v2.detail.events.conversation.{id}.customer.end"}`
	if string(got) != want {
		t.Errorf("sent %s", got)
	}
}

func TestEveryCallCanBeOverridden(t *testing.T) {
	t.Parallel()
	b := setup(t, "cxone-expert", func(p *platform.Preset) {
		p.Grant, p.Auth = platform.ClientCredentials, platform.Form
		p.Found = platform.Found{
			ID:    "outboundNotificationWebhookUrl",
			Items: "entities",
			URL:   "outboundNotificationWebhookUrl",
		}
		p.Calls = map[string]platform.Call{
			platform.Create: {
				Path: openPath,
				Body: `{"name":"{source}","outboundNotificationWebhookUrl":"{url}",` +
					`"outboundNotificationWebhookSignatureSecretToken":"{secret}"}`,
			},
			platform.List: {Path: openPath},
		}
	})
	made, err := b.client.Register(t.Context(), webhook())
	if err != nil || made.ID != webhook().URL {
		t.Errorf("%+v, %v", made, err)
	}
	if err := b.client.Delete(t.Context(), "x"); err == nil ||
		err.Error() != "cxone-expert cannot delete: the path is not published; set it by calls.delete.path" {
		t.Errorf("got %v", err)
	}
	if asked := b.genesys.Asked(); asked[1].Method != http.MethodGet || asked[2].Method != http.MethodPost {
		t.Errorf("asked %v", b.calls())
	}
}

func TestBYOCIsRegisteredByHand(t *testing.T) {
	t.Parallel()
	server := desktest.NewCXone(t)
	client, _ := clientOf(t, "cxone-byoc", server.URL, platform.Credentials{})
	if _, err := client.Register(t.Context(), webhook()); err == nil ||
		!strings.Contains(err.Error(), "it is set up in CXone's admin pages") {
		t.Errorf("got %v", err)
	}
	w := webhook()
	w.ClientID = "client-7"
	want := map[string]string{
		"Token URL":           w.URL + "/token",
		"Endpoint (base URL)": w.URL,
		"Client id":           "client-7",
		"Client secret":       "",
	}
	for _, p := range client.Pasted(w) {
		if value, ok := want[p.Field]; !ok || p.Value != value || p.Value == "" && p.Hint == "" {
			t.Errorf("paste %+v", p)
		}
		delete(want, p.Field)
	}
	if len(want) > 0 {
		t.Errorf("not to be pasted: %v", want)
	}
}

package platform

import "net/http"

// genesysDomains are the regions of Genesys Cloud: https://login.<domain> and https://api.<domain>.
func genesysDomains() map[string]string {
	return map[string]string{
		"us-east-1":      "mypurecloud.com",
		"us-east-2":      "use2.us-gov-pure.cloud",
		"us-west-2":      "usw2.pure.cloud",
		"ca-central-1":   "cac1.pure.cloud",
		"sa-east-1":      "sae1.pure.cloud",
		"mx-central-1":   "mxc1.pure.cloud",
		"eu-west-1":      "mypurecloud.ie",
		"eu-west-2":      "euw2.pure.cloud",
		"eu-central-1":   "mypurecloud.de",
		"eu-central-2":   "euc2.pure.cloud",
		"me-central-1":   "mec1.pure.cloud",
		"eusc-de-east-1": "edee1.eusc-pure.cloud",
		"ap-northeast-1": "mypurecloud.jp",
		"ap-northeast-2": "apne2.pure.cloud",
		"ap-northeast-3": "apne3.pure.cloud",
		"ap-south-1":     "aps1.pure.cloud",
		"ap-southeast-1": "apse1.pure.cloud",
		"ap-southeast-2": "mypurecloud.com.au",
	}
}

// genesys adds the settings that all presets of Genesys Cloud share.
func genesys(p Preset) Preset {
	p.Region, p.Domains = "us-east-1", genesysDomains()
	p.TokenURL, p.API = "https://login.{domain}/oauth/token", "https://api.{domain}"
	p.Grant = ClientCredentials
	p.Environment = Environment{
		Region:       "GENESYS_CLOUD_ENVIRONMENT",
		ClientID:     "CLIENT_ID",
		ClientSecret: "CLIENT_SECRET",
	}
	p.Found.ID, p.Found.Name = "id", "name"
	return p
}

func tutorial() Preset {
	const unnamed = "the tutorial names no such request; set its path by calls.%s.path where your gateway has one"
	return genesys(Preset{
		Name: "tutorial", Title: "Genesys Cloud, as in the tutorial", Status: Tutorial, Auth: Form,
		About:   "The webhook registration that the tutorial shows, for gateways and mock servers that implement it.",
		Warning: "/api/v2/integration/webhooks is not in the vendor's published API; expect 404 there.",
		Scopes:  []string{"webhook:write", "webhook:read", "integration:write"},
		Calls: map[string]Call{
			Create: {
				Method: http.MethodPost,
				Path:   "/api/v2/integration/webhooks",
				Body: `{"name":"{name}","target_url":"{url}","target_url_type":"https",` +
					`"event_type":"{event_type}","retry_count":1,"retry_interval":1000,` +
					`"headers":{"Content-Type":"application/json"}}`,
			},
		},
		Register:   []string{Create},
		Missing:    missing(unnamed, List, Get, Delete),
		Parameters: []Parameter{{Name: "event_type", About: "the events to send", Value: "conversation:updated"}},
	})
}

func openMessaging() Preset {
	const open = "/api/v2/conversations/messaging/integrations/open"
	return genesys(Preset{
		Name:   "genesys-open-messaging",
		Title:  "Genesys Cloud, Open Messaging",
		Status: Verified,
		Auth:   Basic,
		About:  "A direct, signed webhook with the outbound messages of one Open Messaging integration.",
		Calls: map[string]Call{
			Create: {
				Method:     http.MethodPost,
				Path:       open,
				Permission: "messaging:integration:add",
				Body: `{"name":"{name}","outboundNotificationWebhookUrl":"{url}",` +
					`"outboundNotificationWebhookSignatureSecretToken":"{secret}",` +
					`"webhookHeaders":{webhook_headers:json},"supportedContent":{supported_content:json},` +
					`"messagingSetting":{messaging_setting:json}}`,
			},
			List: {
				Method:     http.MethodGet,
				Path:       open + "?pageSize={page_size}&pageNumber={page}",
				Permission: "messaging:integration:view",
			},
			Get:    {Method: http.MethodGet, Path: open + "/{id}", Permission: "messaging:integration:view"},
			Delete: {Method: http.MethodDelete, Path: open + "/{id}", Permission: "messaging:integration:delete"},
		},
		Register: []string{Create},
		Parameters: []Parameter{
			{
				Name:  "webhook_headers",
				About: "headers that every webhook shall have, as a JSON object",
				Value: "null",
				JSON:  true,
			},
			{
				Name:  "supported_content",
				About: "the supported content profile, as a JSON object with its id",
				Value: "null",
				JSON:  true,
			},
			{
				Name:  "messaging_setting",
				About: "the messaging setting, as a JSON object with its id",
				Value: "null",
				JSON:  true,
			},
		},
		// The values are those of the vendor's SDKs.
		Await:  Await{Field: "createStatus", Done: "Completed", Fault: "Error", Error: "createError"},
		Found:  Found{Items: "entities", URL: "outboundNotificationWebhookUrl"},
		Rules:  Rules{HTTPS: true, SecretOver: 15, NeedsSecret: true},
		Verify: "genesys-open-messaging",
		Deliveries: "The platform waits 10 s for the response and retries up to 5 times, 5 s apart, after a " +
			"timeout, 429 or 5xx: an outage over about 85 s loses the message. No time is signed: tell repeats by " +
			"the body's id.",
	})
}

func eventBridge() Preset {
	const integrations = "/api/v2/integrations"
	return genesys(Preset{
		Name:   "genesys-eventbridge",
		Title:  "Genesys Cloud, Amazon EventBridge",
		Status: Verified,
		Auth:   Basic,
		About: "The broad event feed, into your AWS account. From there it comes by an EventBridge API " +
			"destination, or straight into an SQS queue.",
		Warning: "This sets up the feed to AWS alone: an EventBridge rule has to send its events to the " +
			"webhook's URL, by an API destination, or to a queue.",
		Calls: map[string]Call{
			Create: {
				Method: http.MethodPost,
				Path:   integrations,
				Body:   `{"name":"{name}","integrationType":{"id":"amazon-eventbridge-source"}}`,
			},
			"configure": {
				Method: http.MethodPut,
				Path:   integrations + "/{id}/config/current",
				Body: `{"name":"{name}","version":{version:json},"properties":{"awsAccountId":"{aws_account_id}` +
					`","awsAccountRegion":"{aws_account_region}",` +
					`"eventSourceSuffix":"{event_source_suffix}","eventFilter":{event_filter:json}},` +
					`"advanced":{},"notes":"","credentials":{}}`,
			},
			"enable": {Method: http.MethodPatch, Path: integrations + "/{id}", Body: `{"intendedState":"ENABLED"}`},
			List: {
				Method: http.MethodGet,
				Path:   integrations + "?pageSize={page_size}&pageNumber={page}",
				Status: Inferred,
			},
			Get: {Method: http.MethodGet, Path: integrations + "/{id}", Status: Inferred},
			Delete: {
				Method:     http.MethodDelete,
				Path:       integrations + "/{id}",
				Permission: "integrations:integration:delete",
				Status:     Inferred,
			},
		},
		Register: []string{Create, "configure", "enable"},
		Parameters: []Parameter{
			{Name: "aws_account_id", About: "the AWS account that gets the events"},
			{Name: "aws_account_region", About: "the AWS region of the event source"},
			{Name: "event_source_suffix", About: "the end of the event source's name", Most: 64},
			{Name: "event_filter", About: "the topics to send, as a JSON list", JSON: true},
			{
				Name:  "version",
				About: "of the integration's configuration; over 1 where one is set anew",
				Value: "1",
				JSON:  true,
			},
		},
		Found: Found{Items: "entities"},
	})
}

func trigger() Preset {
	const triggers = "/api/v2/processautomation/triggers"
	return genesys(Preset{
		Name: "genesys-trigger", Title: "Genesys Cloud, process automation trigger", Status: Verified, Auth: Basic,
		About:   "Starts a workflow when an event matches.",
		Warning: "A trigger calls no URL by itself: its workflow has to post to the webhook's URL.",
		Calls: map[string]Call{
			Create: {
				Method: http.MethodPost, Path: triggers,
				Body: `{"name":"{name}","topicName":"{topic_name}","target":{"type":"Workflow","id":"{workflow_id}",` +
					`"workflowTargetSettings":{"dataFormat":"{data_format}"}},` +
					`"matchCriteria":{match_criteria:json},"enabled":{enabled:json},` +
					`"eventTTLSeconds":{event_ttl_seconds:json},"delayBySeconds":{delay_by_seconds:json}}`,
			},
			List:   {Method: http.MethodGet, Path: triggers},
			Get:    {Method: http.MethodGet, Path: triggers + "/{id}"},
			Delete: {Method: http.MethodDelete, Path: triggers + "/{id}"},
		},
		Register: []string{Create},
		Parameters: []Parameter{
			{Name: "topic_name", About: "the topic, with the literal {id} that it has"},
			{Name: "workflow_id", About: "the workflow to start"},
			{Name: "data_format", About: "how the workflow gets the event, such as TopLevelPrimitives"},
			{
				Name:  "match_criteria",
				About: "which events, as a JSON list of jsonPath, operator, and value or values",
				Value: "[]",
				JSON:  true,
			},
			{Name: "enabled", About: "true or false", Value: "true", JSON: true},
			{
				Name:  "event_ttl_seconds",
				About: "how old an event may be, at least 10; not with delay_by_seconds",
				Value: "null",
				JSON:  true,
			},
			{
				Name:  "delay_by_seconds",
				About: "how long to wait, from 60 to 900; not with event_ttl_seconds",
				Value: "null",
				JSON:  true,
			},
		},
		Found: Found{Items: "entities"},
	})
}

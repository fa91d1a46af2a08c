package platform

import "fmt"

// cxone adds the settings that all presets of NICE CXone share.
func cxone(p Preset) Preset {
	p.Discovery = "https://cxone.niceincontact.com"
	p.KeyURL = "https://na1.nice-incontact.com/authentication/v1/token/access-key"
	p.API = "https://api-{area}.{domain}"
	p.Grant, p.Auth = Password, Basic
	p.Environment = Environment{
		ClientID:        "CXONE_CLIENT_ID",
		ClientSecret:    "CXONE_CLIENT_SECRET",
		AccessKeyID:     "CXONE_ACCESS_KEY_ID",
		AccessKeySecret: "CXONE_ACCESS_KEY_SECRET",
	}
	p.Found.ID = "id"
	return p
}

func byoc() Preset {
	const byHand = "it is set up in CXone's admin pages; register prints what to paste there"
	return cxone(Preset{
		Name:    "cxone-byoc",
		Title:   "NICE CXone, bring your own channel",
		Status:  Verified,
		About:   "CXone posts the outbound messages of a channel of your own.",
		Missing: missing(byHand+"%.0s", Create, List, Get, Delete),
		Paste: []Paste{
			{Field: "Token URL", Value: "{url}/token"},
			{Field: "Endpoint (base URL)", Value: "{url}", Hint: "CXone adds /1.0/posts/{id}/messages itself"},
			{Field: "Client id", Value: "{client_id}", Hint: "client_id of the source's verify settings"},
			{Field: "Client secret", Hint: "the first of secrets in the source's verify settings"},
		},
		Verify: "cxone-byoc",
		Deliveries: "CXone asks the token URL first, then posts to /1.0/posts/{id}/messages with that token. " +
			"The answer has to be 200 with the external " +
			"message's id, {\"idOnExternalPlatform\":\"…\"}. A first post without a token expects 401, and is " +
			"no failure.",
	})
}

func expert() Preset {
	const unknown = "the path is not published; set it by calls.%s.path"
	return cxone(Preset{
		Name:   "cxone-expert",
		Title:  "NICE CXone Expert",
		Status: Verified,
		About:  "Signed webhooks of CXone Expert, in XML.",
		Warning: "Where webhooks are registered is not published: set calls.create.path, and " +
			"calls.create.body, as CXone tells you.",
		Missing:  missing(unknown, Create, List, Get, Delete),
		Register: []string{Create},
		Rules:    Rules{NeedsSecret: true},
		Verify:   "cxone-expert",
		Deliveries: "The platform waits 1 s for the response, and retries with exponential backoff after 5xx. Use " +
			"mode: buffered where the handler may be slower.",
	})
}

// missing returns the reason why calls are missing, by call.
func missing(why string, calls ...string) map[string]string {
	m := map[string]string{}
	for _, call := range calls {
		m[call] = fmt.Sprintf(why, call)
	}
	return m
}

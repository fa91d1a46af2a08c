package platform_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/platform"
)

// published is the API of Genesys Cloud as the vendor's own client for JavaScript has it, which is generated from its
// OpenAPI document.
type published struct {
	types string
	calls []call
}

type call struct {
	method string
	path   *regexp.Regexp
}

func readPublished(t *testing.T) published {
	t.Helper()
	dir := desktest.Package(t, "purecloud-platform-client-v2")
	types, err := os.ReadFile(filepath.Join(dir, "index.d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	p := published{types: string(types)}
	files, err := filepath.Glob(filepath.Join(dir, "src", "purecloud-platform-client-v2", "api", "*.js"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the client has no calls: %v", err)
	}
	written, parameter := regexp.MustCompile(`'(/api/v2/[^']*)',\s*'([A-Z]+)'`), regexp.MustCompile(`\\\{[^}]*\\\}`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range written.FindAllStringSubmatch(string(text), -1) {
			path := parameter.ReplaceAllString(regexp.QuoteMeta(found[1]), "[^/]+")
			p.calls = append(p.calls, call{found[2], regexp.MustCompile("^" + path + "$")})
		}
	}
	return p
}

func (p published) has(method, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	return slices.ContainsFunc(p.calls, func(c call) bool { return c.method == method && c.path.MatchString(path) })
}

var member = regexp.MustCompile(`(?m)^\s*"(\w+)"(\??): (.*);$`)

// members are those of a model: the type of each, and whether it has to be there. nil: there is no such model.
func (p published) members(model string) (types map[string]string, required []string) {
	_, rest, ok := strings.Cut(p.types, "interface "+model+" {")
	if !ok {
		return nil, nil
	}
	body, _, _ := strings.Cut(rest, "\n\t}")
	types = map[string]string{}
	for _, m := range member.FindAllStringSubmatch(body, -1) {
		types[m[1]] = m[3]
		if m[2] == "" {
			required = append(required, m[1])
		}
	}
	return types, required
}

// check returns what of a value is not as its type says.
func (p published) check(at, kind string, value any) []string {
	model, isModel := strings.CutPrefix(kind, "Models.")
	element, isList := strings.CutPrefix(kind, "Array<")
	ok := true
	switch {
	case isModel:
		members, required := p.members(model)
		object, isObject := value.(map[string]any)
		if members == nil || !isObject {
			return []string{fmt.Sprintf("%s is no %s: %v", at, model, value)}
		}
		return p.checkMembers(at, members, required, object)
	case isList:
		list, isArray := value.([]any)
		var faults []string
		for i, v := range list {
			faults = append(faults, p.check(fmt.Sprintf("%s[%d]", at, i), strings.TrimSuffix(element, ">"), v)...)
		}
		if isArray {
			return faults
		}
		ok = false
	case kind == "string":
		_, ok = value.(string)
	case kind == "number":
		_, ok = value.(float64)
	case kind == "boolean":
		_, ok = value.(bool)
	}
	if !ok {
		return []string{fmt.Sprintf("%s is no %s: %v", at, kind, value)}
	}
	return nil
}

func (p published) checkMembers(
	at string, members map[string]string, required []string, object map[string]any,
) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		kind, known := members[name]
		if !known {
			faults = append(faults, at+" has no member "+name)
			continue
		}
		faults = append(faults, p.check(at+"."+name, kind, object[name])...)
	}
	for _, name := range required {
		if _, there := object[name]; !there {
			faults = append(faults, at+" lacks "+name)
		}
	}
	return faults
}

// Requests to Genesys Cloud equal those of its own client: the calls exist, and have the members that each requires.
func TestRequestsMatchTheVendorsClient(t *testing.T) {
	t.Parallel()
	vendor := readPublished(t)
	everything := parameters(map[string]string{
		"webhook_headers":     `{"X-Tenant":"a"}`,
		"supported_content":   `{"id":"c-1"}`,
		"messaging_setting":   `{"id":"s-1"}`,
		"aws_account_id":      "123456789012",
		"aws_account_region":  "eu-central-1",
		"event_source_suffix": "desk",
		"event_filter":        `["v2.detail.events.conversation.{id}.acw"]`,
		"topic_name":          "v2.detail.{id}",
		"workflow_id":         "flow-1",
		"data_format":         "Json",
		"match_criteria":      `[{"jsonPath":"$.a","operator":"Equal","values":["b"]}]`,
		"event_ttl_seconds":   "60",
	})
	for preset, models := range map[string]map[string]string{
		"genesys-open-messaging": {"POST": "OpenIntegrationRequest"},
		"genesys-eventbridge": {
			"POST": "CreateIntegrationRequest", "PUT": "IntegrationConfiguration", "PATCH": "Integration",
		},
		"genesys-trigger": {"POST": "CreateTriggerRequest"},
	} {
		t.Run(preset, func(t *testing.T) {
			b := setup(t, preset, everything)
			made, err := b.client.Register(t.Context(), webhook())
			if err != nil {
				t.Fatalf("%s: %v", preset, err)
			}
			// The server need not know them all: it is what is asked that counts.
			_, _ = b.client.List(t.Context())
			_, _ = b.client.Get(t.Context(), made.ID)
			_ = b.client.Delete(t.Context(), made.ID)
			checked := map[string]bool{}
			for _, asked := range b.genesys.Asked() {
				if asked.Path == "/oauth/token" {
					continue
				}
				if !vendor.has(asked.Method, asked.Path) {
					t.Errorf("%s: the vendor has no %s %s", preset, asked.Method, asked.Path)
				}
				if len(asked.Body) == 0 {
					continue
				}
				var sent map[string]any // as it went out: the server writes into what it was sent
				shown := plan(t, b.client, platform.Command{Call: platform.Create, Webhook: webhook()})
				for _, s := range shown {
					if s.Method == asked.Method && s.Headers["Content-Type"] == "application/json" {
						if err := json.Unmarshal([]byte(s.Body), &sent); err != nil {
							t.Fatal(err)
						}
					}
				}
				checked[asked.Method] = true
				for _, fault := range vendor.check(preset+" "+asked.Method, "Models."+models[asked.Method], sent) {
					t.Error(fault)
				}
			}
			if len(checked) != len(models) {
				t.Errorf("%s: only the bodies of %v were checked", preset, checked)
			}
		})
	}
	open, _ := platform.Find("genesys-open-messaging")
	members, _ := vendor.members("OpenIntegration")
	for _, field := range []string{open.Found.ID, open.Found.Name, open.Found.URL, open.Await.Field, open.Await.Error} {
		if members[field] == "" {
			t.Errorf("an integration has no %s", field)
		}
	}
	if vendor.has("POST", "/api/v2/integration/webhooks") {
		t.Error("the vendor has the tutorial's call after all: say so")
	}
}

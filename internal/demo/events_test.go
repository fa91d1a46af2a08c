package demo_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/demo"
)

var now = time.Date(2026, 3, 2, 10, 15, 5, 427_000_000, time.UTC)

// shapes are the places that events of each kind have at their platform.
func shapes() map[string][]string {
	message := []string{
		"id",
		"channel.id",
		"channel.messageId",
		"channel.to.id",
		"channel.from.nickname",
		"channel.time",
		"type",
		"direction",
		"conversationId",
	}
	bus := []string{
		"version",
		"id",
		"detail-type",
		"source",
		"account",
		"time",
		"detail.topicName",
		"detail.eventBody.eventTime",
		"detail.eventBody.conversationId",
		"detail.metadata.CorrelationId",
	}
	dfo := []string{
		"eventObject",
		"eventType",
		"createdAt",
		"createdAtWithMilliseconds",
		"data.brand.tenantId",
		"data.channel.id",
		"data.case.id",
		"context",
	}
	return map[string][]string{
		"genesys-message":    append(slices.Clone(message), "text"),
		"genesys-attachment": append(slices.Clone(message), "content.0.attachment.url"),
		"genesys-typing":     append(slices.Clone(message), "events.0.typing.duration"),
		"genesys-conversation": {
			"id",
			"eventType",
			"timestamp",
			"conversation.id",
			"conversation.participants.0.address",
		},
		"genesys-nameless":   {"eventType", "timestamp", "conversation.id", "conversation.participants.1.userId"},
		"genesys-wrapup":     append(slices.Clone(bus), "detail.eventBody.wrapupCode"),
		"genesys-disconnect": append(slices.Clone(bus), "detail.eventBody.disconnectType"),
		"cxone-message": append(
			slices.Clone(dfo), "eventId", "data.thread.idOnExternalPlatform",
			"data.message.messageContent.payload.text",
		),
		"cxone-case":     append(slices.Clone(dfo), "eventId", "data.case.statusUpdatedAt"),
		"cxone-assignee": append(slices.Clone(dfo), "data.inboxAssignee.surname", "data.routingQueue.name"),
		"cxone-outbound": {
			"thread.idOnExternalPlatform",
			"messageContent.payload.text",
			"recipients.0.name",
			"direction",
			"createdAtWithMilliseconds",
		},
	}
}

func TestEventsHaveTheShapesOfTheirPlatforms(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n := range 3 * len(demo.Kinds()) {
		e := makeEvent(t, n)
		places, ok := shapes()[e.Kind]
		if !ok {
			t.Errorf("nothing here says what %s looks like", e.Kind)
		}
		seen[e.Kind] = true
		var document any
		if err := json.Unmarshal([]byte(e.Body), &document); err != nil || strings.Contains(e.Body, "$") {
			t.Fatalf("event %d is %s: %v", n, e.Body, err)
		}
		for _, place := range places {
			if at(document, place) == nil {
				t.Errorf("%s has nothing at %s: %s", e.Kind, place, e.Body)
			}
		}
		if !strings.HasPrefix(e.Kind, e.Source+"-") || e.Source != "genesys" && e.Source != "cxone" {
			t.Errorf("%s is of source %q", e.Kind, e.Source)
		}
	}
	files, err := fs.Glob(os.DirFS("events"), "*.json")
	if err != nil || len(files) != len(seen) {
		t.Errorf("%d kinds are sent of %d: %v", len(seen), len(files), err)
	}
}

// at returns the value at a path of a document, and nil if there is none.
func at(document any, place string) any {
	for name := range strings.SplitSeq(place, ".") {
		switch v := document.(type) {
		case map[string]any:
			document = v[name]
		case []any:
			document = v[name[0]-'0']
		default:
			return nil
		}
	}
	return document
}

func makeEvent(t *testing.T, n int) demo.Event {
	t.Helper()
	e, err := demo.MakeEvent(n, now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEventsVary(t *testing.T) {
	t.Parallel()
	bodies, unicode := map[string]bool{}, false
	for n := range 90 {
		e := makeEvent(t, n)
		bodies[e.Body] = true
		unicode = unicode || strings.Contains(e.Body, "🙏")
		if same := makeEvent(t, n); same.Kind != e.Kind ||
			same.Body == e.Body && strings.Contains(e.Body, `"id"`) && e.Kind == "genesys-message" {
			t.Errorf("event %d: %s, then %s with the same ids", n, e.Kind, same.Kind)
		}
	}
	if len(bodies) != 90 || !unicode {
		t.Errorf("%d of 90 bodies differ, with text beyond the basic plane: %t", len(bodies), unicode)
	}
}

func TestEventsCarryTheHeadersOfTheirPlatforms(t *testing.T) {
	t.Parallel()
	for n, names := range map[int][]string{
		0: {"X-Hub-Signature-256", "Inin-Correlation-Id"},
		1: {"Webhook-Id", "X-Correlation-Id"},
	} {
		t.Run(fmt.Sprintf("event %d", n), func(t *testing.T) {
			e := makeEvent(t, n)
			for _, name := range append(names, "Content-Type", "User-Agent", "Authorization") {
				if e.Header.Get(name) == "" {
					t.Errorf("%s has no %s: %v", e.Kind, name, e.Header)
				}
			}
		})
	}
}

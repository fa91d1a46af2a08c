package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

//go:embed events/*.json
var templates embed.FS

// Event is one webhook, as a platform posts it.
type Event struct {
	Source string
	Kind   string
	Body   string
	Header http.Header
}

// Kinds returns the order in which the kinds of event come round: mostly ordinary messages, now and then something odd.
func Kinds() []string {
	return []string{
		"genesys-message",
		"cxone-message",
		"genesys-typing",
		"genesys-wrapup",
		"genesys-nameless",
		"cxone-case",
		"genesys-attachment",
		"cxone-message",
		"genesys-message",
		"cxone-outbound",
		"genesys-disconnect",
		"cxone-assignee",
		"genesys-conversation",
		"genesys-message",
		"cxone-message",
	}
}

// texts are messages of customers and agents.
func texts() []string {
	return []string{
		"Where is my order?",
		"Your parcel ships tomorrow. Größe L, 3 × 24,50 €",
		"¿Pueden cambiar la dirección de entrega?",
		"أين طلبي؟",
		"The code \"SPRING\" does not work at the checkout",
		"Merci beaucoup 🙏",
		"I was charged twice for the same order.",
		"注文をキャンセルしたいです",
		"Can I speak to somebody?",
		"Proszę o fakturę na firmę",
		"<b>Bold</b> & tab\there\nand a second line",
	}
}

// A conversation has some events, and a customer comes back after a while.
const (
	eventsPerConversation = 3
	customers             = 37
)

// MakeEvent makes the n-th event of a demo. Its ids are new each time, as a platform's are.
func MakeEvent(n int, at time.Time) (Event, error) {
	kind := Kinds()[n%len(Kinds())]
	template, err := templates.ReadFile("events/" + kind + ".json")
	if err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", kind, err)
	}
	id, correlation := uuid.NewString(), uuid.NewString()
	body, err := fill(strings.TrimSpace(string(template)), n, id, correlation, at)
	if err != nil {
		return Event{}, fmt.Errorf("write event %s: %w", kind, err)
	}
	source, _, _ := strings.Cut(kind, "-")
	return Event{Source: source, Kind: kind, Body: body, Header: headers(source, body, id, correlation)}, nil
}

// fill puts values in the places of a template.
func fill(template string, n int, id, correlation string, at time.Time) (string, error) {
	name := fmt.Appendf(nil, "%s/%d", at.Format(time.DateOnly), n/eventsPerConversation)
	conversation := uuid.NewSHA1(uuid.NameSpaceURL, name).String()
	words := texts()
	var pairs []string
	for name, value := range map[string]any{
		"$ID":           id,
		"$CORRELATION":  correlation,
		"$CONVERSATION": conversation,
		"$TOPIC":        "v2.detail.events.conversation." + conversation,
		"$CUSTOMER":     fmt.Sprintf("cust-%04d", 2100+n%customers),
		"$CASE":         fmt.Sprintf("2274%08d", 51000+n%customers),
		"$PHONE":        fmt.Sprintf("tel:+49301234%03d", n%customers),
		"$TIME":         at.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		"$MILLIS":       at.UnixMilli(),
		"$TEXT":         words[n%len(words)],
	} {
		written, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		pairs = append(pairs, name, string(written))
	}
	return strings.NewReplacer(pairs...).Replace(template), nil
}

// signingKey is no secret: nothing in the demo looks at the signature.
const signingKey = "demo-signing-key"

// headers are those that the platforms send: Genesys signs the body, CXone names the webhook.
func headers(source, body, id, correlation string) http.Header {
	h := http.Header{
		"Content-Type":  {"application/json; charset=utf-8"},
		"Authorization": {"Bearer demo-" + source + "-4f1c9a7e"},
	}
	if source == "cxone" {
		h.Set("User-Agent", "NICE-CXone-Digital/2.4")
		h.Set("Webhook-Id", "evt_"+id)
		h.Set("X-Correlation-Id", correlation)
		return h
	}
	sum := hmac.New(sha256.New, []byte(signingKey))
	sum.Write([]byte(body))
	h.Set("User-Agent", "GenesysCloud-Webhooks/1.0")
	h.Set("X-Hub-Signature-256", "sha256="+base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	h.Set("Inin-Correlation-Id", correlation)
	return h
}

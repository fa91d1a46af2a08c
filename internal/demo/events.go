package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

//go:embed events/*.json
var templates embed.FS

// event is one webhook that the sender posts.
type event struct {
	source    string
	body      string
	webhookID string // empty: the platform sends none
}

// mix is the order in which the kinds of event come round: mostly ordinary messages, now and then something odd.
var mix = []string{
	"genesys-message", "cxone-message", "genesys-typing", "genesys-message", "genesys-conversation", "cxone-case", "genesys-attachment",
	"cxone-message", "genesys-message", "genesys-wrapup", "cxone-assignee", "genesys-message", "cxone-message", "genesys-wrapup",
}

var texts = []string{
	"Where is my order?", "Your parcel ships tomorrow. Größe M, 2 × 19,90 €", "¿Pueden cambiar la dirección?", "أين طلبي؟",
	"The code \"SPRING\" does not work", "Merci beaucoup 🙏", "I was charged twice", "注文をキャンセルしたいです", "Can I speak to somebody?",
}

// makeEvent makes the n-th event of a demo.
func makeEvent(n int, at time.Time) (event, error) {
	kind := mix[n%len(mix)]
	template, err := templates.ReadFile("events/" + kind + ".json")
	if err != nil {
		return event{}, fmt.Errorf("read event %s: %w", kind, err)
	}
	id := uuid.NewString()
	values := map[string]string{
		"$ID": id, "$CONVERSATION": uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "conversation-%d", n/3)).String(),
		"$CUSTOMER": fmt.Sprintf("cust-%04d", 1000+n%37), "$TIME": at.UTC().Format(time.RFC3339Nano), "$TEXT": texts[n%len(texts)],
	}
	var pairs []string
	for name, value := range values {
		quoted, err := json.Marshal(value)
		if err != nil {
			return event{}, fmt.Errorf("write event %s: %w", kind, err)
		}
		pairs = append(pairs, name, string(quoted))
	}
	source, _, _ := strings.Cut(kind, "-")
	e := event{source: source, body: strings.TrimSpace(strings.NewReplacer(pairs...).Replace(string(template)))}
	if source == "cxone" {
		e.webhookID = id
	}
	return e, nil
}

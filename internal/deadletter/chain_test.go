package deadletter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func chainEvent() deadletter.Event {
	return deadletter.Event{
		At:         time.UnixMilli(1_700_000_000_000),
		Actor:      deadletter.ActorUser,
		By:         "anna",
		Addr:       "192.0.2.1",
		Action:     "message.replay",
		TargetKind: "message",
		Target:     "a-1",
		Source:     "genesys",
		Reason:     "fixed",
		Before:     json.RawMessage(`{"status":"failed"}`),
		After:      json.RawMessage(`{"status":"replaying"}`),
	}
}

func TestLinkChangesWithEveryField(t *testing.T) {
	t.Parallel()
	key, prev := []byte("key"), []byte("previous")
	base := deadletter.ChainLink(key, prev, 7, chainEvent())
	if len(base) != 32 || !bytes.Equal(base, deadletter.ChainLink(key, prev, 7, chainEvent())) {
		t.Fatal("the same event does not give the same link")
	}
	links := map[string][]byte{
		"key":      deadletter.ChainLink([]byte("yek"), prev, 7, chainEvent()),
		"previous": deadletter.ChainLink(key, []byte("Previous"), 7, chainEvent()),
		"first":    deadletter.ChainLink(key, nil, 7, chainEvent()),
		"sequence": deadletter.ChainLink(key, prev, 8, chainEvent()),
	}
	for i := range reflect.TypeFor[deadletter.Event]().NumField() {
		e := chainEvent()
		field := reflect.ValueOf(&e).Elem().Field(i)
		name := reflect.TypeFor[deadletter.Event]().Field(i).Name
		switch value := field.Interface().(type) {
		case time.Time:
			field.Set(reflect.ValueOf(value.Add(time.Millisecond)))
		case json.RawMessage:
			field.SetBytes(append(bytes.Clone(value), ' '))
		default:
			field.SetString(field.String() + "x")
		}
		links[name] = deadletter.ChainLink(key, prev, 7, e)
	}
	seen := map[string]string{string(base): "nothing"}
	for name, link := range links {
		if other, ok := seen[string(link)]; ok {
			t.Errorf("a change of %s gives the same link as a change of %s", name, other)
		}
		seen[string(link)] = name
	}
}

// The trails of all stores depend on it.
func TestLinkAndSealFormatIsStable(t *testing.T) {
	t.Parallel()
	const link = "80ee63a5d1de8a2645190b072740ed670e2b12838f2629ebceabffdfda5ab2df"
	if got := fmt.Sprintf("%x", deadletter.ChainLink([]byte("key"), []byte("prev"), 77, chainEvent())); got != link {
		t.Errorf("the link is %s, and was %s", got, link)
	}
	const seal = "80bf44dbe9dd23bcb72a3ff54e1b87f184a0bacd32c0a5a8e06b71040a31bf7a"
	if got := fmt.Sprintf("%x", deadletter.ChainSeal([]byte("key"), 99, []byte("last"))); got != seal {
		t.Errorf("the seal is %s, and was %s", got, seal)
	}
}

// What moves from one field to its neighbour must not leave the link as it was.
func TestLinkKeepsFieldsApart(t *testing.T) {
	t.Parallel()
	one, other := chainEvent(), chainEvent()
	one.By, one.Addr = "anna", "b"
	other.By, other.Addr = "ann", "ab"
	if bytes.Equal(deadletter.ChainLink(nil, nil, 1, one), deadletter.ChainLink(nil, nil, 1, other)) {
		t.Error("fields run into one another")
	}
}

// The store keeps milliseconds: what is below them must not matter, nor must the zone.
func TestLinkCoversTheStoredFields(t *testing.T) {
	t.Parallel()
	e := chainEvent()
	e.At = e.At.Add(123 * time.Microsecond).In(time.FixedZone("", 3600))
	if !bytes.Equal(deadletter.ChainLink(nil, nil, 1, e), deadletter.ChainLink(nil, nil, 1, chainEvent())) {
		t.Error("the link of an event changes when it is read back")
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	base := deadletter.ChainSeal([]byte("key"), 7, []byte("last"))
	for name, seal := range map[string][]byte{
		"key":      deadletter.ChainSeal([]byte("yek"), 7, []byte("last")),
		"sequence": deadletter.ChainSeal([]byte("key"), 8, []byte("last")),
		"last":     deadletter.ChainSeal([]byte("key"), 7, []byte("Last")),
		"a link":   deadletter.ChainLink([]byte("key"), []byte("last"), 7, deadletter.Event{}),
	} {
		t.Run(name, func(t *testing.T) {
			if bytes.Equal(base, seal) {
				t.Errorf("a change of %s leaves the seal as it was", name)
			}
		})
	}
	if !bytes.Equal(base, deadletter.ChainSeal([]byte("key"), 7, []byte("last"))) {
		t.Error("the same chain does not give the same seal")
	}
}

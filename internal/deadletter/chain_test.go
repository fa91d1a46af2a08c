package deadletter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
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
	if got := fmt.Sprintf(
		"%x",
		deadletter.Mark{99, []byte("last")}.Seal([]byte("key"), deadletter.SealOfOldHead),
	); got != seal {
		t.Errorf("the seal is %s, and was %s", got, seal)
	}
}

// Text that moves from one field to the next changes the link.
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

func TestSealChangesWithMarkKeyAndUse(t *testing.T) {
	t.Parallel()
	key, last := []byte("key"), []byte("last")
	mark := deadletter.Mark{Sequence: 7, Link: last}
	seen := map[string]string{}
	for name, seal := range map[string][]byte{
		"nothing":  mark.Seal(key, deadletter.SealOfHead),
		"use":      mark.Seal(key, deadletter.SealOfMark),
		"old use":  mark.Seal(key, deadletter.SealOfOldHead),
		"key":      mark.Seal([]byte("yek"), deadletter.SealOfHead),
		"sequence": deadletter.Mark{Sequence: 8, Link: last}.Seal(key, deadletter.SealOfHead),
		"last":     deadletter.Mark{Sequence: 7, Link: []byte("Last")}.Seal(key, deadletter.SealOfHead),
		"a link":   deadletter.ChainLink(key, last, 7, deadletter.Event{}),
	} {
		if other, ok := seen[string(seal)]; ok {
			t.Errorf("a change of %s gives the same seal as a change of %s", name, other)
		}
		seen[string(seal)] = name
	}
	if !bytes.Equal(mark.Seal(key, deadletter.SealOfHead), mark.Seal(key, deadletter.SealOfHead)) {
		t.Error("the same mark does not give the same seal")
	}
}

func TestMarkIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, mark := range []deadletter.Mark{{}, {Sequence: 1204, Link: bytes.Repeat([]byte{0x9f}, 32)}} {
		got, err := deadletter.ParseMark(mark.String())
		if err != nil || !got.Is(mark) {
			t.Errorf("%s is read as %s, %v", mark, got, err)
		}
	}
	for _, text := range []string{
		"", "1204", "1204:", "1204:9f", "x:" + strings.Repeat("9f", 32), "-1:" + strings.Repeat("9f", 32),
		"1204:" + strings.Repeat("zz", 32),
	} {
		if got, err := deadletter.ParseMark(text); deadletter.KindOf(err) != deadletter.Invalid {
			t.Errorf("%q is read as %s, %v", text, got, err)
		}
	}
}

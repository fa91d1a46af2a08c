package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

const unmaskedSSN = "078-05-1120"

func TestAdminSeesMaskedValuesForFiveMinutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	ada, eve := b.member(t, "ada", deadletter.Admin), b.member(t, "eve", deadletter.Admin)
	olga := b.member(t, "olga", deadletter.Operator)

	if got := ada.post("/messages/a-1/unmask", order(0, "reason", " ")); got.status != http.StatusUnprocessableEntity ||
		strings.Contains(got.text, unmaskedSSN) {
		t.Errorf("without a reason it answers %d", got.status)
	}
	if got := olga.post("/messages/a-1/unmask", order(0, "reason", "curious")); got.status != http.StatusForbidden {
		t.Errorf("an operator is answered %d", got.status)
	}
	got := ada.post("/messages/a-1/unmask", order(0, "reason", "compare with "+unmaskedSSN, "value", "ssn"))
	if got.status != http.StatusSeeOther {
		t.Fatalf("it answers %d: %s", got.status, got.says("main"))
	}
	page := ada.get("/messages/a-1")
	if !strings.Contains(page.says(".payload-section"), unmaskedSSN) ||
		page.header.Get("Cache-Control") != "no-store" ||
		page.header.Get("Refresh") == "" {
		t.Errorf("the admin sees %q, %v", page.says(".payload-section"), page.header)
	}
	if copied := page.says("#copy-as"); strings.Contains(copied, unmaskedSSN) {
		t.Errorf("the copied command has %q", copied)
	}
	if strings.Contains(page.says("#headers-title ~ *")+page.says("#webhook-headers"), "s3cret") {
		t.Error("a header is shown that nobody asked for")
	}
	for name, other := range map[string]func(string, ...string) answer{"admin": eve.get, "operator": olga.get} {
		t.Run(name, func(t *testing.T) {
			page := other("/messages/a-1")
			if strings.Contains(page.text, unmaskedSSN) {
				t.Error("another person sees the value")
			}
			if says := page.says("[data-unmasked]"); !strings.Contains(says, "Unmasked for ada until") ||
				!strings.Contains(says, "compare with •••") {
				t.Errorf("the page announces %q", says)
			}
		})
	}
	audit := olga.get("/audit?message=a-1&action=message.unmask")
	if says := audit.says("tbody"); !strings.Contains(says, "ada") || !strings.Contains(says, "compare with •••") {
		t.Errorf("the audit trail has %q", says)
	}
	b.clock.Add(deadletter.UnmaskFor - time.Second)
	if !strings.Contains(ada.get("/messages/a-1").says(".payload-section"), unmaskedSSN) {
		t.Error("it ends early")
	}
	b.clock.Add(time.Second)
	page = ada.get("/messages/a-1")
	if strings.Contains(page.text, unmaskedSSN) || page.count("[data-unmasked]") != 0 {
		t.Error("it does not end")
	}
}

func TestUnmaskingIsEndedEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	ada, eve := b.member(t, "ada", deadletter.Admin), b.member(t, "eve", deadletter.Admin)
	ada.post("/messages/a-1/unmask", order(0, "reason", "a call of the customer"))
	if page := ada.get("/messages/a-1"); !strings.Contains(page.says(".payload-section"), unmaskedSSN) ||
		!strings.Contains(page.says("#webhook-headers"), "s3cret") {
		t.Errorf("the whole message is shown as %q", page.says("main"))
	}
	if got := eve.post("/messages/a-1/mask", order(0)); got.status != http.StatusConflict {
		t.Errorf("another admin ends it: %d", got.status)
	}
	if got := ada.post("/messages/a-1/mask", order(0)); got.status != http.StatusSeeOther {
		t.Errorf("ending it answers %d", got.status)
	}
	if page := ada.get("/messages/a-1"); strings.Contains(page.text, unmaskedSSN) {
		t.Error("it goes on")
	}
	if says := ada.get("/audit?message=a-1").says("tbody"); !strings.Contains(says, "masked values again of") {
		t.Errorf("the audit trail has %q", says)
	}
}

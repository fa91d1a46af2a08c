package deadletter_test

import (
	"fmt"
	"testing"

	"dlqdesk/internal/deadletter"
)

func fingerprint(reason string) string {
	return deadletter.Fingerprint("genesys", "http://127.0.0.1:9090/genesys", reason)
}

func TestSameCauseHasTheSameFingerprint(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{
			"422: conversation c0ffee00-1111-4222-8333-444455556666 has no id",
			"422: conversation d1c2b3a4-0000-4000-8000-000000000001 has no id",
		},
		{
			"No answer within 10s: the handler may have processed it",
			"No answer within 2.5s: the handler may have processed it",
		},
		{
			"Not sent: dial tcp 10.0.0.1:443: connect: connection refused",
			"Not sent: dial tcp 10.0.0.99:8443: connect: connection refused",
		},
		{"Not sent: dial tcp [::1]:443: refused", "Not sent: dial tcp [fe80::1]:8443: refused"},
		{"500: at 2026-03-02T10:15:05.427Z", "500: at 2027-11-23 18:00:00"},
		{"409: version 12 is older than 15", "409: version 3 is older than 1,204"},
		{"500: request 8f3a2b9c failed", "500: request 00ffab12 failed"},
		{"422:  Field ID is  missing", "422: field id is missing"},
	} {
		t.Run(pair[0], func(t *testing.T) {
			if fingerprint(pair[0]) != fingerprint(pair[1]) {
				t.Errorf("%q and %q count as two causes", pair[0], pair[1])
			}
		})
	}
}

func TestAnotherCauseHasAnotherFingerprint(t *testing.T) {
	t.Parallel()
	reasons := []string{
		"422: field id is missing",
		"422: field name is missing",
		`422: field "id" is missing`,
		"400: field id is missing",
		"HTTP 503 from the old worker",
		"HTTP 502 from the old worker",
		"No answer within 10s",
		"",
		"503: Service Unavailable",
		"facade is down",
		"cafe is down",
	}
	seen := map[string]string{}
	for _, reason := range reasons {
		if other, ok := seen[fingerprint(reason)]; ok {
			t.Errorf("%q and %q count as one cause", reason, other)
		}
		seen[fingerprint(reason)] = reason
	}
	if fingerprint("x") == deadletter.Fingerprint("cxone", "http://127.0.0.1:9090/genesys", "x") ||
		fingerprint("x") == deadletter.Fingerprint("genesys", "http://other", "x") {
		t.Error("another source or destination counts as the same cause")
	}
}

func TestGroupFollowsTheLatestReason(t *testing.T) {
	t.Parallel()
	const to = "http://127.0.0.1:9090/genesys"
	l := deadletter.NewMessage(
		deadletter.Capture{
			ID:           "a-1",
			Source:       "genesys",
			Destination:  to,
			Reason:       "down",
			FirstAttempt: &deadletter.Attempt{Number: 1, Outcome: deadletter.ErrorResponse, StatusCode: 503},
		},
		retry,
		0,
		now,
	).After
	if l.Fingerprint != fingerprint("down") {
		t.Errorf("a new message is in group %q", l.Fingerprint)
	}
	claim, err := l.Claim(deadletter.Lease{Token: "t"}, "", l.DueAt)
	if err != nil {
		t.Fatal(err)
	}
	for reason, a := range map[string]deadletter.Attempt{
		"field id is missing": {Outcome: deadletter.ErrorResponse, StatusCode: 422, Error: "field id is missing"},
		"still down":          {Outcome: deadletter.ErrorResponse, StatusCode: 503, Error: "still down"},
		"down":                {Outcome: deadletter.Delivered, StatusCode: 200},
	} {
		t.Run(reason, func(t *testing.T) {
			finish, err := claim.After.Finish("t", a, retry, 0, now)
			want := fingerprint(deadletter.WithStatus(a.StatusCode, a.Error))
			if a.Outcome == deadletter.Delivered {
				want = fingerprint(reason) // it stays in the group of its last failure
			}
			if err != nil || finish.After.Fingerprint != want || finish.After.Reason != reason {
				t.Errorf("after %+v the message is in group %q for %q, %v", a, finish.After.Fingerprint,
					finish.After.Reason, err)
			}
		})
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add("422: field id is missing", 7)
	f.Fuzz(func(t *testing.T, reason string, n int) {
		if len(fingerprint(reason)) != 16 {
			t.Errorf("%q: %q", reason, fingerprint(reason))
		}
		if n >= 0 && fingerprint(fmt.Sprintf("x: row %d", n)) != fingerprint("x: row 1") {
			t.Errorf("a number makes another cause: %d", n)
		}
	})
}

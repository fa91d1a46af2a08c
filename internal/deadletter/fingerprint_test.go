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
		{"unknown user anna@example.com", "unknown user bob.smith@test.org"},
		{"No such customer: cus_9sXkAbC1ZZ", "No such customer: cus_Lm2QzT77aa"},
		{"No such customer: cus_ZQVtSevwny", "No such customer: cus_qMCPA58gb09BOc"},
		{"job 01ARZ3NDEKTSV4RRFFQ69G5FAV lost", "job 01BX5ZZKBKACTAV9WEVGEMMVRZ lost"},
		{"404 for https://api.example.com/v1/users/42", "404 for https://api.example.com/v1/users/77?x=1"},
		{"404: GET /v1/users/42/orders", "404: GET /v1/users/cus_9sXkAbC1ZZ/orders?page=2"},
		{"409: (email)=(a@b.example) exists", "409: (email)=(c.d+e@f.example) exists"},
		{"403: user RFC_GENESYS is locked", "403: user LALBRECHT is locked"},
		{"404: no file /data/7f/a1b2c3.bin", "404: no file /data/9c/ffee01.bin"},
		{"500: lock on 1 record: 0015g0000iLrm25GTM", "500: lock on 2 records: 0015g00007fY7PHREC,0015g0000yvVI5aYNJ"},
		{"401: expired (kid b3af8d6c, jti 3bf9fa60-534f-43b0-962c-c7195555bb8d)", "401: expired"},
		{"429: 741 of 600 requests, retry after 45 seconds", "429: 1,204 of 600 requests, retry after 3 seconds"},
		{"504: timed out waiting for redis-cache-0.svc:6379", "504: timed out waiting for redis-cache-3.svc:6379"},
		{"500: Schl\u00fcssel fehlt", "500: Schl\ufffdssel fehlt"},
		{"400: case CAS-2026-006035 is closed", "400: case CAS-2025-1 is closed"},
		{"400: plan \"team-2023\" is gone", "400: plan \"pro-2022-annual\" is gone"},
		{"500: took 1.5s", "500: took 20 minutes"},
		{"500: on 18.04.2026", "500: on 2026-05-02"},
		{"500: failed with status code 503 for order 4711", "500: failed with status code 503 for order 12"},
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
		"500: Request failed with status code 401",
		"500: Request failed with status code 503",
		"502: upstream answered HTTP 500",
		"502: upstream answered HTTP 429",
		"502: gateway, status: 404",
		"502: gateway, status: 410",
		"field a is required",
		"field b is required",
		"400: Value 'closed' is not allowed for 'status'",
		"400: Value 'closed' is not allowed for 'priority'",
		"KeyError: 'queue_id'",
		"KeyError: 'skill_id'",
		"504: timed out waiting for redis-cache-0.svc:6379",
		"504: timed out waiting for postgres-primary-0.svc:5432",
		"404 for https://api.example.com/v1/users/42",
		"404 for https://api.example.com/v1/orders/42",
		"404 for https://other.test/v1/users/42",
		"404: no such user",
		"404: no such order",
		"429: rate limit exceeded",
		"429: quota exceeded",
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
	f.Add("no route to 1::. or 10:15:05 or [::1]:443 or fe80::1%eth0: ORA-00001", 7)
	f.Fuzz(func(t *testing.T, reason string, n int) {
		if len(fingerprint(reason)) != 16 {
			t.Errorf("%q: %q", reason, fingerprint(reason))
		}
		if n >= 0 && fingerprint(fmt.Sprintf("x: row %d", n)) != fingerprint("x: row 1") {
			t.Errorf("a number makes another cause: %d", n)
		}
	})
}

func BenchmarkFingerprint(b *testing.B) {
	for _, reason := range []string{
		"422: field id is missing in conversation.participants[1]",
		"404: conversation c0ffee00-1111-4222-8333-444455556666 of anna@example.com not found after 3.2s",
	} {
		b.Run(reason, func(b *testing.B) {
			for b.Loop() {
				fingerprint(reason)
			}
		})
	}
}

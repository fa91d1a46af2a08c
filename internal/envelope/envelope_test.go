package envelope_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
)

var at = time.Date(2026, 3, 2, 10, 15, 5, 427_000_000, time.UTC)

func capture(body []byte) deadletter.Capture {
	return deadletter.Capture{
		ID:          "9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e8b41",
		Source:      "genesys",
		Destination: "http://127.0.0.1:9090/genesys",
		Method:      "POST",
		Query:       "a=1&b=%20",
		WebhookID:   "hook-1",
		ReceiveID:   "r-1",
		ReceivedAt:  at,
		Body:        body,
		Reason:      "field id is missing",
		Headers:     deadletter.Headers{"Content-Type": {"application/json"}, "X-Many": {"1", "2"}},
		FirstAttempt: &deadletter.Attempt{
			Number:          1,
			Trigger:         deadletter.TriggerReceive,
			Actor:           "system",
			StartedAt:       at,
			Done:            true,
			Latency:         84 * time.Millisecond,
			Outcome:         deadletter.ErrorResponse,
			StatusCode:      422,
			Error:           "field id is missing",
			ResponseHeaders: deadletter.Headers{"X": {"y"}},
			ResponseBody:    []byte{0xff, 0, '<'},
			ResponseCut:     true,
			RetryAfter:      3 * time.Second,
			TraceParent:     "00-1-2-01",
		},
		Masks: "0badc0de",
	}
}

func message(body []byte) envelope.Raw {
	return envelope.Raw{
		Queue:        "dlq",
		MessageID:    "0f1e2d3c-4b5a-4968-8776-859403a2b1c0",
		Body:         body,
		SentAt:       at.Add(time.Second),
		ReceiveCount: 1,
	}
}

func TestCaptureRoundTrips(t *testing.T) {
	t.Parallel()
	want := capture([]byte(`{"id":1}`))
	want.Queue.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	want.Run, want.RunAt, want.Sequence = "run-1", at, deadletter.Sequence{Number: 12, Settled: 9, Refused: 1}
	text, err := envelope.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got := envelope.Decode(message(text), at.Add(time.Minute))
	if got.Queue.Form != envelope.FormEnvelope || got.Queue.MessageID == "" ||
		got.Queue.TraceParent != want.Queue.TraceParent ||
		len(got.Queue.Attributes) > 0 {
		t.Errorf("queue facts %+v", got.Queue)
	}
	got.Queue, want.Queue = deadletter.QueueFacts{}, deadletter.QueueFacts{}
	if fmt.Sprintf("%+v %+v", got, *got.FirstAttempt) != fmt.Sprintf("%+v %+v", want, *want.FirstAttempt) {
		// The pointers differ; the values must not.
		first := *got.FirstAttempt
		got.FirstAttempt = want.FirstAttempt
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) ||
			fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", *want.FirstAttempt) {
			t.Errorf("capture\n got %+v %+v\nwant %+v %+v", got, first, want, *want.FirstAttempt)
		}
	}
}

func TestAnyTextRoundTrips(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"quoted" \ <b>&amp;</b>`, "\x00\t\r\n\x7f", "é 漢字 \u2028", "😀\uFFFE", "a\xffb"} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			want := capture([]byte(`{"id":1}`))
			want.Query, want.Headers["X-Text"], want.FirstAttempt.ResponseHeaders["X-Text"] = text, []string{
				text,
			}, []string{
				text, text,
			}
			encoded, err := envelope.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.ContainsFunc(encoded, func(r rune) bool { return r < ' ' || r > 0xFFFD }) {
				t.Errorf("%q is written as %s, which a queue refuses", text, encoded)
			}
			query, answered := text, strings.ReplaceAll(text, "\xff", "ÿ")
			if !utf8.ValidString(text) {
				query = strings.ReplaceAll(text, "\xff", "%FF")
			}
			got := envelope.Decode(message(encoded), at.Add(time.Minute))
			if got.Query != query || got.Headers.Get("X-Text") != text ||
				strings.Join(got.FirstAttempt.ResponseHeaders["X-Text"], "|") != answered+"|"+answered {
				t.Errorf("%q came back as %q, %q and %q", text, got.Query, got.Headers,
					got.FirstAttempt.ResponseHeaders)
			}
		})
	}
}

func TestUnencodableTimeIsAnError(t *testing.T) {
	t.Parallel()
	c := capture([]byte(`{"id":1}`))
	c.FirstAttempt.StartedAt = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // RFC 3339 has years of four digits
	if text, err := envelope.Encode(c); err == nil {
		t.Errorf("it was written as %s", text)
	}
}

func TestInterchangeFieldsKeepTheirNames(t *testing.T) {
	t.Parallel()
	text, err := envelope.Encode(capture([]byte(`{"n":12345678901234567890,"a":[1]}`)))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		MessageID       string          `json:"messageId"`
		Timestamp       time.Time       `json:"timestamp"`
		OriginalPayload json.RawMessage `json:"originalPayload"`
		OriginalHeaders map[string]any  `json:"originalHeaders"`
		ErrorReason     string          `json:"errorReason"`
		RetryCount      *int            `json:"retryCount"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.MessageID != "9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e8b41" || !got.Timestamp.Equal(at) || got.RetryCount == nil ||
		*got.RetryCount != 0 ||
		got.ErrorReason != "422: field id is missing" ||
		string(got.OriginalPayload) != `{"n":12345678901234567890,"a":[1]}` {
		t.Errorf("envelope %s", text)
	}
	if got.OriginalHeaders["content-type"] != "application/json" ||
		fmt.Sprint(got.OriginalHeaders["x-many"]) != "[1 2]" {
		t.Errorf("headers %v", got.OriginalHeaders)
	}
}

var bodies = []string{
	``, ` `, `{}`, ` {"a": 1}` + "\n", "{\r\n\t\"a\" :1 }", `"text"`, `null`, `12345678901234567890.50`,
	`{"a":1,"a":2}`, `{"e":1E400}`, "\xff\xfe", "{\"a\":\"\xff\"}", "\x00\x01\x02", "plain text",
	"<xml a=\"1\"/>", "{\"u\":\"\u2028\ufffe\uffff\"}", "\ufffe", "\ufeff{}", `{"a":"\u0000\ud800"}`,
	"a\r\nb", `{"a":`, "{\"t\":\"🙏 \\ud83d\"}", "🙏", "Größe M, 2 × 19,90 €", `{"<&>":"</script>"}`,
	strings.Repeat("[", 300) + strings.Repeat("]", 300), "\r\n {\"t\":\"🙏\"}\t\n",
	`{"🙏":"\\ud83d\ude4f \\\ud83d 🙏","\uffff":1}`, "\"\\\\ud83d\\ude4f 🙏\"", "\"\uffff\"",
	"\"\ufffe\\uffff\"", "\u00a0{}\u2003", " \n", "🙏{}", `"\`, `"\u`,
}

func TestBodyRoundTripsExactly(t *testing.T) {
	t.Parallel()
	for _, body := range bodies {
		roundTrip(t, []byte(body))
	}
}

func TestDeepBodyRoundTripsExactly(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1_000, 8_999, 9_000, 9_001, 9_999, 10_000, 10_001, 100_000} {
		roundTrip(t, []byte(strings.Repeat(`{"\\\"[[":[`, depth/2)+"1"+strings.Repeat("]}", depth/2)))
		roundTrip(t, []byte(strings.Repeat("[", depth)+strings.Repeat("]", depth)))
	}
}

func TestUsualBodyIsNotDoubled(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a long text <b>&</b> ", 5_000)
	for name, body := range map[string]string{
		"JSON": `{"text":"` + long + `"}`, "a line of JSON": `{"text":"` + long + "\"}\n",
		"with emoji": `{"text":"` + long + `🙏"}`, "XML": "<x>" + long + "</x>", "text": long,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := envelope.Encode(capture([]byte(body)))
			if err != nil || len(text) > len(body)+2_000 {
				t.Errorf("%s: %d bytes for %d, %v", name, len(text), len(body), err)
			}
		})
	}
}

func TestLargeBodyIsCompressedAndRoundTrips(t *testing.T) {
	t.Parallel()
	body := []byte(`{"text":"` + strings.Repeat("the same again ", 10_000) + "\"}\n")
	c := capture(body)
	for limit, packed := range map[int]bool{1 << 20: false, 100_000: true, 10: true} {
		t.Run(fmt.Sprintf("%d bytes", limit), func(t *testing.T) {
			text, err := envelope.EncodeWithin(c, limit)
			if err != nil || len(text) < 20_000 != packed {
				t.Errorf("within %d bytes there are %d, %v", limit, len(text), err)
			}
			if got := envelope.Decode(message(text), at); !bytes.Equal(got.Body, body) ||
				got.Queue.Form != envelope.FormEnvelope {
				t.Errorf("within %d bytes the body comes back with %d bytes of %d", limit, len(got.Body), len(body))
			}
		})
	}
	noise := capture([]byte(desktest.Noise(100_000)))
	text, err := envelope.EncodeWithin(noise, 10)
	if err != nil || !bytes.Equal(envelope.Decode(message(text), at).Body, noise.Body) {
		t.Errorf("what cannot be compressed does not come back: %v", err)
	}
}

func TestBrokenCompressionLosesNothing(t *testing.T) {
	t.Parallel()
	text, err := envelope.EncodeWithin(capture(bytes.Repeat([]byte("x"), 100_000)), 10)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Replace(text, []byte(`"rawBody":"`), []byte(`"rawBody":"!`), 1)
	if got := envelope.Decode(message(broken), at); !bytes.HasPrefix(got.Body, []byte("!")) {
		t.Errorf("the body is %q", got.Body)
	}
}

func TestHeaderValuesKeepTheirBytes(t *testing.T) {
	t.Parallel()
	c := capture(nil)
	c.Headers = deadletter.Headers{"Name": {"Jos\xe9", "a"}, "Other": {"José", "🙏"}, "Raw": {"\xff"}}
	text, err := envelope.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(`"name":["José","a"]`)) {
		t.Errorf("another program cannot read the headers of %s", text)
	}
	if got := envelope.Decode(message(text), at); !reflect.DeepEqual(got.Headers, c.Headers) {
		t.Errorf("headers %q", got.Headers)
	}
	// Another program has changed a header since.
	changed := bytes.Replace(text, []byte(`"name":["José","a"]`), []byte(`"name":"Ann"`), 1)
	want := deadletter.Headers{"Name": {"Ann"}, "Other": {"José", "🙏"}, "Raw": {"\xff"}}
	if got := envelope.Decode(message(changed), at); !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("headers %q, want %q", got.Headers, want)
	}
}

func TestHeadersOfANodeEnvelopeAreLatin1(t *testing.T) {
	t.Parallel()
	text := `{"messageId":"1","timestamp":"2026-03-02T10:15:05Z","originalPayload":{},"errorReason":"x","retryCount":0,
		"originalHeaders":{"x-latin":"caf\u00e9","x-utf8":["cafÃ©","🙏"]}}`
	want := deadletter.Headers{"X-Latin": {"caf\xe9"}, "X-Utf8": {"café", "🙏"}}
	if got := envelope.Decode(message([]byte(text)), at); !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("headers %q, want %q", got.Headers, want)
	}
}

func FuzzBodyRoundTripsExactly(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { roundTrip(t, body) })
}

func roundTrip(t *testing.T, body []byte) {
	t.Helper()
	text, err := envelope.Encode(capture(body))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) || !utf8.Valid(text) {
		t.Errorf("envelope of %q is no valid JSON: %q", body, text)
	}
	for _, r := range string(text) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r > 0xFFFD {
			t.Errorf("envelope of %q has %U, which the queue refuses", body, r)
		}
	}
	got := envelope.Decode(message(text), at)
	if !bytes.Equal(got.Body, body) {
		t.Errorf("body %q came back as %q", body, got.Body)
	}
	// Another program reads the value itself.
	var theirs struct{ OriginalPayload any }
	if err := json.Unmarshal(text, &theirs); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
		t.Errorf("another program cannot read %q: %v", text, err)
	}
}

func TestSixFieldsOfAnotherProgram(t *testing.T) {
	t.Parallel()
	text := `{"messageId":"m/1","timestamp":"2026-03-02T10:15:05.427Z","originalPayload":{"id": 1, ` +
		`"n":12345678901234567890},
		"originalHeaders":{"content-type":"application/json","X-Retry":3,"x-none":null,"set-cookie":["a","b"]},` +
		`"errorReason":"HTTP 503","retryCount":2,"team":"blue"}`
	c := envelope.Decode(message([]byte(text)), at.Add(time.Hour))
	if c.Foreign || c.FirstAttempt != nil || c.Source != "" || c.RetryCount != 2 || c.Reason != "HTTP 503" ||
		!c.ReceivedAt.Equal(at) {
		t.Errorf("capture %+v", c)
	}
	if string(c.Body) != `{"id": 1, "n":12345678901234567890}` {
		t.Errorf("body %s", c.Body)
	}
	if fmt.Sprint(c.Headers) != "map[Content-Type:[application/json] Set-Cookie:[a b] X-Retry:[3]]" {
		t.Errorf("headers %v", c.Headers)
	}
	if c.Queue.ProducerID != "m/1" || strings.Contains(string(c.ID), "/") || c.Queue.Form != envelope.FormInterchange {
		t.Errorf("id %q of %q", c.ID, c.Queue.ProducerID)
	}
	if again := envelope.Decode(message([]byte(text)), at); again.ID != c.ID {
		t.Errorf("the same message id became %q and %q", c.ID, again.ID)
	}
	if len(c.Queue.Attributes) != 1 || c.Queue.Attributes[0].Name != "team" || c.Queue.Attributes[0].Value != `"blue"` {
		t.Errorf("the field of the other program is lost: %+v", c.Queue.Attributes)
	}
}

func TestLastOfDuplicateFieldsCounts(t *testing.T) {
	t.Parallel()
	c := envelope.Decode(
		message(
			[]byte(
				`{"messageId":"a","team":"red","originalPayload":1,"zone":[],"errorReason":"no","team":{"a":1},`+
					`"messageId":"b","tram":2}`,
			),
		),
		at,
	)
	if c.ID != "b" || fmt.Sprint(c.Queue.Attributes) != fmt.Sprint([]deadletter.QueueAttribute{
		{
			Name:  "team",
			Type:  "envelope field",
			Value: `{"a":1}`,
		},
		{Name: "tram", Type: "envelope field", Value: "2"},
		{Name: "zone", Type: "envelope field", Value: "[]"},
	}) {
		t.Errorf("message %s with %v", c.ID, c.Queue.Attributes)
	}
}

func TestUnreadableAttemptLeavesOtherFields(t *testing.T) {
	t.Parallel()
	c := envelope.Decode(
		message(
			[]byte(
				`{"messageId":"a","timestamp":"2026-03-02T10:15:05.427Z","originalPayload":1,"errorReason":"no",`+
					`"bodyForm":"json",
		"firstAttempt":{"startedAt":7,"latencyUs":"x","outcome":"odd","statusCode":503,"error":"busy\n",`+
					`"responseHeaders":{"x-a":["1",null,2],"X-B":"3"},"responseBody":"%","responseCut":1}}`,
			),
		),
		at.Add(time.Minute),
	)
	want := deadletter.Attempt{
		Number:          1,
		Trigger:         deadletter.TriggerReceive,
		Actor:           "system",
		StartedAt:       at,
		Done:            true,
		Outcome:         deadletter.Unknown,
		StatusCode:      503,
		Error:           "busy ",
		ResponseHeaders: deadletter.Headers{"X-A": {"1", "2"}, "X-B": {"3"}},
	}
	if c.FirstAttempt == nil || fmt.Sprintf("%+v", *c.FirstAttempt) != fmt.Sprintf("%+v", want) {
		t.Errorf("attempt\n got %+v\nwant %+v", c.FirstAttempt, want)
	}
	for _, none := range []string{"null", "7", `"{}"`, "[{}]"} {
		t.Run(none, func(t *testing.T) {
			if c := envelope.Decode(
				message(
					[]byte(
						`{"messageId":"a","originalPayload":1,"errorReason":"no","bodyForm":"json",`+
							`"firstAttempt":`+none+"}",
					),
				),
				at,
			); c.FirstAttempt != nil {
				t.Errorf("%s is an attempt: %+v", none, c.FirstAttempt)
			}
		})
	}
}

func TestOddFieldsAreTolerated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		body  string
		count int
		time  time.Time
	}{
		"text payload": {
			`{"messageId":"a","originalPayload":"<xml/>","errorReason":"x"}`, "<xml/>", 0,
			at.Add(time.Second),
		},
		"null payload": {
			`{"messageId":"a","originalPayload":null,"errorReason":"x"}`, "null", 0,
			at.Add(time.Second),
		},
		"count is text":     {`{"messageId":"a","originalPayload":{},"retryCount":"7"}`, "{}", 7, at.Add(time.Second)},
		"count is negative": {`{"messageId":"a","originalPayload":{},"retryCount":-7}`, "{}", 0, at.Add(time.Second)},
		"count is huge": {
			`{"messageId":"a","originalPayload":{},"retryCount":1e99}`, "{}", 1_000_000,
			at.Add(time.Second),
		},
		"time is a number": {fmt.Sprintf(`{"timestamp":%d,"originalPayload":{},"retryCount":0}`,
			at.UnixMilli()), "{}", 0, at},
		"time is odd": {
			`{"timestamp":"yesterday","originalPayload":{},"retryCount":0}`, "{}", 0,
			at.Add(time.Second),
		},
		"time to come": {
			`{"timestamp":"9999-01-01T00:00:00Z","originalPayload":{},"retryCount":0}`, "{}",
			0, at.Add(time.Minute),
		},
		"no payload": {`{"messageId":"a","timestamp":"2026-03-02T10:15:05.427Z","originalHeaders":{},` +
			`"errorReason":"x","retryCount":0}`, "", 0, at},
		"broken base64": {`{"messageId":"a","originalPayload":{"a": 1},"errorReason":"x","bodyForm":"base64",` +
			`"rawBody":"!"}`, `{"a": 1}`, 0, at.Add(time.Second)},
		"no message id": {
			`{"originalPayload":{},"originalHeaders":[],"errorReason":{"a":1}}`, "{}", 0,
			at.Add(time.Second),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := envelope.Decode(message([]byte(c.text)), at.Add(time.Minute))
			if string(got.Body) != c.body || got.RetryCount != c.count || !got.ReceivedAt.Equal(c.time) ||
				got.ID == "" ||
				got.Foreign {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

func TestForeignMessageIsKeptWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body       string
		attributes []deadletter.QueueAttribute
		system     map[string]string
		reason     string
		retries    int
	}{
		"Lambda": {`{"Records":[]}`, []deadletter.QueueAttribute{
			attribute("ErrorCode", "200"), attribute("ErrorMessage", "boom"),
		}, nil, "boom", 0},
		"EventBridge": {`{}`, []deadletter.QueueAttribute{
			attribute("ERROR_CODE", "SDK_CLIENT_ERROR"),
			attribute("ERROR_MESSAGE", "no"), attribute("RETRY_ATTEMPTS", "4"),
		}, nil, "SDK_CLIENT_ERROR: no", 4},
		"SQS redrive": {
			`x`, nil,
			map[string]string{sourceARN: "arn:aws:sqs:eu-west-1:1:q"},
			"Received too often from q, so SQS moved it to the DLQ", 0,
		},
		"redriven after Lambda": {
			`x`,
			[]deadletter.QueueAttribute{attribute("ErrorCode", "200"), attribute("ErrorMessage", "boom")},
			map[string]string{sourceARN: "arn:aws:sqs:eu-west-1:1:q"},
			"boom", 0,
		},
		"Lambda without words": {
			`x`,
			[]deadletter.QueueAttribute{attribute("ErrorCode", "429")},
			nil,
			"Lambda gave up with code 429", 0,
		},
		"EventBridge that says no more": {`{}`, []deadletter.QueueAttribute{attribute("EXHAUSTED_RETRY_CONDITIO"+
			"N", "MaximumRetryAttempts")}, nil, "Gave up: MaximumRetryAttempts", 0},
		"SNS": {
			notification, nil, nil,
			"SNS could not deliver this notification, and does not say why", 0,
		},
		"nothing":      {"\xff\x00", nil, nil, "", 0},
		"a JSON list":  {`[1]`, nil, nil, "", 0},
		"two fields":   {`{"messageId":"a","originalPayload":1}`, nil, nil, "", 0},
		"payload only": {`{"originalPayload":1}`, nil, nil, "", 0},
		"empty":        {``, nil, nil, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := message([]byte(c.body))
			m.Attributes, m.System = c.attributes, c.system
			got := envelope.Decode(m, at)
			if !got.Foreign || string(got.Body) != c.body || got.Reason != c.reason || got.RetryCount != c.retries ||
				string(got.ID) != m.MessageID {
				t.Errorf("%s: %+v", name, got)
			}
			for _, a := range c.attributes {
				if got.Headers.Get(a.Name) != a.Value {
					t.Errorf("%s: attribute %s is no header: %v", name, a.Name, got.Headers)
				}
			}
		})
	}
}

func attribute(name, value string) deadletter.QueueAttribute {
	return deadletter.QueueAttribute{Name: name, Type: "String", Value: value}
}

const notification = `{"Type":"Notification","MessageId":"m-1","TopicArn":"arn:aws:sns:eu-west-1:1:orders",` +
	`"Message":"{}"}`

// The reason contains the origin that the AWS service reports.
func TestForeignMessagesNameTheirOrigin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body       string
		attributes []deadletter.QueueAttribute
		system     map[string]string
		want       deadletter.QueueFacts
	}{
		"Lambda": {
			`{}`,
			[]deadletter.QueueAttribute{
				attribute("RequestID", "r-1"), attribute("ErrorCode", "200"),
				attribute("ErrorMessage", "boom"),
			},
			nil,
			deadletter.QueueFacts{Service: "Lambda", ErrorCode: "200", RequestID: "r-1"},
		},
		"EventBridge": {
			`{}`,
			[]deadletter.QueueAttribute{attribute("ERROR_CODE", "NO_PERMISSIONS"), attribute("RULE_ARN",
				"arn:rule"), attribute("TARGET_ARN", "arn:target")},
			nil,
			deadletter.QueueFacts{
				Service: "EventBridge", ErrorCode: "NO_PERMISSIONS", SourceARN: "arn:rule",
				TargetARN: "arn:target",
			},
		},
		"SNS": {notification, nil, nil, deadletter.QueueFacts{
			Service:   "SNS",
			SourceARN: "arn:aws:sns:eu-west-1:1:orders",
		}},
		"SNS by way of a queue": {
			notification, nil,
			map[string]string{sourceARN: "arn:aws:sqs:eu-west-1:1:q"},
			deadletter.QueueFacts{Service: "SQS", SourceARN: "arn:aws:sqs:eu-west-1:1:q"},
		},
		"six fields": {
			`{"messageId":"a-1","timestamp":"2026-03-02T10:15:05Z","originalPayload":1}`, nil,
			map[string]string{sourceARN: "arn:aws:sqs:eu-west-1:1:q"},
			deadletter.QueueFacts{Service: "SQS", SourceARN: "arn:aws:sqs:eu-west-1:1:q"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := message([]byte(c.body))
			m.Attributes, m.System = c.attributes, c.system
			q := envelope.Decode(m, at).Queue
			got := deadletter.QueueFacts{
				Service:   q.Service,
				ErrorCode: q.ErrorCode,
				SourceARN: q.SourceARN,
				TargetARN: q.TargetARN,
				RequestID: q.RequestID,
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		})
	}
}

func TestOwnFieldsAccompanyInterchangeFields(t *testing.T) {
	t.Parallel()
	text, err := envelope.Encode(capture([]byte(`{"id":1}`)))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"version": 1.0, "source": "genesys", "destination": "http://127.0.0.1:9090/genesys", "method": "POST",
		"query": "a=1&b=%20", "webhookId": "hook-1",
		"receiveId": "r-1", "statusCode": 422.0, "outcome": "error_response", "masks": "0badc0de",
	} {
		t.Run(name, func(t *testing.T) {
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		})
	}
}

func TestFieldsOfAnotherProgramAreNotReadAsOwn(t *testing.T) {
	t.Parallel()
	text := `{"messageId":"a","originalPayload":{},"errorReason":"x","source":"theirs","version":7,` +
		`"outcome":"bad","firstAttempt":{"outcome":"delivered"}}`
	c := envelope.Decode(message([]byte(text)), at)
	if c.Source != "" || c.FirstAttempt != nil || fmt.Sprint(c.Queue.Attributes) !=
		`[{firstAttempt envelope field {"outcome":"delivered"} []} {outcome envelope field "bad" []} {source `+
			`envelope field "theirs" []} {version envelope field 7 []}]` {
		t.Errorf("capture %+v", c)
	}
}

func TestLongReasonIsShownInPartAndKeptWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("at main\\n", 1000)
	c := envelope.Decode(message([]byte(`{"messageId":"a","originalPayload":{},"errorReason":"`+long+`"}`)), at)
	if len([]rune(c.Reason)) != 500 || !strings.HasPrefix(c.Reason, "at main at main ") ||
		len(c.Queue.Attributes) != 1 ||
		c.Queue.Attributes[0].Value != `"`+long+`"` {
		t.Errorf("reason %q, attributes %+v", c.Reason, c.Queue.Attributes)
	}
}

func TestOddFirstAttemptIsUnknown(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[string]deadletter.Outcome{
		`{"outcome":"eaten"}`: deadletter.Unknown, `{}`: deadletter.Unknown,
		`{"outcome":"error_response"}`: deadletter.ErrorResponse, `null`: "", `7`: "", `[]`: "",
	} {
		t.Run(attempt, func(t *testing.T) {
			c := envelope.Decode(
				message(
					[]byte(
						`{"timestamp":"2026-03-02T10:15:05.427Z","originalPayload":{},"errorReason":"x",`+
							`"bodyForm":"json","firstAttempt":`+attempt+`}`,
					),
				),
				at,
			)
			if want == "" && c.FirstAttempt != nil ||
				want != "" &&
					(c.FirstAttempt == nil || c.FirstAttempt.Outcome != want || !c.FirstAttempt.Done ||
						!c.FirstAttempt.StartedAt.Equal(at)) {
				t.Errorf("%s: %+v", attempt, c.FirstAttempt)
			}
		})
	}
}

// A place in a ledger that no receiver can have given is none, and neither is one in a ledger or an hour that is not
// known.
func TestInvalidSequenceIsIgnored(t *testing.T) {
	t.Parallel()
	for sequence, want := range map[string]int{
		`{"number":7,"settled":6}`: 7, `{"number":1}`: 1, `{"number":7,"settled":7}`: 0, `{"number":-7}`: 0,
		`{"number":7,"settled":-1}`: 0,
		`{"number":7,"refused":7}`:  0, `{"number":1e99}`: 0, `{"number":9999999}`: 0, `{"number":"7"}`: 0,
		`{"number":1099511627777,"settled":1099511627776}`: 0,
		`null`: 0, `7`: 0, `[]`: 0,
	} {
		t.Run(sequence, func(t *testing.T) {
			for from, believed := range map[string]bool{
				`"run":"r","timestamp":"2026-03-02T10:15:05.427Z"`: true,
				`"timestamp":"2026-03-02T10:15:05.427Z"`:           false,
				`"run":"r","timestamp":"2027-03-02T10:15:05.427Z"`: false,
			} {
				text := `{"originalPayload":{},"errorReason":"x","bodyForm":"json",` + from +
					`,"sequence":` + sequence + `}`
				c := envelope.Decode(message([]byte(text)), at)
				if believed && c.Sequence.Number != want || !believed && c.Sequence != (deadletter.Sequence{}) {
					t.Errorf("%s, %s: %+v", from, sequence, c.Sequence)
				}
			}
		})
	}
}

// A sender to the queue cannot make a message grow beyond what a webhook may have.
func TestCompressionBombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	const large = 1 << 20
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, large)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw := base64.StdEncoding.EncodeToString(packed.Bytes())
	if body, err := envelope.Unpack(raw, large); err != nil || len(body) != large {
		t.Errorf("what is as large as it may be answers %d bytes, %v", len(body), err)
	}
	if body, err := envelope.Unpack(raw, large-1); err == nil {
		t.Errorf("what is larger answers %d bytes", len(body))
	}
}

// Decode asks for room for the unpacked size before it unpacks a body. A body that grows past its declared size stays
// packed.
func TestCompressedBodyWaitsForRoom(t *testing.T) {
	t.Parallel()
	c := desktest.Failure("a-1", 422, at)
	c.Body = bytes.Repeat([]byte("x"), 1<<20)
	text, err := envelope.EncodeWithin(c, 100<<10)
	if err != nil {
		t.Fatal(err)
	}
	m, asked := message(text), int64(0)
	room := false
	m.Unpack = func(size int64) bool { asked = size; return room }
	if got := envelope.Decode(m, at); asked != 1<<20 || len(got.Body) > 100<<10 || got.ID != c.ID ||
		got.Source != c.Source {
		t.Errorf("asked for %d bytes, the body has %d", asked, len(got.Body))
	}
	room = true
	if got := envelope.Decode(m, at); !bytes.Equal(got.Body, c.Body) {
		t.Errorf("the body has %d bytes", len(got.Body))
	}
	packed, err := base64.StdEncoding.DecodeString(rawOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	copy(packed[len(packed)-4:], []byte{1, 0, 0, 0})
	m.Body = []byte(strings.Replace(string(text), rawOf(t, text), base64.StdEncoding.EncodeToString(packed), 1))
	if got := envelope.Decode(m, at); asked != 1 || len(got.Body) > 100<<10 {
		t.Errorf("asked for %d bytes, the body has %d", asked, len(got.Body))
	}
}

func rawOf(t *testing.T, text []byte) string {
	t.Helper()
	var fields struct{ RawBody string }
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields.RawBody
}

// An algorithm whose time grows with the square of the size would take minutes for these messages.
func TestHostileMessagesAreDecodedQuickly(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	for _, piece := range []string{
		"[", "{", `{"originalPayload":`, `{"originalHeaders":{"a":[`, `{"a":`, `"`, `\`, `"\u`, `[],`, `"a":1,`,
		"\xff", "\ufffe", "😀", " ", `{"messageId":"a","originalPayload":"`,
	} {
		t.Run(fmt.Sprintf("%q", piece), func(t *testing.T) {
			body := []byte(strings.Repeat(piece, size/len(piece)))
			text, err := envelope.Encode(capture(body))
			if err != nil || !bytes.Equal(envelope.Decode(message(text), at).Body, body) {
				t.Errorf("%q so often does not come back: %v", piece, err)
			}
			envelope.Decode(message(body), at)
		})
	}
	for _, piece := range []string{"[]", `{"a":1}`, `"😀"`, `{"a":[1]}`} {
		envelope.Decode(
			message(
				[]byte(
					`{"messageId":"a","errorReason":"x","originalHeaders":`+strings.Repeat(
						`{"a":`, 9_000,
					)+strings.Repeat("}", 9_000)+
						`,"originalPayload":[`+strings.Repeat(piece+",", size/len(piece))+`1]}`,
				),
			),
			at,
		)
	}
}

func FuzzDecodeKeepsEveryMessage(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	for _, deep := range []string{"[", "{\"originalPayload\":", "{\"originalHeaders\":{\"a\":[", "{\"messageId\":["} {
		f.Add([]byte(strings.Repeat(deep, 12_000)))
	}
	f.Add(
		[]byte(
			`{"messageId":"a","errorReason":"x","originalHeaders":{},"originalPayload":` + strings.Repeat(
				"[", 9_900,
			) + strings.Repeat(
				"]", 9_900,
			) + `}`,
		),
	)
	f.Add(
		[]byte(
			`{"messageId":"a","timestamp":1,"originalPayload":"x","originalHeaders":{"a":[{}]},"errorReason":1,` +
				`"retryCount":"x","bodyForm":"base64","rawBody":"!"}`,
		),
	)
	f.Fuzz(func(t *testing.T, body []byte) {
		c := envelope.Decode(message(body), at)
		if c.ID == "" || strings.ContainsAny(string(c.ID), "/?#% ") || c.ReceivedAt.IsZero() {
			t.Errorf("capture %+v", c)
		}
		if c.Foreign && !bytes.Equal(c.Body, body) {
			t.Errorf("foreign body %q became %q", body, c.Body)
		}
		if _, err := json.Marshal(c.Queue); err != nil {
			t.Error(err)
		}
	})
}

// A large body is compressed even if the queue takes it in full: a message of 64 MiB would be in memory several times.
func TestLargeBodyIsCompressedForAnyQueue(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte(`{"note":"x"} `), 1<<17)
	text, err := envelope.EncodeWithin(capture(body), 96<<20)
	if err != nil || len(text) > len(body)/10 {
		t.Fatalf("the envelope of %d bytes has %d, %v", len(body), len(text), err)
	}
	if c := envelope.Decode(message(text), at); !bytes.Equal(c.Body, body) {
		t.Error("the body is not the same")
	}
}

package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
)

// The page shows what the record says and its payload. The whole record is there to download, masked.
func TestRecordOfAServiceIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const record = `{"version":"1.0","requestContext":{"requestId":"r-77","functionArn":` +
		`"arn:aws:lambda:us-east-1:1:function:orders:$LATEST","condition":"RetriesExhausted",` +
		`"approximateInvokeCount":3},` +
		`"requestPayload":{"orderId":"A-1","customer":{"ssn":"078-05-1120"}},"responseContext":{"functionError":` +
		`"Unhandled"},"responsePayload":{"errorMessage":"no customer","errorType":"NotFound"}}`
	wrapped, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{
		"m-1": record,
		"m-2": `{"Type":"Notification","MessageId":"n","TopicArn":"arn:aws:sns:us-east-1:1:t","Message":` + string(
			wrapped,
		) + `}`,
	}
	olga := b.member(t, "olga", deadletter.Operator)
	for id, body := range forms {
		c := envelope.Decode(envelope.Raw{ConfigName: "failures", MessageID: id, Body: []byte(body)}, b.clock.Now())
		c.Source = "genesys"
		desktest.Receive(t, b.store, c)
		page := olga.get("/messages/" + id)
		for _, want := range []string{
			"NotFound: no customer", "3 by Lambda", "r-77", "RetriesExhausted", "A-1",
			"invoke the function with it again",
		} {
			if !strings.Contains(page.says("main"), want) {
				t.Errorf("%s does not say %q", id, want)
			}
		}
		whole := olga.get(page.doc().Find("#queue-title + a").AttrOr("href", ""))
		if whole.status != http.StatusOK || !strings.Contains(whole.text, "requestContext") ||
			!strings.Contains(whole.text, "•••") {
			t.Errorf("the record of %s answers %d: %s", id, whole.status, whole.text)
		}
		if strings.Contains(page.text+whole.text, "078-05-1120") {
			t.Errorf("%s shows a secret", id)
		}
		if list := olga.get("/messages?status=all"); !strings.Contains(list.text, "NotFound: no customer") {
			t.Errorf("the list does not say why")
		}
	}
}

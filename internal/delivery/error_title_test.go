package delivery_test

import (
	"net/http"
	"testing"
)

// The readable error of an answer is the title of its cause.
func TestErrorsAreReadable(t *testing.T) {
	t.Parallel()
	c := setup(t)
	body := make(chan string, 1)
	url, _ := destination(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(<-body))
	})
	for want, answer := range map[string]string{
		"NullPointerException: order is null in OrderMapper.toCrm": "java.lang.NullPointerException: order is null\n" +
			"\tat java.base/java.util.Objects.requireNonNull(Objects.java:233)\n" +
			"\tat com.acme.crm.OrderMapper.toCrm(OrderMapper.java:41)\n",
		"SocketTimeoutException: connect timed out": "org.acme.HookException: hook failed\n\tat org.acme.Hook.run(Hook.java:1)\n" +
			"Caused by: java.net.SocketTimeoutException: connect timed out\n\tat java.net.Socket.connect(Socket.java:1)\n",
		"email is invalid: /data/attributes/phone": `{"errors":[{"source":{"pointer":"/data/attributes/phone"},` +
			`"detail":"email is invalid"}]}`,
		"One or more validation errors occurred: Iban is wrong": `{"title":"One or more validation errors occurred.",` +
			`"errors":{"Iban":["is wrong"]}}`,
		"arrival can't be blank":                        `{"errors":{"arrival":["can't be blank"]}}`,
		"This field is required: insurance_number":      `{"insurance_number":["This field is required."]}`,
		"KeyError: 'detail'":                            `{"errorMessage":"'detail'","errorType":"KeyError"}`,
		"No se encontró la póliza 7":                    `{"codigo":"P","mensaje":"No se encontró la póliza 7"}`,
		"called `Option::unwrap()` in src/render.rs":    "thread 'main' panicked at src/render.rs:4:2:\ncalled `Option::unwrap()`\n",
		"NoSuchKey: The specified key does not exist.":  "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
		"undefined method `email' for nil in sync.call": "undefined method `email' for nil\n\napp/sync.rb:4:in `call'\n",
	} {
		body <- answer
		if got := c.Send(t.Context(), to(url), request("{}", nil)).Error; got != want {
			t.Errorf("the error is %q, want %q", got, want)
		}
	}
}

package delivery_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
)

// A destination repeats the secrets of its request. Neither the attempt nor the log contains them.
func TestSecretThatTheDestinationRepeatsIsHidden(t *testing.T) {
	t.Parallel()
	url, _ := destination(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write(
			[]byte(
				`{"error":"token ` + strings.TrimPrefix(
					r.Header.Get("Authorization"), "Bearer ",
				) + ` may not write 078-05-1120","echo":{"ssn":"078-05-1120","n":1}}`,
			),
		)
	})
	path, err := payload.ParsePath("$.ssn")
	if err != nil {
		t.Fatal(err)
	}
	r := request(`{"ssn":"078-05-1120","n":1}`, deadletter.Headers{"Authorization": {"Bearer s3cret-token"}})
	r.Masks = redact.New(redact.Options{Paths: []payload.Path{path}})
	a := setup(t).Send(t.Context(), to(url), r)
	if a.Error != "token ••• may not write •••" {
		t.Errorf("the reason is %q", a.Error)
	}
	if got := string(a.ResponseBody); got != `{"error":"token ••• may not write •••","echo":{"ssn":"•••","n":1}}` ||
		a.ResponseHeaders.Get("X-Echo") != "•••" {
		t.Errorf("the answer is told as %q, %v", got, a.ResponseHeaders)
	}
}

// With OnlyFailures a successful delivery has no response, and a failed one has it, masked.
func TestResponseOfASuccessIsDroppedOnRequest(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{http.StatusOK: "", http.StatusUnprocessableEntity: "•••"} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			url, _ := destination(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(r.Header.Get("X-Api-Key")))
			})
			r := request(`{}`, deadletter.Headers{"X-Api-Key": {"s3cret-token"}})
			r.Masks, r.OnlyFailures = redact.New(redact.Options{}), true
			a := setup(t).Send(t.Context(), to(url), r)
			if string(a.ResponseBody) != want || (want == "") != (a.ResponseHeaders == nil) {
				t.Errorf("status %d: the response is %q, %v", status, a.ResponseBody, a.ResponseHeaders)
			}
		})
	}
}

package delivery_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

func TestHealthTellsSinceWhenADestinationFails(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	h := delivery.NewHealth(setup(t), nil, clock.Now)
	url, _ := destination(t, func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.Header.Get("X-Answer"))
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(code)
	})
	if got := h.Of("genesys"); !got.At.IsZero() {
		t.Fatalf("before a delivery it is %+v", got)
	}
	var since, delivered time.Time
	for _, step := range []struct {
		code, failures, refusals int
	}{{200, 0, 0}, {422, 0, 1}, {400, 0, 2}, {503, 1, 0}, {429, 2, 0}, {500, 3, 0}, {404, 0, 1}, {503, 1, 0}, {204, 0, 0}} {
		clock.Add(time.Minute)
		at := clock.Now()
		a := h.Send(t.Context(), to(url), request("{}", deadletter.Headers{"X-Answer": {strconv.Itoa(step.code)}}))
		if a.StatusCode != step.code {
			t.Fatalf("answered %+v", a)
		}
		if step.failures == 1 {
			since = at
		}
		if a.Outcome == deadletter.Delivered {
			delivered = at
		}
		got := h.Of("genesys")
		if got.Failures != step.failures || got.Refusals != step.refusals || !got.At.Equal(at) || !got.Delivered.Equal(delivered) || got.Latest.StatusCode != step.code {
			t.Errorf("after a %d it is %+v", step.code, got)
		}
		want := time.Time{}
		if step.failures > 0 {
			want = since
		}
		if !got.FailingSince.Equal(want) {
			t.Errorf("after a %d it fails since %s, want %s", step.code, got.FailingSince, want)
		}
	}
	if got := h.Of("cxone"); !got.At.IsZero() {
		t.Errorf("another source is %+v", got)
	}
}

func TestHealthSeesThatNothingListens(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	h := delivery.NewHealth(setup(t), nil, clock.Now)
	for range 2 {
		h.Send(t.Context(), to("http://127.0.0.1:1"), request("{}", nil))
	}
	if got := h.Of("genesys"); got.Failures != 2 || !got.FailingSince.Equal(clock.Now()) || got.Latest.Outcome != deadletter.Unreachable || got.Latest.Error == "" {
		t.Errorf("it is %+v", got)
	}
}

package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

const maxIdempotencyKey = 200

// keptHeaders are those of an answer that a repetition gets again.
func keptHeaders() []string { return []string{"Content-Type", "Etag", "Location"} }

// once gives the repetition of a request with the same Idempotency-Key the answer of the first, within a day: a client
// that got no answer sends it again, and nothing happens twice. The header is that of the IETF's draft
// draft-ietf-httpapi-idempotency-key-header.
func (a *API) once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get(idempotencyKey)
		if key == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			a.fail(w, r, deadletter.Errorf(deadletter.TooLarge, "a request has at most %d bytes", maxBody))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if len(key) > maxIdempotencyKey || deadletter.Printable(key, maxIdempotencyKey) != key {
			a.fail(w, r, deadletter.Errorf(deadletter.Invalid,
				"an Idempotency-Key has at most %d printable characters", maxIdempotencyKey))
			return
		}
		token := callerOf(r.Context()).token.ID
		sum := sha256.Sum256(slices.Concat([]byte(r.Method+" "+r.URL.RequestURI()+"\n"), body))
		kept, isFirst, err := a.Store.BeginAnswer(r.Context(), token, key, sum[:], a.Now())
		switch {
		case err != nil:
			a.fail(w, r, err)
		case isFirst:
			a.answer(w, r, next, token, key)
		case !bytes.Equal(kept.Request, sum[:]):
			a.fail(w, r, deadletter.Errorf(deadletter.Invalid,
				"this Idempotency-Key was sent with another request: choose a new one for each"))
		case kept.Status == 0:
			w.Header().Set(retryAfter, "1")
			a.fail(w, r, deadletter.Errorf(
				deadletter.Conflict,
				"the first request with this Idempotency-Key is being worked on, or was cut off by a restart: look "+
					"whether it did what it should before you send it with a new key",
			))
		default:
			for name, value := range kept.Header {
				w.Header().Set(name, value)
			}
			w.Header().Set(replayed, "true")
			w.WriteHeader(kept.Status)
			_, _ = w.Write(kept.Body) // the client is gone
		}
	})
}

// answer carries out a request and keeps its answer. That of a fault of the server is not kept: it may be sent again.
func (a *API) answer(
	w http.ResponseWriter, r *http.Request, next http.Handler, token deadletter.TokenID, key string,
) {
	recorded := &recorder{ResponseWriter: w, status: http.StatusOK}
	ended := false
	defer func() {
		ctx := context.WithoutCancel(r.Context())
		var err error
		if !ended || recorded.status >= http.StatusInternalServerError {
			err = a.Store.DropAnswer(ctx, token, key)
		} else {
			err = a.Store.EndAnswer(ctx, token, key, a.keptOf(ctx, recorded))
		}
		if err != nil {
			a.Log.ErrorContext(ctx, "the answer to an Idempotency-Key could not be kept", "err", err)
		}
	}()
	next.ServeHTTP(recorded, r)
	ended = true
}

// keptOf returns what a repetition of a request is answered. A secret is stored nowhere.
func (a *API) keptOf(ctx context.Context, w *recorder) store.Answer {
	kept := store.Answer{Status: w.status, Header: map[string]string{}, Body: w.body.Bytes()}
	for _, name := range keptHeaders() {
		if value := w.Header().Get(name); value != "" {
			kept.Header[name] = value
		}
	}
	if !*callerOf(ctx).secret {
		return kept
	}
	p := a.problem(ctx, deadletter.Errorf(
		deadletter.Conflict,
		"the first request with this Idempotency-Key did what it should, and its answer had a secret that is shown "+
			"once: if it was lost, end what was made and send the request with a new key",
	))
	body, err := json.Marshal(p)
	if err != nil {
		a.Log.ErrorContext(ctx, "a problem could not be written", "err", err)
	}
	return store.Answer{Status: p.Status, Header: map[string]string{"Content-Type": p.ContentType("")}, Body: body}
}

// recorder keeps what it writes.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

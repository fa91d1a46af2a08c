package receiver

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/verify"
)

// verifiedBody reads the body of a webhook and verifies it, by the headers alone first where that is possible. If it
// returns false it has sent the response.
func (r *Receiver) verifiedBody(w http.ResponseWriter, req *http.Request, s Source) ([]byte, bool) {
	var check verify.BodyCheck
	var err error
	if s.Verify != nil {
		check, err = s.Verify.CheckHead(req, r.now())
	}
	if err != nil {
		r.refuseWebhook(w, req, s, err)
		return nil, false
	}
	body, err := readBody(w, req, s.MaxBody)
	if err != nil {
		r.refuse(w, req, bodyRefusal(req, s, err, s.MaxBody))
		return nil, false
	}
	if err := check.Check(body); err != nil {
		r.refuseWebhook(w, req, s, err)
		return nil, false
	}
	return body, true
}

const (
	// unauthorized has no detail that would help a forger.
	unauthorized = `{"error":"unauthorized"}`

	// invalidClient is how RFC 6749 section 5.2 refuses a token.
	invalidClient = `{"error":"invalid_client"}`

	maxTokenRequest = 4 << 10 // bytes
)

// pathHeader has the path below the address of the source, for platforms that append to it.
const pathHeader = "X-Dlqdesk-Path"

// setPathHeader sets pathHeader. It removes the header of the request, so that no sender can forge it.
func setPathHeader(req *http.Request) {
	req.Header.Del(pathHeader)
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/webhooks/")
	if _, below, ok := strings.Cut(path, "/"); ok {
		req.Header.Set(pathHeader, "/"+below)
	}
}

// receiveBelow serves the paths below the address of a source: requests for a token, and webhooks.
func (r *Receiver) receiveBelow(w http.ResponseWriter, req *http.Request) {
	source, ok := r.source(chi.URLParam(req, "source"))
	switch {
	case !ok:
		r.refuseUnknown(w, req)
	case source.Verify == nil || !source.Verify.Issues():
		respond(w, http.StatusNotFound, notFound)
		discardBody(w, req)
	case chi.URLParam(req, "*") == "token":
		r.issueToken(w, req, source)
	default:
		r.receive(w, req)
	}
}

// issueToken responds to a platform that asks for a token with its client id and secret.
func (r *Receiver) issueToken(w http.ResponseWriter, req *http.Request, s Source) {
	body, err := readBody(w, req, maxTokenRequest)
	if err != nil {
		f := bodyRefusal(req, s, err, maxTokenRequest)
		f.answer = "" // the request was no webhook
		r.refuse(w, req, f)
		return
	}
	token, err := s.Verify.Issue(body, r.now())
	if err != nil {
		r.refuseCredential(w, req, s, err, "", invalidClient)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	respond(w, http.StatusOK, string(token))
}

// acknowledge responds to a platform whose webhook is delivered or queued.
func (s Source) acknowledge(w http.ResponseWriter, c deadletter.Capture, ours string) {
	if s.Ack == nil {
		respond(w, http.StatusOK, ours)
		return
	}
	w.Header().Set("Content-Type", s.Ack.ContentType)
	w.Header().Set("X-Content-Type-Options", "nosniff") // it may repeat parts of the webhook
	w.WriteHeader(s.Ack.Status)
	_, _ = w.Write(s.Ack.Body(c)) // fails only if the platform hung up
}

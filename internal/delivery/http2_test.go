package delivery_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// stream is one request over HTTP/2 at a destination that speaks it by hand.
type stream struct {
	*http2.Framer
	id   uint32
	body string
}

func (s stream) answer(status string) error {
	var block bytes.Buffer
	if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: status}); err != nil {
		return err
	}
	return s.WriteHeaders(
		http2.HeadersFrameParam{StreamID: s.id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true},
	)
}

// listenHTTP2 has a function answer each request, whole as it arrived, by frames. An error of it hangs up.
func listenHTTP2(t *testing.T, a desktest.Authority, answer func(connection int, s stream) error) (url string) {
	t.Helper()
	config := &tls.Config{
		Certificates: []tls.Certificate{a.Issue(t, time.Hour)},
		NextProtos:   []string{"h2"},
		MinVersion:   tls.VersionTLS12,
	}
	connections := make(chan int, 1)
	connections <- 0
	return "https://" + listen(t, func(_ context.Context, conn net.Conn) {
		number := <-connections + 1
		connections <- number
		secure := tls.Server(conn, config)
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(secure, preface); err != nil {
			return
		}
		framer := http2.NewFramer(secure, secure)
		if framer.WriteSettings() != nil {
			return
		}
		for s, err := nextStream(framer); err == nil; s, err = nextStream(framer) {
			if answer(number, s) != nil {
				return
			}
		}
	})
}

// nextStream reads until a request is whole. There is one at a time.
func nextStream(framer *http2.Framer) (stream, error) {
	s := stream{Framer: framer}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return s, err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.DataFrame:
			s.id, s.body = f.StreamID, s.body+string(f.Data())
		}
		if err != nil || s.id > 0 && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return s, err
		}
	}
}

// A request that the server reports as not processed is sent again. A request that it may have processed is not.
func TestFaultsOfHTTP2(t *testing.T) {
	t.Parallel()
	const broke = "The connection broke before the handler answered: it may have processed it"
	a := desktest.NewAuthority(t)
	for name, c := range map[string]struct {
		fault    func(s stream) error // of the first connection
		outcome  deadletter.Outcome
		reason   string
		requests int
	}{
		"goes away before it": {
			func(s stream) error { return s.WriteGoAway(0, http2.ErrCodeNo, nil) }, deadletter.Delivered, "", 2,
		},
		"goes away after it": {func(s stream) error {
			if err := s.WriteGoAway(s.id, http2.ErrCodeNo, nil); err != nil {
				return err
			}
			return io.EOF
		}, deadletter.Unknown, broke, 1},
		"goes away and still answers": {func(s stream) error {
			if err := s.WriteGoAway(s.id, http2.ErrCodeNo, nil); err != nil {
				return err
			}
			return s.answer("202")
		}, deadletter.Delivered, "", 1},
		"refuses the stream": {
			func(s stream) error { return s.WriteRSTStream(s.id, http2.ErrCodeRefusedStream) }, deadletter.Delivered,
			"", 2,
		},
		"resets the stream": {
			func(s stream) error { return s.WriteRSTStream(s.id, http2.ErrCodeInternal) }, deadletter.Unknown, broke,
			1,
		},
		"cancels the stream": {
			func(s stream) error { return s.WriteRSTStream(s.id, http2.ErrCodeCancel) }, deadletter.Unknown, broke, 1,
		},
		"hangs up": {func(stream) error { return io.EOF }, deadletter.Unknown, broke, 1},
		"says nothing": {
			func(stream) error { return nil }, deadletter.Unknown,
			"No answer within 1s: the handler may have processed it", 1,
		},
		"has endless headers": {func(s stream) error {
			// a literal without indexing, RFC 7541 section 6.2.2
			field := []byte("\x00\x01x\x7f\x01" + strings.Repeat("x", 128))
			err := s.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: []byte{0x88}})
			for err == nil {
				err = s.WriteContinuation(s.id, false, bytes.Repeat(field, 64))
			}
			return err
		}, deadletter.Unknown, broke, 1},
		"has an endless body": {func(s stream) error {
			err := s.WriteHeaders(
				http2.HeadersFrameParam{StreamID: s.id, BlockFragment: []byte{0x88}, EndHeaders: true},
			)
			for err == nil {
				err = s.WriteData(s.id, false, make([]byte, 16<<10))
			}
			return err
		}, deadletter.Delivered, "", 1},
		"hangs up in its body": {func(s stream) error {
			if err := s.WriteHeaders(
				http2.HeadersFrameParam{StreamID: s.id, BlockFragment: []byte{0x88}, EndHeaders: true},
			); err != nil {
				return err
			}
			_ = s.WriteData(s.id, false, []byte("half"))
			return io.EOF
		}, deadletter.Delivered, "", 1},
		"answers with garbage": {func(s stream) error {
			return s.WriteHeaders(
				http2.HeadersFrameParam{
					StreamID: s.id, BlockFragment: []byte("\xff\xff\xff\xff\xff\xff"), EndHeaders: true,
				},
			)
		}, deadletter.Unknown, broke, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan string, 16)
			faulty := true
			there := to(listenHTTP2(t, a, func(connection int, s stream) error {
				arrived <- s.body
				if faulty {
					faulty = false
					return c.fault(s)
				}
				return s.answer("200")
			}))
			there.TLS = trusting(t, a.Certificate)
			if strings.HasPrefix(c.reason, "No answer") {
				there.Timeout = time.Second
			}
			got := setup(t).Send(t.Context(), there, request("body", deadletter.Headers{"Idempotency-Key": {"k"}}))
			if got.Outcome != c.outcome || got.Error != c.reason {
				t.Errorf("attempt %+v", got)
			}
			bodies := drain(arrived)
			if len(bodies) != c.requests || bodies[len(bodies)-1] != "body" {
				t.Errorf("it arrived as %q", bodies)
			}
		})
	}
}

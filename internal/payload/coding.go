package payload

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"dlqdesk/internal/deadletter"
)

const (
	// AcceptEncoding lists the content codings that Decode removes, for the header of a request.
	AcceptEncoding = "gzip, deflate, br, zstd"

	maxCodings = 4       // on one body; each costs as much time again
	maxWindow  = 8 << 20 // bytes of a zstd window (RFC 9659)
)

// unpack removes the content codings, up to limit bytes of content. It leaves a body that has none as it is, whatever
// its headers say: programs that decode bodies often leave the header.
func (t *Text) unpack(h deadletter.Headers, limit int, isHead bool) {
	t.content = t.body
	names := codingsOf(h)
	if len(names) == 0 {
		names = codingByContent(t.body)
	}
	if len(names) == 0 || len(t.body) == 0 {
		return
	}
	layers, fault := openCodings(names, t.body, limit)
	if fault == "" {
		fault = t.readContent(layers, limit, isHead)
		layers.close()
	}
	switch {
	case fault == "":
		t.layers = layers
	case t.Codings == nil && IsText(t.body[:min(len(t.body), limit)]):
		t.Note = fmt.Sprintf("The headers say %s, but the body is not encoded.", strings.Join(names, ", "))
	default: // nothing, or only a part, could be read
		t.Fault = fault
	}
}

// readContent reads what the codings hide. It returns the fault at which it ended early, if any.
func (t *Text) readContent(layers layers, limit int, isHead bool) (fault string) {
	content, err := io.ReadAll(io.LimitReader(layers[len(layers)-1].reader, int64(limit)+1))
	if len(content) > limit {
		content, t.Cut = content[:limit], true
	}
	if len(content) > 0 || err == nil {
		t.content, t.Codings = content, layers.names()
	}
	switch {
	case err == nil:
		return ""
	case layers.exhausted(), isHead && len(content) > 0:
		t.Cut = true
		return ""
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return "The zstd data of the body needs more than 8 MiB of memory to be read."
	}
	return brokenData(layers.names()...)
}

// codingsOf returns the content codings that the headers list, in the order in which they were applied.
func codingsOf(h deadletter.Headers) (names []string) {
	for _, value := range h["Content-Encoding"] {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "x-")
			if name != "" && name != "identity" {
				names = append(names, name)
			}
		}
	}
	return names
}

// codingByContent recognises compressed data that no header names.
func codingByContent(body []byte) []string {
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b\x08")):
		return []string{"gzip"}
	case bytes.HasPrefix(body, []byte("\x28\xb5\x2f\xfd")):
		return []string{"zstd"}
	}
	return nil
}

// layer is one content coding of a body.
type layer struct {
	name   string
	source *boundedReader
	reader io.Reader // of the decoded data
	closer func()
	pack   func(io.Writer) io.WriteCloser
}

// layers are the codings of a body in the order of their removal.
type layers []layer

// openCodings returns readers that remove the codings, the last applied first, or a text that says why it cannot.
func openCodings(names []string, body []byte, limit int) (list layers, fault string) {
	if len(names) > maxCodings {
		return nil, fmt.Sprintf("The body has %d content codings: at most %d are removed.", len(names), maxCodings)
	}
	var r io.Reader = bytes.NewReader(body)
	for _, name := range slices.Backward(names) {
		// Data that decodes to nothing would keep a decoder busy without end: each layer reads a bounded part.
		l := layer{name: name, source: &boundedReader{r: r, left: 2*limit + slack}}
		if fault := l.open(); fault != "" {
			list.close()
			return nil, fault
		}
		list, r = append(list, l), l.reader
	}
	return list, ""
}

// slack is read beyond twice the limit: data has headers and read-ahead, and a block of zstd can only be read whole.
const slack = 256 << 10

// open makes the reader of a layer. It returns why that cannot be done, if so.
func (l *layer) open() (fault string) {
	in := bufio.NewReader(l.source)
	l.closer = func() {}
	var err error
	switch l.name {
	case "gzip":
		l.reader, err = gzip.NewReader(in)
		l.pack = func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	case "deflate":
		err = l.openDeflate(in)
	case "br":
		l.reader = brotli.NewReader(in)
		l.pack = func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }
	case "zstd":
		err = l.openZstd(in)
	default:
		return fmt.Sprintf("The body has the content coding %q, which cannot be read here.", l.name)
	}
	if err != nil {
		return brokenData(l.name)
	}
	return ""
}

func brokenData(codings ...string) string {
	return fmt.Sprintf("The %s data of the body is broken.", strings.Join(codings, ", "))
}

// openDeflate reads both forms that senders mean by deflate: zlib (RFC 1950), as RFC 9110 has it, and raw (RFC 1951).
func (l *layer) openDeflate(in *bufio.Reader) (err error) {
	const method, check = 8, 31
	head, err := in.Peek(2)
	if err == nil && head[0]&0x0f == method && (int(head[0])<<8|int(head[1]))%check == 0 {
		l.reader, err = zlib.NewReader(in)
		l.pack = func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
		return err
	}
	l.reader = flate.NewReader(in)
	l.pack = func(w io.Writer) io.WriteCloser {
		out, _ := flate.NewWriter(w, flate.DefaultCompression) // an error says that the level is unknown
		return out
	}
	return nil
}

func (l *layer) openZstd(in io.Reader) error {
	r, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return err
	}
	l.reader, l.closer = r, r.Close
	l.pack = func(w io.Writer) io.WriteCloser {
		out, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)) // an error says that an option is unknown
		return out
	}
	return nil
}

func (l layers) close() {
	for _, one := range l {
		one.closer()
	}
}

// names returns the codings in the order in which they were applied.
func (l layers) names() (names []string) {
	for _, one := range slices.Backward(l) {
		names = append(names, one.name)
	}
	return names
}

// exhausted reports whether a layer was not read to its end.
func (l layers) exhausted() bool {
	return slices.ContainsFunc(l, func(one layer) bool { return one.source.exhausted })
}

// encode applies the codings to a content.
func (l layers) encode(content []byte) ([]byte, error) {
	for _, one := range slices.Backward(l) {
		var out bytes.Buffer
		w := one.pack(&out)
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		content = out.Bytes()
	}
	return content, nil
}

var errExhausted = errors.New("payload: a coding expands to more than is read")

// boundedReader ends with errExhausted after left bytes.
type boundedReader struct {
	r         io.Reader
	left      int
	exhausted bool
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.exhausted = true
		return 0, errExhausted
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

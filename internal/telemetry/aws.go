package telemetry

import "regexp"

// awsHeader is what SQS carries of a trace beside a message (AWSTraceHeader), at no cost to the message's size and
// attributes: see https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader.
// Further keys may be among these.
var awsHeader = struct{ root, parent, sampled *regexp.Regexp }{
	regexp.MustCompile(`(?:^|; ?)Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)`),
	regexp.MustCompile(`(?:^|; ?)Parent=([0-9a-f]{16})(?:;|$)`),
	regexp.MustCompile(`(?:^|; ?)Sampled=1(?:;|$)`),
}

// ToAWS returns a traceparent as SQS carries it beside a message; "" where it is not a valid one.
func ToAWS(traceParent string) string {
	p := parse(traceParent)
	if !p.ok() {
		return ""
	}
	sampled := "0"
	if p.context().IsSampled() {
		sampled = "1"
	}
	return "Root=1-" + p.trace[:8] + "-" + p.trace[8:] + ";Parent=" + p.span + ";Sampled=" + sampled
}

// FromAWS returns the traceparent of what SQS carried beside a message; "" where that names no span.
func FromAWS(header string) string {
	root, parent, flags := awsHeader.root.FindStringSubmatch(header), awsHeader.parent.FindStringSubmatch(header), "00"
	if root == nil || parent == nil {
		return ""
	}
	if awsHeader.sampled.MatchString(header) {
		flags = "01"
	}
	written := "00-" + root[1] + root[2] + "-" + parent[1] + "-" + flags
	if !parse(written).ok() {
		return ""
	}
	return written
}

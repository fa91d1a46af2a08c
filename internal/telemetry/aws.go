package telemetry

import "regexp"

// awsHeader matches the parts of AWSTraceHeader, which SQS transports beside a message without counting its size. Other
// parts may be between them. See
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader.
var awsHeader = struct{ root, parent, sampled *regexp.Regexp }{
	regexp.MustCompile(`(?:^|; ?)Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)`),
	regexp.MustCompile(`(?:^|; ?)Parent=([0-9a-f]{16})(?:;|$)`),
	regexp.MustCompile(`(?:^|; ?)Sampled=1(?:;|$)`),
}

// ToAWS converts a traceparent to an AWSTraceHeader. It returns "" if the traceparent is not valid.
func ToAWS(traceParent string) string {
	p := parseTraceParent(traceParent)
	if !p.ok() {
		return ""
	}
	sampled := "0"
	if p.context().IsSampled() {
		sampled = "1"
	}
	return "Root=1-" + p.trace[:8] + "-" + p.trace[8:] + ";Parent=" + p.span + ";Sampled=" + sampled
}

// FromAWS converts an AWSTraceHeader to a traceparent. It returns "" if the header names no span.
func FromAWS(header string) string {
	root, parent, flags := awsHeader.root.FindStringSubmatch(header), awsHeader.parent.FindStringSubmatch(header), "00"
	if root == nil || parent == nil {
		return ""
	}
	if awsHeader.sampled.MatchString(header) {
		flags = "01"
	}
	written := "00-" + root[1] + root[2] + "-" + parent[1] + "-" + flags
	if !parseTraceParent(written).ok() {
		return ""
	}
	return written
}

package deadletter

// Record is the kind of record that an AWS service wrote about messages that it gave up on; "" for a message itself.
// Any sender could have written one: it decides what is refused, and permits nothing.
type Record string

// The records. Those of a batch, of events and of what was cut have no payload that could be delivered.
const (
	RecordInvocation Record = "invocation" // Lambda, with the payload of the request
	RecordExecution  Record = "execution"  // Step Functions, with the input
	RecordRule       Record = "rule"       // AWS IoT, with the payload
	RecordBatch      Record = "batch"      // Lambda or Pipes: names records of a stream
	RecordEvents     Record = "events"     // EventBridge: names events of a bus
	RecordCut        Record = "cut"        // the service left out the payload, or a part of it
)

// Detail is one fact of a record, for display.
type Detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// instead says what to do in place of a redrive.
func (r Record) instead() string {
	switch r {
	case RecordInvocation:
		return "replay the payload to a destination, or invoke the function with it again (aws lambda invoke)"
	case RecordExecution:
		return "redrive the execution in Step Functions (aws stepfunctions redrive-execution), or replay its input " +
			"to a destination"
	case RecordRule:
		return "replay the payload to a destination, or publish it to its topic again"
	case RecordBatch:
		return "read the batch from its stream by the sequence numbers or offsets below, while the stream retains it"
	case RecordEvents:
		return "replay the events from the bus: let a subscriber start at their time, or replay the bus's archive"
	case RecordCut:
		return "send the message again from where it came from, or edit it here"
	}
	return ""
}

// HasPayload reports whether the body of the message is a part of the record.
func (r Record) HasPayload() bool {
	return r == RecordInvocation || r == RecordExecution || r == RecordRule
}

// lacksPayload reports whether the message is a record that has nothing to deliver.
func (r Record) lacksPayload() bool { return r == RecordBatch || r == RecordEvents || r == RecordCut }

// checkPayload returns a Conflict where the revision is a record that a destination could make nothing of.
func (m Message) checkPayload(revision int) error {
	if revision > 0 || !m.Queue.Record.lacksPayload() {
		return nil
	}
	what := "names messages and has none of them"
	if m.Queue.Record == RecordCut {
		what = "lacks the payload or a part of it"
	}
	return Errorf(Conflict, "this record of %s %s, so a destination could not read it: %s", m.Queue.Service, what,
		m.Queue.Record.instead())
}

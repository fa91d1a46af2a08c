package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"
)

// SQS is an Amazon SQS queue.
type SQS struct {
	client     *sqs.Client
	url        string
	name       string
	fifo       bool
	limit      int
	visibility time.Duration
}

const (
	connections = 256
	callLimit   = 30 * time.Second // of one call beyond what it waits for messages
	maxAttempts = 5
)

// NewSQS asks the queue for its limits. Credentials, region and endpoint come from where the AWS SDK finds them; a region set here
// comes first, and where there is none the one in the queue's URL is taken. The error says what to do about a queue that cannot be used.
func NewSQS(ctx context.Context, queueURL, region string) (*SQS, error) {
	parsed, err := url.Parse(queueURL)
	if err != nil {
		return nil, fmt.Errorf("queue URL %q: %w", queueURL, err)
	}
	settings, err := loadSettings(ctx, parsed, region)
	if err != nil {
		return nil, fmt.Errorf("set up the AWS SDK: %w", err)
	}
	name := path.Base(parsed.Path)
	q := &SQS{client: sqs.NewFromConfig(settings), url: queueURL, name: name, fifo: strings.HasSuffix(name, fifoSuffix)}
	if err := q.readAttributes(ctx); err != nil {
		return nil, fmt.Errorf("queue %s: %s: %w", queueURL, advice(err), err)
	}
	return q, nil
}

func loadSettings(ctx context.Context, queueURL *url.URL, region string) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = connections, connections
	})
	options := []func(*config.LoadOptions) error{
		config.WithRetryMode(aws.RetryModeAdaptive), config.WithRetryMaxAttempts(maxAttempts), config.WithHTTPClient(client),
	}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err == nil && settings.Region == "" {
		settings.Region = regionOf(queueURL)
	}
	return settings, err
}

var regionalHost = regexp.MustCompile(`^(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com`)

// regionOf reads the region out of a queue's URL, as SQS writes it.
func regionOf(queueURL *url.URL) string {
	if found := regionalHost.FindStringSubmatch(queueURL.Host); found != nil {
		return found[1] + found[2]
	}
	return ""
}

func (q *SQS) readAttributes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &q.url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameMaximumMessageSize, types.QueueAttributeNameVisibilityTimeout},
	})
	if err != nil {
		return err
	}
	if q.limit, err = strconv.Atoi(answer.Attributes[string(types.QueueAttributeNameMaximumMessageSize)]); err != nil {
		return fmt.Errorf("read MaximumMessageSize: %w", err)
	}
	seconds, err := strconv.Atoi(answer.Attributes[string(types.QueueAttributeNameVisibilityTimeout)])
	if err != nil {
		return fmt.Errorf("read VisibilityTimeout: %w", err)
	}
	q.visibility = time.Duration(seconds) * time.Second
	return nil
}

// advice says what helps against a fault of the queue.
func advice(err error) string {
	var missing *types.QueueDoesNotExist
	var api smithy.APIError
	switch {
	case errors.As(err, &missing):
		return "it does not exist: check name, account and region"
	case errors.As(err, &api) && strings.Contains(api.ErrorCode(), "AccessDenied"):
		return "access is denied: allow sqs:GetQueueAttributes, SendMessage, ReceiveMessage, DeleteMessage and ChangeMessageVisibility"
	case errors.As(err, &api):
		return "SQS refused: " + api.ErrorCode()
	case strings.Contains(err.Error(), "region"):
		return "no region is known: set AWS_REGION"
	case strings.Contains(err.Error(), "credentials"):
		return "no credentials were found: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run with a role"
	}
	return "it cannot be reached"
}

// Name names the queue.
func (q *SQS) Name() string { return q.name }

// MaxMessageBytes is the largest message that the queue takes, attributes included.
func (q *SQS) MaxMessageBytes() int { return q.limit }

// Visibility is how long a received message is hidden.
func (q *SQS) Visibility() time.Duration { return q.visibility }

const (
	sendTries  = 3
	firstPause = 100 * time.Millisecond
)

// Send sends messages in as few calls as they fit into, and answers for each whether SQS has it. An entry that SQS refused for a
// fault of its own is sent again alone.
func (q *SQS) Send(ctx context.Context, list []Outgoing) []error {
	errs := make([]error, len(list))
	var open []int
	for i, o := range list {
		if errs[i] = o.check(q.limit); errs[i] == nil {
			open = append(open, i)
		}
	}
	pause := firstPause
	for try := 1; len(open) > 0; try++ {
		open = q.sendBatches(ctx, list, open, errs)
		if try == sendTries || len(open) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return errs
		case <-time.After(time.Duration((0.5 + rand.Float64()/2) * float64(pause))):
		}
		pause *= 2
	}
	return errs
}

// sendBatches sends the open entries and answers those that may be tried again.
func (q *SQS) sendBatches(ctx context.Context, list []Outgoing, open []int, errs []error) []int {
	var again []int
	for len(open) > 0 {
		n, size := 0, 0
		for n < len(open) && n < maxBatch && (n == 0 || size+list[open[n]].size() <= q.limit) {
			size += list[open[n]].size()
			n++
		}
		again = append(again, q.sendBatch(ctx, list, open[:n], errs)...)
		open = open[n:]
	}
	return again
}

func (q *SQS) sendBatch(ctx context.Context, list []Outgoing, batch []int, errs []error) (again []int) {
	entries := make([]types.SendMessageBatchRequestEntry, len(batch))
	for i, at := range batch {
		entries[i] = q.entry(strconv.Itoa(at), list[at])
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		for _, i := range batch {
			errs[i] = fmt.Errorf("send to %s: %w", q.name, err)
		}
		return nil // the SDK has tried again already
	}
	for _, i := range batch {
		errs[i] = fmt.Errorf("send to %s: SQS did not answer for this entry", q.name)
	}
	for _, ok := range answer.Successful {
		if i, err := strconv.Atoi(aws.ToString(ok.Id)); err == nil && i < len(errs) {
			errs[i] = nil
		}
	}
	for _, failed := range answer.Failed {
		i, err := strconv.Atoi(aws.ToString(failed.Id))
		if err != nil || i >= len(errs) {
			continue
		}
		errs[i] = entryError("send to", q.name, failed)
		if !failed.SenderFault {
			again = append(again, i)
		}
	}
	return again
}

func entryError(what, name string, failed types.BatchResultErrorEntry) error {
	err := fmt.Errorf("%s %s: %s: %s", what, name, aws.ToString(failed.Code), aws.ToString(failed.Message))
	if strings.Contains(aws.ToString(failed.Code), "ReceiptHandle") {
		return errors.Join(ErrStale, err)
	}
	return err
}

func (q *SQS) entry(id string, o Outgoing) types.SendMessageBatchRequestEntry {
	e := types.SendMessageBatchRequestEntry{Id: &id, MessageBody: aws.String(string(o.Body))}
	if len(o.Attributes) > 0 {
		e.MessageAttributes = map[string]types.MessageAttributeValue{}
	}
	for name, a := range o.Attributes {
		v := types.MessageAttributeValue{DataType: aws.String(a.Type), BinaryValue: a.Binary}
		if a.Binary == nil {
			v.StringValue = aws.String(a.String)
		}
		e.MessageAttributes[name] = v
	}
	if q.fifo {
		e.MessageGroupId, e.MessageDeduplicationId = aws.String(commonGroup), aws.String(uuid.NewString())
		if o.GroupID != "" {
			e.MessageGroupId = &o.GroupID
		}
		if o.DeduplicationID != "" {
			e.MessageDeduplicationId = &o.DeduplicationID
		}
	}
	return e
}

// Receive answers up to limit messages, waiting for the first at most so long (whole seconds, 20 at most).
func (q *SQS) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	wait = min(max(wait, 0), maxWait)
	ctx, cancel := context.WithTimeout(ctx, wait+callLimit)
	defer cancel()
	answer, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(min(limit, maxBatch)), //nolint:gosec // at most ten
		WaitTimeSeconds:             int32((wait + time.Second - 1) / time.Second), //nolint:gosec // at most twenty
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", q.name, err)
	}
	list := make([]Message, len(answer.Messages))
	for i, m := range answer.Messages {
		list[i] = fromSQS(m)
	}
	return list, nil
}

func fromSQS(m types.Message) Message {
	out := Message{
		ID: aws.ToString(m.MessageId), Body: []byte(aws.ToString(m.Body)), System: m.Attributes, Receipt: aws.ToString(m.ReceiptHandle),
		GroupID: m.Attributes["MessageGroupId"], DeduplicationID: m.Attributes["MessageDeduplicationId"],
	}
	if n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"]); err == nil {
		out.ReceiveCount = n
	}
	if millis, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		out.SentAt = time.UnixMilli(millis).UTC()
	}
	if len(m.MessageAttributes) > 0 {
		out.Attributes = map[string]Attribute{}
	}
	for name, a := range m.MessageAttributes {
		out.Attributes[name] = Attribute{Type: aws.ToString(a.DataType), String: aws.ToString(a.StringValue), Binary: a.BinaryValue}
	}
	return out
}

// Extend hides messages for d from now.
func (q *SQS) Extend(ctx context.Context, messages []Message, d time.Duration) []error {
	return q.inBatches(ctx, messages, func(ctx context.Context, batch []Message) ([]types.BatchResultErrorEntry, error) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
		for i, m := range batch {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(m.Receipt), VisibilityTimeout: int32(d / time.Second), //nolint:gosec // hours at most
			}
		}
		answer, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return nil, fmt.Errorf("change visibility on %s: %w", q.name, err)
		}
		return answer.Failed, nil
	})
}

// Release makes messages visible at once.
func (q *SQS) Release(ctx context.Context, messages []Message) []error {
	return q.Extend(ctx, messages, 0)
}

// Delete takes messages off the queue.
func (q *SQS) Delete(ctx context.Context, messages []Message) []error {
	return q.inBatches(ctx, messages, func(ctx context.Context, batch []Message) ([]types.BatchResultErrorEntry, error) {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(batch))
		for i, m := range batch {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(m.Receipt)}
		}
		answer, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil {
			return nil, fmt.Errorf("delete from %s: %w", q.name, err)
		}
		return answer.Failed, nil
	})
}

// inBatches makes one call for every ten messages and answers for each what became of it.
func (q *SQS) inBatches(ctx context.Context, messages []Message, call func(context.Context, []Message) ([]types.BatchResultErrorEntry, error)) []error {
	errs := make([]error, len(messages))
	for from := 0; from < len(messages); from += maxBatch {
		batch := messages[from:min(from+maxBatch, len(messages))]
		limited, cancel := context.WithTimeout(ctx, callLimit)
		failed, err := call(limited, batch)
		cancel()
		for i := range batch {
			errs[from+i] = err
		}
		for _, f := range failed {
			if i, err := strconv.Atoi(aws.ToString(f.Id)); err == nil && i < len(batch) {
				errs[from+i] = entryError("change on", q.name, f)
			}
		}
	}
	return errs
}

// Depth answers how much is on the queue, as far as SQS tells.
func (q *SQS) Depth(ctx context.Context) (Depth, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	visible, hidden := types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{visible, hidden}})
	if err != nil {
		return Depth{}, fmt.Errorf("read depth of %s: %w", q.name, err)
	}
	var d Depth
	if d.Visible, err = strconv.Atoi(answer.Attributes[string(visible)]); err != nil {
		return Depth{}, fmt.Errorf("read depth of %s: %w", q.name, err)
	}
	d.InFlight, err = strconv.Atoi(answer.Attributes[string(hidden)])
	return d, err
}

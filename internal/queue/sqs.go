package queue

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/google/uuid"
)

// SQS is an Amazon SQS queue.
type SQS struct {
	client          *sqs.Client
	url             string
	name            string
	fifo            bool
	maxMessageBytes int
	visibility      time.Duration
	startError      error
	receives        receives
}

const (
	maxConnections = 256
	writeBuffer    = 32 << 10 // of a connection, in bytes: a usual call leaves by one write
	dialTimeout    = 5 * time.Second
	callTimeout    = 30 * time.Second // of one call, tries included, beyond what it waits for messages
	openTimeout    = 10 * time.Second // of asking the queue for its limits
	maxTries       = 5
	openTries      = 3 // of asking for the limits: who starts does not wait long for a queue that refuses for now
)

// NewSQS returns a queue and asks it for its limits. Credentials, region and endpoint come from the sources of the AWS
// SDK; a region given here comes first, then that in the queue's URL, because a request for another one has no valid
// signature. NewSQS returns an error that says what to do about a queue that cannot be used. A queue that cannot be
// reached is no error, because it may come back: StartError reports it. The receiver of its messages closes it.
func NewSQS(ctx context.Context, queueURL, region string, options ...func(*config.LoadOptions) error) (*SQS, error) {
	return findSQS(ctx, queueURL, region, false, options)
}

// NewKnownSQS is NewSQS for a queue that was in use before. A refusal by SQS is no error either: the queue was deleted,
// or access was forbidden, and both may be undone.
func NewKnownSQS(
	ctx context.Context, queueURL, region string, options ...func(*config.LoadOptions) error,
) (*SQS, error) {
	return findSQS(ctx, queueURL, region, true, options)
}

func findSQS(
	ctx context.Context, queueURL, region string, known bool, options []func(*config.LoadOptions) error,
) (*SQS, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	q, err := openSQS(ctx, queueURL, region, known, options)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", queueURL, err)
	}
	return q, nil
}

func openSQS(
	ctx context.Context, queueURL, region string, known bool, options []func(*config.LoadOptions) error,
) (*SQS, error) {
	q, err := newSQS(ctx, queueURL, region, options)
	if err != nil {
		return nil, err
	}
	err = q.readAttributes(ctx)
	refusal, refused := errors.AsType[smithy.APIError](err)
	if refused {
		err = fmt.Errorf("%s: %w", advice(refusal), err)
	}
	if refused && !known && !isTemporary(refusal, err) {
		return nil, err
	}
	if err != nil {
		q.startError = fmt.Errorf("queue %s cannot be reached: %w", queueURL, err)
		q.maxMessageBytes, q.visibility = minCallBytes, defaultVisibility
	}
	return q, nil
}

// newSQS returns a queue without asking for its limits.
func newSQS(ctx context.Context, queueURL, region string, options []func(*config.LoadOptions) error) (*SQS, error) {
	parsed, err := url.Parse(queueURL)
	if err != nil {
		return nil, err
	}
	name := path.Base(parsed.Path)
	if parsed.Host == "" || name == "." || name == "/" {
		return nil, errors.New(
			"that is no queue URL: it looks like https://sqs.eu-central-1.amazonaws.com/123456789012/my-dlq",
		)
	}
	settings, err := loadSettings(ctx, parsed, region, options)
	if err != nil {
		return nil, err
	}
	client := sqs.NewFromConfig(settings, func(o *sqs.Options) {
		o.HTTPClient = bufferedBody{o.HTTPClient}
		endpointOf(parsed).address(o, parsed)
	})
	return &SQS{
		client:   client,
		url:      queueURL,
		name:     name,
		fifo:     strings.HasSuffix(name, fifoSuffix),
		receives: newReceives(),
	}, nil
}

// StartError returns why the queue could not be asked for its limits, so that the lowest of any queue apply; nil if it
// could.
func (q *SQS) StartError() error { return q.startError }

func loadSettings(
	ctx context.Context, queueURL *url.URL, region string, options []func(*config.LoadOptions) error,
) (aws.Config, error) {
	client := awshttp.NewBuildableClient().
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost, t.WriteBufferSize = maxConnections, maxConnections, writeBuffer
		}).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })
	// Not the adaptive mode: its limit on the rate is one for all calls of a client, so that sends which are
	// throttled would hold up the receives as well. What SQS does not take within the budget of a send has its own
	// way: the spool.
	all := []func(*config.LoadOptions) error{
		config.WithRetryMode(aws.RetryModeStandard),
		config.WithRetryMaxAttempts(maxTries),
		config.WithHTTPClient(client),
		config.WithLogger(logging.Nop{}), // each failure is returned as an error
	}
	if region = cmp.Or(region, endpointOf(queueURL).region); region != "" {
		options = append(slices.Clone(options), config.WithRegion(region))
	}
	settings, err := config.LoadDefaultConfig(ctx, append(all, options...)...)
	if err != nil {
		return settings, fmt.Errorf("set up the AWS SDK: %w", err)
	}
	if settings.Region == "" {
		return settings, errors.New("no region is known: set AWS_REGION")
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return settings, fmt.Errorf(
			"no credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run "+
				"with a role: %w",
			err,
		)
	}
	return settings, nil
}

func (q *SQS) readAttributes(ctx context.Context) error {
	numbers, err := q.numbers(
		ctx, openTries, types.QueueAttributeNameMaximumMessageSize, types.QueueAttributeNameVisibilityTimeout,
	)
	if err != nil {
		return err
	}
	q.maxMessageBytes, q.visibility = numbers[0], time.Duration(numbers[1])*time.Second
	if q.visibility == 0 {
		// On a queue with visibility 0 all receivers would get the same messages, so each receive sets it.
		q.visibility = defaultVisibility
	}
	return nil
}

// numbers reads numeric attributes of the queue, in so many tries at most.
func (q *SQS) numbers(ctx context.Context, tries int, names ...types.QueueAttributeName) ([]int, error) {
	answer, err := q.client.GetQueueAttributes(
		ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: names},
		func(o *sqs.Options) { o.RetryMaxAttempts = tries },
	)
	if err != nil {
		return nil, err
	}
	list := make([]int, len(names))
	for i, name := range names {
		if list[i], err = strconv.Atoi(answer.Attributes[string(name)]); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return list, nil
}

// advice returns what to do about a refusal. The codes are those of "Common Error Types" in the SQS API reference.
func advice(err smithy.APIError) string {
	if missing := (*types.QueueDoesNotExist)(nil); errors.As(err, &missing) {
		return "it does not exist: check name, account and region"
	}
	switch code := err.ErrorCode(); code {
	case "AccessDenied", "AccessDeniedException", "NotAuthorized":
		return "access is denied: allow sqs:GetQueueAttributes, SendMessage, ReceiveMessage, DeleteMessage and " +
			"ChangeMessageVisibility"
	case "InvalidClientTokenId",
		"UnrecognizedClientException",
		"SignatureDoesNotMatch",
		"InvalidSignatureException",
		"IncompleteSignature":
		return "AWS does not know these credentials: check access key and secret"
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "the credentials have expired (or this machine's clock is wrong)"
	default:
		return refusedBy(err)
	}
}

func refusedBy(err smithy.APIError) string { return "SQS refused: " + err.ErrorCode() }

// isTemporary reports whether a refusal is no fault of the queue and its settings: SQS is out of order or throttles, or
// the credentials have expired.
func isTemporary(refusal smithy.APIError, err error) bool {
	switch refusal.ErrorCode() {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// Name returns the name of the queue.
func (q *SQS) Name() string { return q.name }

// System returns the value of messaging.system for telemetry.
func (q *SQS) System() string { return systemSQS }

// MaxMessageBytes returns the size of the largest message that the queue accepts, attributes included.
func (q *SQS) MaxMessageBytes() int { return q.maxMessageBytes }

// MaxReceive returns the largest number of messages of one receive.
func (q *SQS) MaxReceive() int { return maxBatch }

// Visibility returns how long a received message is hidden.
func (q *SQS) Visibility() time.Duration { return q.visibility }

// Receive returns up to limit messages, MaxReceive at most. It waits for the first one for up to wait, in whole
// seconds, 20 at most. Messages that SQS hands out after ctx has ended are made visible again.
func (q *SQS) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	return q.receives.receive(
		ctx, func(ctx context.Context) ([]Message, error) { return q.poll(ctx, limit, wait) }, q.Release,
	)
}

// Close ends abandoned polls. It must be called after the last Receive and Release have returned.
func (q *SQS) Close(ctx context.Context) { q.receives.close(ctx) }

func (q *SQS) poll(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	wait = min(max(wait, 0), maxWait)
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	input := &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(min(limit, maxBatch)), //nolint:gosec // at most ten
		WaitTimeSeconds: seconds(wait), VisibilityTimeout: seconds(q.visibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	}
	if q.fifo {
		// A receive that the SDK repeats because its answer was lost gets the same messages, and their groups are not
		// held up.
		input.ReceiveRequestAttemptId = aws.String(uuid.NewString())
	}
	answer, err := q.client.ReceiveMessage(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", q.name, err)
	}
	list := make([]Message, len(answer.Messages))
	for i, m := range answer.Messages {
		list[i] = fromSQS(m)
	}
	return list, nil
}

// seconds rounds up, so that a message to hide is never released instead.
func seconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second) //nolint:gosec // twelve hours at most
}

func fromSQS(m types.Message) Message {
	out := Message{
		ID:              aws.ToString(m.MessageId),
		Body:            []byte(aws.ToString(m.Body)),
		System:          m.Attributes,
		ReceiptHandle:   aws.ToString(m.ReceiptHandle),
		GroupID:         m.Attributes["MessageGroupId"],
		DeduplicationID: m.Attributes["MessageDeduplicationId"],
	}
	if n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"]); err == nil {
		out.ReceiveCount, out.Redelivered = n, n > 1
	}
	if millis, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		out.SentAt = time.UnixMilli(millis).UTC()
	}
	if len(m.MessageAttributes) > 0 {
		out.Attributes = make(map[string]Attribute, len(m.MessageAttributes))
	}
	for name, a := range m.MessageAttributes {
		out.Attributes[name] = Attribute{
			Type:   aws.ToString(a.DataType),
			String: aws.ToString(a.StringValue),
			Binary: a.BinaryValue,
		}
	}
	return out
}

// Depth returns how many messages are on the queue, as SQS reports it.
func (q *SQS) Depth(ctx context.Context) (Depth, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	numbers, err := q.numbers(
		ctx, maxTries, types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		types.QueueAttributeNameMessageRetentionPeriod,
	)
	if err != nil {
		return Depth{}, fmt.Errorf("read depth of %s: %w", q.name, err)
	}
	return Depth{
		Visible:   numbers[0],
		InFlight:  numbers[1],
		Delayed:   numbers[2],
		Retention: time.Duration(numbers[3]) * time.Second,
	}, nil
}

// bufferedBody sends each request's body from memory. The SDK closes a body as soon as the response begins, which may
// be before net/http has seen its end; net/http treats that as a fault and closes the connection while the response is
// still being read. The SDK then tries again, but the messages of the receive that was cut off stay hidden until their
// visibility ends (https://github.com/aws/aws-sdk-go-v2/issues/2737). It also sends head and body in one packet.
type bufferedBody struct{ sqs.HTTPClient }

// Do sends a request.
func (c bufferedBody) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.HTTPClient.Do(r)
	}
	var body bytes.Buffer
	body.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	r = r.WithContext(r.Context()) // a copy
	r.ContentLength = int64(body.Len())
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body.Bytes())), nil }
	r.Body, _ = r.GetBody()
	return c.HTTPClient.Do(r)
}

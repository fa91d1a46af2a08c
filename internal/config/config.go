package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/verify"
)

// Config is the whole configuration. Load returns valid ones only.
type Config struct {
	File          string    // the file that was read; empty: none
	Listen        string    // host:port of the receiver, and of the console if ConsoleListen is empty
	ConsoleListen string    // host:port of the console alone; empty: it shares Listen
	MetricsListen string    // host:port of /metrics; empty: no metrics
	PublicURL     string    // of the console, for browsers, without a slash at its end; empty: unknown
	TLS           ListenTLS // of Listen; empty: no TLS
	// TrustedProxies are the networks whose X-Forwarded-For and Forwarded headers are believed. Empty: none is.
	TrustedProxies []netip.Prefix
	WebhookURL     string // of the receiver, for platforms, without a slash at its end; empty: unknown
	// folder of store, spool, embedded queue and keys; a relative path starts at the working directory
	DataDir   string
	Grace     time.Duration // to finish webhooks and deliveries in flight when the program stops
	Queue     Queue
	Queues    []DLQ      // additional DLQs, ordered as Sources
	Sources   []Source   // in the order of the file; sources from variables alone come last
	Platforms []Platform // ordered as Sources
	Users     []UserRole // ordered as Sources
	Tickets   Tickets
	Alerts    Alerts
	Log       Log
	Values    []Value  // every key with its value and where that comes from
	Warnings  []string // valid settings that are probably wrong, written like faults
}

// UserRole is the role that the configuration gives a user.
type UserRole struct {
	Name string
	Role deadletter.Role
}

// Log configures the log of the server.
type Log struct {
	Format LogFormat
	Level  slog.Level // the lowest that is written
}

// LogFormat is the form of a log line.
type LogFormat string

// The forms of a log line.
const (
	LogText LogFormat = "text" // key=value
	LogJSON LogFormat = "json"
)

// Queue configures the DLQ and the processing queue.
type Queue struct {
	DLQURL        string // SQS queue URL; empty: the embedded queue
	ProcessingURL string // SQS queue URL of sources in buffered mode; empty: embedded
	Region        string // AWS region; empty: the AWS SDK finds it by itself
	DefaultSource string // source of messages that name none; empty: they cannot be replayed
	SpoolLimit    int64  // bytes on disk for messages that SQS has not confirmed
}

// Source is a webhook endpoint, POST /webhooks/{name}.
type Source struct {
	Name          string
	Platform      string // that sends its webhooks: a platform of the configuration, or a preset; empty: unknown
	Destination   string // absolute http or https URL
	Mode          Mode
	Timeout       time.Duration // of one delivery
	Connect       time.Duration // within Timeout: to connect, TLS included
	Read          time.Duration // within Timeout: of silence after the request was sent
	MaxBody       int64         // bytes; a larger webhook gets a 413
	MaxConcurrent int           // deliveries in flight
	MaxPerSecond  float64       // requests to the destination; 0: no limit
	TLS           TLS           // of the destination
	Verify        verify.Settings
	Dedup         payload.Dedup
	Ack           *payload.Ack // nil: the default responses
	Retry         deadletter.RetryPolicy
	Breaker       Breaker
	EventType     []payload.Path // where a body names its event type; the first that leads to a text is used
	Mask          Mask
	Causes        []deadletter.GroupRule // by which failures are grouped beside the built-in rules
	Shapes        bool                   // sample the shape of delivered webhooks
	KeepDelivered int                    // delivered webhooks that are kept whole, masked
	// OrderKey says where a body names the thing whose events have to stay in order. nil: OrderKey of Config finds the
	// place by the platform; empty: no order.
	OrderKey payload.OrderKey
	Copies   []CopyTo // where people can send copies of its messages, ordered as Sources
}

// CopyTo is a destination besides that of a source, such as staging. It gets copies of messages when a person says so.
type CopyTo struct {
	Name   string
	URL    string // absolute http or https URL
	Masked bool   // the secrets of a copy are masked
}

// TLS configures the connection to a destination, whose certificate is always verified. Load has checked the files.
type TLS struct {
	CAFile            string // PEM of the trusted authorities; empty: the system's
	CertFile, KeyFile string // PEM of the client certificate and its key; empty: none
	MinVersion        uint16 // a constant of crypto/tls
}

// Breaker configures the circuit breaker of a destination.
type Breaker struct {
	FailureRate   float64 // share of the deliveries within Window, over 0 and at most 1
	Window        time.Duration
	MinDeliveries int           // within Window, below which the share means nothing
	Consecutive   int           // failures of different messages in a row at which it opens as well
	Probe         time.Duration // between two tests of a destination that is down
	RampStart     int           // retries and messages of jobs per second, at first, once it is up again
}

// Mode is the order of delivery and response.
type Mode string

// The modes of a source.
const (
	Direct   Mode = "direct"   // delivered, then answered
	Buffered Mode = "buffered" // put on the processing queue, answered, then delivered
)

// ListenTLS names the certificate files of a listener. They are read again when they change.
type ListenTLS struct {
	CertFile     string // PEM: the certificate, and the intermediate ones
	KeyFile      string // PEM
	ClientCAFile string // PEM: the authorities of client certificates; empty: no client certificate is requested
}

// On reports whether the listener uses TLS.
func (t ListenTLS) On() bool { return t.CertFile != "" }

// Mask names the secrets in the messages of a source or queue, besides the default names of package redact.
type Mask struct {
	Headers []string       // of headers and query parameters
	Names   []string       // of headers, query parameters and fields of bodies, wherever they are
	JSON    []payload.Path // places in JSON bodies
	Except  []string       // default names that are no secrets here
}

// Source returns the source with the given name.
func (c Config) Source(name string) (Source, bool) {
	for _, s := range c.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// maxFile is the limit of a file in bytes, so that a wrong path cannot fill the memory.
const maxFile = 1 << 20

// Flag is a key that the command line sets. It goes before environment and file.
type Flag struct {
	Key   string // log.level
	Name  string // --log-level
	Value string
}

// Load reads the file at path (none if path is empty), the environment in the form of os.Environ, and flags. Its error
// is Faults.
func Load(path string, environ []string, flags ...Flag) (Config, error) {
	return load(newReader(path, environ, flags...), (*reader).checkSomething)
}

// LoadAny is Load for commands that need no source.
func LoadAny(path string, environ []string) (Config, error) {
	return load(newReader(path, environ), func(*reader, Config) {})
}

// LoadDataOnly is Load for commands that need the data folder and the queues alone. It reads no secret, no certificate
// and no key, and ignores faults of the sections that have them: the caller may not use those.
func LoadDataOnly(path string, environ []string) (Config, error) {
	r := newReader(path, environ)
	r.dataOnly = true
	return load(r, func(*reader, Config) {})
}

func load(r *reader, more func(*reader, Config)) (Config, error) {
	path := r.file
	if path != "" {
		text, err := readFile(path)
		if err != nil {
			return Config{}, Faults{{Where: path, Text: err.Error()}}
		}
		if err := r.parse(text); err != nil {
			return Config{}, err
		}
	}
	c := r.config()
	r.checkConfig(c)
	more(r, c)
	r.reportUnknown()
	if faults := r.sortedFaults(); len(faults) > 0 {
		return Config{}, faults
	}
	c.Warnings, c.Values = r.warnings, r.values
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, cannotRead(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, cannotRead(err)
	}
	if len(text) > maxFile {
		return nil, errors.New("is over 1MiB: this cannot be a configuration")
	}
	return text, nil
}

// cannotRead returns an error without the path, which the fault already names.
func cannotRead(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// CheckReceiver returns Faults if a receiver alone would write to queues that no other process reads.
func (c Config) CheckReceiver() error {
	var faults Faults
	missing := func(key, why string) {
		faults = append(faults, Fault{Where: c.File, Key: key, Text: "must be the URL of an SQS queue: " + why})
	}
	if c.Queue.DLQURL == "" {
		missing("queue.dlq_url", "a receiver alone hands what fails to the desk over it")
	}
	if anyBuffered(c) && c.Queue.ProcessingURL == "" {
		missing("queue.processing_url", "what a buffered source took has to outlive this machine")
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// DrainTarget returns the queue that messages are drained to: "dlq", or one below queues by its name or URL.
func (c Config) DrainTarget(to string) (url, region string, err error) {
	own := c.Queue
	if to == "dlq" && own.DLQURL == "" {
		return "", "", errors.New("queue.dlq_url is empty: the embedded queue is in the same data folder, " +
			"so nothing would leave it; set it to an SQS queue")
	}
	if to == "dlq" || to == own.DLQURL {
		return own.DLQURL, own.Region, nil
	}
	for _, q := range c.Queues {
		if to == q.Name || to == q.URL {
			return q.URL, "", nil
		}
	}
	return "", "", deadletter.Errorf(
		deadletter.Invalid, "%q is no DLQ of the configuration%s", to, orNear(to, append(c.QueueNames(), "dlq")),
	)
}

// SourceNames returns the names of the sources.
func (c Config) SourceNames() (names []string) {
	for _, s := range c.Sources {
		names = append(names, s.Name)
	}
	return names
}

// QueueNames returns the names of the additional DLQs.
func (c Config) QueueNames() (names []string) {
	for _, q := range c.Queues {
		names = append(names, q.Name)
	}
	return names
}

// GroupRules returns the rules of all sources that group messages.
func (c Config) GroupRules() (rules []deadletter.GroupRule) {
	for _, s := range c.Sources {
		rules = append(rules, s.Causes...)
	}
	return rules
}

// CheckDrain returns Invalid for the name of a source or of a queue below queues that neither the configuration has nor
// a stored message. "" is any.
func (c Config) CheckDrain(source, queue string, storedSources, storedQueues []string) error {
	for _, check := range []struct {
		kind, name string
		known      []string
	}{
		{"source", source, slices.Concat(c.SourceNames(), storedSources)},
		{"queue", queue, slices.Concat(c.QueueNames(), storedQueues)},
	} {
		if check.name != "" && !slices.Contains(check.known, check.name) {
			slices.Sort(check.known)
			return deadletter.Errorf(deadletter.Invalid, "there is no %s %q%s",
				check.kind, check.name, orNear(check.name, slices.Compact(check.known)))
		}
	}
	return nil
}

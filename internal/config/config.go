package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/verify"
)

// Config is everything that an operator decides. It is valid when it comes from Load.
type Config struct {
	File          string    // the file that was read; empty: none
	Listen        string    // host:port of the receiver, and of the console when ConsoleListen is empty
	ConsoleListen string    // host:port of the console alone; empty: it shares Listen
	MetricsListen string    // host:port of /metrics; empty: there is none
	PublicURL     string    // how browsers reach the console, without a slash at its end; empty: not known
	TLS           ListenTLS // of Listen; empty: without encryption
	WebhookURL    string    // how platforms reach the receiver, without a slash at its end; empty: not known
	// store, spool, embedded queue, keys; a relative one is taken from the working directory
	DataDir   string
	Grace     time.Duration // for finishing what is in flight when the program is asked to stop
	Queue     Queue
	Queues    []DLQ      // that are read besides, ordered as Sources
	Sources   []Source   // in the order of the file; those from the environment alone come last
	Platforms []Platform // ordered as Sources
	Warnings  []string   // legal, but worth a look; written like faults
}

// Queue says where messages wait before they are in the store.
type Queue struct {
	DLQURL        string // SQS queue URL; empty: the embedded queue
	ProcessingURL string // SQS queue URL of sources in buffered mode; empty: embedded
	Region        string // AWS region; empty: the AWS SDK finds it by itself
	DefaultSource string // the source of messages whose message names none; empty: they cannot be replayed
	SpoolLimit    int64  // bytes on disk that may wait for SQS queues which confirm nothing
}

// Source is a webhook endpoint, POST /webhooks/{name}.
type Source struct {
	Name          string
	Platform      string // where its webhooks come from: a platform of the configuration, or a preset; empty: not known
	Destination   string // absolute http or https URL
	Mode          Mode
	Timeout       time.Duration // of one delivery
	Connect       time.Duration // within Timeout: until the connection stands, its TLS included
	Read          time.Duration // within Timeout: of silence, once the webhook is sent
	MaxBody       int64         // bytes; a webhook over it is answered 413
	MaxConcurrent int           // deliveries in flight
	MaxPerSecond  float64       // requests to the destination; 0: no limit
	TLS           TLS           // of the destination
	Verify        verify.Settings
	Dedup         payload.Dedup
	Ack           *payload.Ack // nil: our own answers
	Retry         deadletter.RetryPolicy
	Breaker       Breaker
	EventType     []payload.Path // where a body says what it is; the first that leads to a text counts
	Mask          Mask
}

// TLS says how a destination is verified, which it always is, and how we prove to it who we are. What its files hold
// is sound, or Load has said what is wrong.
type TLS struct {
	CAFile            string // PEM of the authorities to trust instead of the system's; empty: the system's
	CertFile, KeyFile string // PEM of our certificate and its key; empty: none
	MinVersion        uint16 // as crypto/tls numbers them
}

// Breaker says when a destination counts as down, so that automatic retries wait until it is up again.
type Breaker struct {
	FailureRate      float64 // share of the deliveries within Window, over 0 and at most 1
	Window           time.Duration
	MinDeliveries    int           // within Window, below which nothing is concluded
	Probe            time.Duration // between two tests of a destination that is down
	RetriesPerSecond int           // retries per second once it is up again
}

// Mode says when a webhook is answered.
type Mode string

// The modes of a source.
const (
	Direct   Mode = "direct"   // delivered, then answered
	Buffered Mode = "buffered" // put on the processing queue, answered, then delivered
)

// ListenTLS names the files of a listener's certificate. They are read anew when they change.
type ListenTLS struct {
	CertFile     string // PEM: the certificate, and those between it and its authority
	KeyFile      string // PEM
	ClientCAFile string // PEM: who vouches for the certificates of platforms; empty: nobody is asked for one
}

// On reports whether there is encryption.
func (t ListenTLS) On() bool { return t.CertFile != "" }

// Mask names what is secret in a source's messages, beyond what redact.IsSecretHeader knows.
type Mask struct {
	Headers []string
	JSON    []payload.Path
}

// Source returns the source of that name.
func (c Config) Source(name string) (Source, bool) {
	for _, s := range c.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// maxFile is far beyond any configuration, so that a wrong path cannot fill the memory.
const maxFile = 1 << 20

// Load reads the file at path (none when path is empty) and the environment, as os.Environ gives it. Its error is
// Faults.
func Load(path string, environ []string) (Config, error) {
	return load(path, environ, (*reader).checkSomething)
}

// LoadAny is Load for commands that need no source.
func LoadAny(path string, environ []string) (Config, error) {
	return load(path, environ, func(*reader, Config) {})
}

func load(path string, environ []string, more func(*reader, Config)) (Config, error) {
	r := newReader(path, environ)
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
	c.Warnings = r.warnings
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

// cannotRead leaves out the path, which the fault already names.
func cannotRead(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

package desktest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	region = "eu-central-1"
	keyID  = "test"
	secret = "test"

	// endWithParent makes a Node process end when its standard input does, so that none outlives a test that was
	// killed.
	endWithParent = `data:text/javascript,process.stdin.resume().on("end",()=>process.exit())`

	// onLoopback makes a Node process listen on this machine alone: the server itself would listen on all addresses.
	onLoopback = `data:text/javascript,import{Server}from"node:net";const{listen}=Server.prototype;` +
		`Server.prototype.listen=function(at,...rest){` +
		`if(at&&at.port!==undefined)at={...at,host:"127.0.0.1"};return/**/listen.call(this,at,...rest)}`

	// localNames makes a Node process find names below localhost, such as those in the URLs of the SQS server's queues,
	// on this machine, as browsers do. Not every system resolves them.
	localNames = `data:text/javascript,import/**/dns/**/from"node:dns";const{lookup}=dns;` +
		`dns.lookup=(name,...rest)=>lookup(name.endsWith(".localhost")&&"127.0.0.1"||name,...rest)`

	// keptLines is how much of the server's log a failed test shows.
	keptLines = 40
)

// sqsServer is a program that starts the SQS server without its request log: the server's own command line writes a
// line for each request, whatever the environment says.
const sqsServer = `import{startFauxqs}from"file://%s";const{port}=await startFauxqs({logger:false});` +
	`console.log("Listening at http://127.0.0.1:"+port)`

// StartSQS starts an SQS server, a process of its own, and returns its address. It ends with the test.
func StartSQS(t testing.TB) (endpoint string) {
	t.Helper()
	endpoint, _ = StartSQSProcess(t)
	return endpoint
}

// StartSQSProcess is StartSQS that returns the process as well, so that its processor time can be measured.
func StartSQSProcess(t testing.TB) (endpoint string, server *os.Process) {
	t.Helper()
	program := fmt.Sprintf(sqsServer, filepath.Join(Package(t, "fauxqs"), "dist", "app.js"))
	endpoint, server = startNode(t, "the SQS server", []string{"--input-type=module", "--eval", program},
		"FAUXQS_PORT=0", "FAUXQS_DEFAULT_REGION="+region)
	awaitHealth(t, endpoint)
	return endpoint, server
}

// StartNode starts a program of Node, a process of its own that ends with the test. It returns the address that the
// program prints after "Listening at". The program finds the npm packages of the repository.
func StartNode(t testing.TB, program string, environment ...string) (address string, process *os.Process) {
	t.Helper()
	return startNode(t, filepath.Base(program), []string{program}, environment...)
}

var listeningAt = regexp.MustCompile(`Listening at (http://\S+)`)

func startNode(
	t testing.TB, name string, program []string, environment ...string,
) (address string, process *os.Process) {
	t.Helper()
	arguments := append([]string{"--import", endWithParent, "--import", onLoopback, "--import", localNames}, program...)
	server := exec.CommandContext(t.Context(), "node", arguments...) //nolint:gosec // our own program
	server.Env = append(append(os.Environ(), "NODE_PATH="+packages(t)), environment...)
	input, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	server.Stdout, server.Stderr = in, in
	if err := server.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	ready := make(chan string, 1)
	var running sync.WaitGroup
	log := &tail{}
	running.Go(func() { log.read(out, ready) })
	running.Go(func() {
		_ = server.Wait() // it is killed when the test's context ends
		_ = in.Close()
	})
	t.Cleanup(func() {
		_ = input.Close()
		running.Wait()
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", name, log)
		}
	})
	select {
	case address = <-ready:
	case <-t.Context().Done():
	}
	if address == "" {
		t.Fatalf("%s did not start:\n%s", name, log)
	}
	return address, server.Process
}

// Package returns the folder of an npm package of the repository.
func Package(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(packages(t), name)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("%s is an npm package: run make npm (%v)", name, err)
	}
	return dir
}

// packages is where the npm packages of the repository are.
func packages(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	return filepath.Join(dir, "web", "node_modules")
}

func awaitHealth(t testing.TB, endpoint string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("the SQS server is not healthy: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the SQS server is not healthy: %s", answer.Status)
	}
}

// tail keeps the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

// read sends on ready the address that a server prints once it listens, or "" if it ends before.
func (l *tail) read(from io.Reader, ready chan<- string) {
	defer close(ready)
	waiting := true
	for lines := bufio.NewReader(from); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		l.add(line)
		if found := listeningAt.FindStringSubmatch(line); waiting && found != nil {
			waiting = false
			ready <- found[1]
		}
	}
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == keptLines {
		l.lines = l.lines[1:]
	}
	l.lines = append(l.lines, line)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

// AWS leads the AWS SDK to an SQS server that StartSQS has started, whatever the environment says.
func AWS(endpoint string) func(*config.LoadOptions) error {
	return func(o *config.LoadOptions) error {
		o.Region, o.BaseEndpoint = region, endpoint
		o.Credentials = credentials.NewStaticCredentialsProvider(keyID, secret, "")
		o.SharedConfigFiles, o.SharedCredentialsFiles = []string{}, []string{}
		return nil
	}
}

// UseSQS leads everything in this process to an SQS server by the environment, as a deployment would. The test cannot
// be parallel.
func UseSQS(t testing.TB, endpoint string) {
	t.Helper()
	for _, setting := range SQSEnvironment(endpoint) {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
	}
}

// SQSEnvironment leads another process to an SQS server.
func SQSEnvironment(endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL_SQS=" + endpoint, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + keyID,
		"AWS_SECRET_ACCESS_KEY=" + secret,
	}
}

// SQSClient is the AWS SDK's own client, for what a test does behind the program's back.
func SQSClient(t testing.TB, endpoint string) *sqs.Client {
	t.Helper()
	settings, err := config.LoadDefaultConfig(t.Context(), AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	return sqs.NewFromConfig(settings)
}

// CreateQueue creates a queue and returns its URL. A name that ends in .fifo makes a FIFO queue.
func CreateQueue(t testing.TB, endpoint, name string, attributes map[string]string) (queueURL string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	answer, err := SQSClient(
		t, endpoint,
	).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatalf("create queue %s: %v", name, err)
	}
	return aws.ToString(answer.QueueUrl)
}

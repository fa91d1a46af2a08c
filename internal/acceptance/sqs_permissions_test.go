package acceptance_test

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// asked is a call of SQS, by whom its access key names.
type asked struct{ who, queue, action, region string }

var (
	credential = regexp.MustCompile(`Credential=([a-z]+)/[0-9]+/([a-z0-9-]+)/sqs`)
	ofQueue    = regexp.MustCompile(`"QueueUrl":"[^"]*/([^"/]+)"`)
	anyWords   = regexp.MustCompile("`([a-zA-Z:_.]+)`")
)

// abroad is a queue of another region than everything else. The server knows it by another URL.
const abroad = "https://sqs.us-east-1.amazonaws.com/000000000000/orders-dlq"

// watched stands before an SQS server, whose name for the queue abroad is dlq, and notes who asks what.
func watched(t *testing.T, server, dlq string, calls chan<- asked) (endpoint string) {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // who stops hangs up
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		renamed := bytes.ReplaceAll(body, []byte(abroad), []byte(dlq))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(renamed)), int64(len(renamed))
		by, queue := credential.FindStringSubmatch(r.Header.Get("Authorization")), ofQueue.FindSubmatch(body)
		if by != nil && queue != nil {
			action := strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."), "Batch")
			calls <- asked{by[1], string(queue[1]), "sqs:" + action, by[2]}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// allowed reads the actions of the manual's table, by command and kind of queue.
func allowed(t *testing.T) map[[2]string][]string {
	t.Helper()
	text, err := os.ReadFile("../../web/docs/sqs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| command | queue | actions |\n| --- | --- | --- |\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("the manual has no table of what the program must be allowed")
	}
	list := map[[2]string][]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		for _, who := range anyWords.FindAllStringSubmatch(cells[1], -1) {
			key := [2]string{who[1], "source"}
			if queue := anyWords.FindStringSubmatch(cells[2]); queue != nil {
				key[1] = queue[1]
			}
			for _, action := range anyWords.FindAllStringSubmatch(cells[3], -1) {
				list[key] = append(list[key], action[1])
			}
		}
	}
	return list
}

// Each process asks of each queue only the permissions that the manual lists, in the region of the queue's URL.
func TestProcessesNeedOnlyTheDocumentedPermissions(t *testing.T) {
	t.Parallel()
	server, calls := desktest.StartSQS(t), make(chan asked, 10_000)
	front := newFront(t, server)
	l := newRedriveLine(t, server, "orders", "")
	as := func(who string) []string {
		return append(desktest.SQSEnvironment(watched(t, front.endpoint, l.dlq, calls)), "AWS_ACCESS_KEY_ID="+who)
	}
	front.sources = []string{l.source}
	p := program{cfg: settings(t, desktest.NewDestination(t))}
	p.cfg.Queue.DLQURL, p.cfg.Queue.ProcessingURL = shortlyHidden(t, server, "dlq"), shortlyHidden(
		t, server, "processing",
	)
	p.cfg.Sources[0].Mode = config.Buffered
	alone := p.cfg
	alone.DataDir = t.TempDir()
	file, elsewhere := write(t, p.cfg), write(t, alone)
	list(t, file, "shop: { url: "+abroad+" }")

	receiver := receive(t, elsewhere, as("receive")...)
	hook(t, receiver.url+"/webhooks/"+p.cfg.Sources[0].Name)
	receiver.stop(t)
	sent, err := l.client.SendMessage(
		t.Context(), &sqs.SendMessageInput{QueueUrl: &l.dlq, MessageBody: aws.String(`{"n":1}`)},
	)
	if err != nil {
		t.Fatal(err)
	}
	id := deadletter.ID(aws.ToString(sent.MessageId))
	first := serve(t, file, as("serve")...)
	s := p.beside(t)
	await(t, "the message arrives", func() bool { _, err := s.Message(t.Context(), id); return err == nil })
	first.stop(t)
	redrive(t, s, id, l.source)
	second := serve(t, file, as("serve")...)
	await(t, "it is sent back", func() bool {
		got, err := s.Message(t.Context(), id)
		return err == nil && got.Status == deadletter.Redriven
	})
	second.stop(t)
	// our own program
	command := exec.CommandContext(
		t.Context(), binary(t), "drain", "--to", "dlq", "--config", file,
	) //nolint:gosec // our own
	command.Env = append(os.Environ(), as("drain")...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("drain: %v: %s", err, out)
	}
	checkAsked(t, calls)
}

func checkAsked(t *testing.T, calls chan asked) {
	t.Helper()
	kinds := map[string]string{
		"dlq":        "queue.dlq_url",
		"processing": "queue.processing_url",
		"orders-dlq": "queues",
		"orders":     "source",
	}
	may, did := allowed(t), map[string]bool{}
	for len(calls) > 0 {
		c := <-calls
		kind := kinds[c.queue]
		did[c.who+" "+kind] = true
		if !slices.Contains(may[[2]string{c.who, kind}], c.action) {
			t.Errorf("%s asks %s of %s, which nobody is told to allow", c.who, c.action, kind)
		}
		if elsewhere := kind == "queues" || kind == "source"; elsewhere != (c.region == "us-east-1") {
			t.Errorf("%s is asked in %s", c.queue, c.region)
		}
	}
	for key := range may {
		if who := key[0] + " " + key[1]; !did[who] {
			t.Errorf("%s is allowed something for nothing", who)
		}
	}
}

// redrive orders a redrive while no server runs.
func redrive(t *testing.T, s *store.Store, id deadletter.ID, source string) {
	t.Helper()
	ordering := desk.New(desk.Deps{
		Masks: desktest.NoMasks, Sources: desktest.Always([]desk.Source(nil)),
		Store: s, Origins: map[string]desk.Origin{"shop": to(source)}, Kick: func() {}, Now: time.Now,
	})
	anna := deadletter.User("anna", deadletter.Operator, "")
	if _, err := ordering.Redrive(t.Context(), anna, desk.Ref{ID: id}, desk.SendCommand{}); err != nil {
		t.Fatal(err)
	}
}

func hook(t *testing.T, address string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(`{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if status, told := do(t, http.DefaultClient, req); status != http.StatusOK {
		t.Fatalf("the receiver answers %d %s", status, told)
	}
}

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	demoRegion = "eu-central-1"
	demoKey    = "demo"
)

// startSQS starts an SQS server with the two queues of the demo. Its environ points a program at them.
func startSQS(ctx context.Context, errs io.Writer) (*child, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	server, err := start(io.Discard, errs, []string{"FAUXQS_PORT=" + port, "FAUXQS_LOGGER=false"}, "node", filepath.Join("web", "node_modules", "fauxqs", "dist", "cli.js"))
	if err != nil {
		return nil, err
	}
	if err := server.prepare(ctx, "http://"+address, address); err != nil {
		server.stop()
		return nil, err
	}
	return server, nil
}

func freeAddress(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func (c *child) prepare(ctx context.Context, endpoint, address string) error {
	if err := c.awaitPort(ctx, address); err != nil {
		return err
	}
	client := sqs.New(sqs.Options{Region: demoRegion, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider(demoKey, demoKey, "")})
	c.environ = []string{
		"AWS_ENDPOINT_URL_SQS=" + endpoint, "AWS_REGION=" + demoRegion, "AWS_ACCESS_KEY_ID=" + demoKey, "AWS_SECRET_ACCESS_KEY=" + demoKey,
	}
	for name, variable := range map[string]string{"demo-dlq": "DLQDESK_QUEUE__DLQ_URL", "demo-processing": "DLQDESK_QUEUE__PROCESSING_URL"} {
		made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			return fmt.Errorf("make queue %s: %w", name, err)
		}
		c.environ = append(c.environ, variable+"="+aws.ToString(made.QueueUrl))
	}
	return nil
}

func (c *child) awaitPort(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return errors.New("the SQS server did not come up within 30 s")
		case err := <-c.ended:
			return fmt.Errorf("the SQS server ended: %w", err)
		case <-tick.C:
		}
	}
}

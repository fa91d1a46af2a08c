package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	region = "eu-central-1"
	key    = "demo" // the server takes any

	// endWithDemo makes a Node process end when its standard input does, so that it does not outlive a demo that was
	// killed.
	endWithDemo = `data:text/javascript,process.stdin.resume().on("end",()=>process.exit())`

	// onLoopback makes a Node process listen on this machine alone: the server itself would listen on all addresses.
	onLoopback = `data:text/javascript,import{Server}from"node:net";const{listen}=Server.prototype;` +
		`Server.prototype.listen=function(at,...rest){` +
		`if(at&&at.port!==undefined)at={...at,host:"127.0.0.1"};return/**/listen.call(this,at,...rest)}`
)

// startSQS starts an SQS server with the queues of the demo and returns the environment variables that point dlqdesk
// to them.
func startSQS(ctx context.Context, o Options) (server *process, variables []string, err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, fmt.Errorf("find a free port: %w", err)
	}
	environ := append(slices.Clone(o.Environ), "FAUXQS_PORT="+port, "FAUXQS_LOGGER=false")
	server, err = start(ctx, io.Discard, o.Err, environ, "the SQS server", "node",
		"--import", endWithDemo, "--import", onLoopback, o.SQSServer)
	if err != nil {
		return nil, nil, err
	}
	if variables, err = makeQueues(server, address); err != nil {
		server.stop()
		return nil, nil, err
	}
	return server, variables, nil
}

func freeAddress(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func makeQueues(server *process, address string) (variables []string, err error) {
	ctx, cancel := context.WithTimeout(server.alive, startLimit)
	defer cancel()
	if err := awaitPort(ctx, address); err != nil {
		return nil, err
	}
	endpoint := "http://" + address
	client := sqs.New(
		sqs.Options{
			Region:       region,
			BaseEndpoint: &endpoint,
			Credentials:  credentials.NewStaticCredentialsProvider(key, key, ""),
		},
	)
	variables = []string{
		"AWS_ENDPOINT_URL_SQS=" + endpoint, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + key,
		"AWS_SECRET_ACCESS_KEY=" + key,
	}
	for _, q := range []struct{ name, variable string }{
		{"webhooks-dlq", "SQS_DLQ_URL"}, {"webhooks", "DLQDESK_QUEUE__PROCESSING_URL"},
	} {
		made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &q.name})
		if err != nil {
			return nil, fmt.Errorf("make queue %s: %w", q.name, err)
		}
		variables = append(variables, q.variable+"="+aws.ToString(made.QueueUrl))
	}
	return variables, nil
}

func awaitPort(ctx context.Context, address string) error {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if !pause(ctx, startPoll) {
			return fmt.Errorf("the SQS server does not answer: %w", context.Cause(ctx))
		}
	}
}

// withoutSettings returns the environment without variables that would lead the demo elsewhere: what configures
// dlqdesk, and above all queues and credentials that are real.
func withoutSettings(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(setting string) bool {
		return strings.HasPrefix(setting, "DLQDESK_") || strings.HasPrefix(setting, "SQS_") ||
			strings.HasPrefix(setting, "AWS_") ||
			strings.HasPrefix(setting, "PORT=")
	})
}

package queue

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A request for a FIPS, dual-stack or VPC endpoint goes to that host, others to the endpoint of their region.
func TestSpecialEndpointsAreCalled(t *testing.T) {
	t.Parallel()
	const vpce = "https://vpce-1-2.sqs.us-west-2.vpce.amazonaws.com"
	for host, want := range map[string]string{
		vpce: vpce,
		"https://sqs-fips.us-gov-west-1.amazonaws.com": "https://sqs-fips.us-gov-west-1.amazonaws.com",
		"https://sqs.eu-west-1.api.aws":                "https://sqs.eu-west-1.api.aws",
		"https://sqs.eu-west-1.amazonaws.com":          "",
		"https://eu-west-1.queue.amazonaws.com":        "",
		"https://queue.amazonaws.com":                  "",
		"http://localhost:4566":                        "",
	} {
		u, err := url.Parse(host + "/1/q")
		if err != nil {
			t.Fatal(err)
		}
		var o sqs.Options
		endpointOf(u).address(&o, u)
		if got := aws.ToString(o.BaseEndpoint); got != want {
			t.Errorf("%s is called at %q", host, got)
		}
		configured := sqs.Options{BaseEndpoint: aws.String("http://127.0.0.1:1")}
		if endpointOf(u).address(&configured, u); *configured.BaseEndpoint != "http://127.0.0.1:1" {
			t.Errorf("%s overrides a configured endpoint", host)
		}
	}
}

// A redrive goes to the region and the endpoint of its queue, whatever those of the DLQ are.
func TestRedriveIsSignedForTheRegionOfItsQueue(t *testing.T) {
	t.Parallel()
	const vpce, fips = "https://vpce-1-2.sqs.us-west-2.vpce.amazonaws.com", "https://sqs-fips.us-east-2.amazonaws.com"
	for _, c := range []struct{ dlq, to, region, endpoint string }{
		{"https://sqs.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com", "given", ""},
		{"https://sqs.eu-west-1.amazonaws.com", "https://queue.amazonaws.com", "us-east-1", ""},
		{"https://sqs.eu-west-1.amazonaws.com", fips, "us-east-2", fips},
		{vpce, "https://sqs.us-west-2.amazonaws.com", "given", vpce},
		{vpce, "https://sqs.us-east-2.amazonaws.com", "us-east-2", ""},
		{vpce, vpce, "given", vpce},
		{"http://localhost:4566", "http://localhost:4566", "given", ""},
	} {
		o := sqs.Options{Region: "given"}
		own, err := url.Parse(c.dlq + "/1/q")
		if err != nil {
			t.Fatal(err)
		}
		endpointOf(own).address(&o, own)
		sendTo(own.String(), c.to+"/1/r")(&o)
		if o.Region != c.region || aws.ToString(o.BaseEndpoint) != c.endpoint {
			t.Errorf("from %s to %s: signed for %s at %s", c.dlq, c.to, o.Region, aws.ToString(o.BaseEndpoint))
		}
	}
}

package queue

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// awsDomains are the domains of SQS in the partitions of AWS, and the partition's first region, which a legacy URL
// without a region means. Sources: "Amazon SQS endpoints and quotas" in the AWS General Reference, and partitions.json
// of the SDKs.
var awsDomains = []struct{ domain, region string }{
	{".amazonaws.com", "us-east-1"},
	{".api.aws", "us-east-1"}, // dual-stack
	{".amazonaws.com.cn", "cn-north-1"},
	{".api.amazonwebservices.com.cn", "cn-north-1"},
	{".amazonaws.eu", "eusc-de-east-1"},
	{".api.amazonwebservices.eu", "eusc-de-east-1"},
	{".c2s.ic.gov", "us-iso-east-1"},
	{".api.aws.ic.gov", "us-iso-east-1"},
	{".sc2s.sgov.gov", "us-isob-east-1"},
	{".api.aws.scloud", "us-isob-east-1"},
	{".cloud.adc-e.uk", "eu-isoe-west-1"},
	{".api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
	{".csp.hci.ic.gov", "us-isof-south-1"},
	{".api.aws.hci.ic.gov", "us-isof-south-1"},
}

var regionName = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]+$`)

// endpoint is the part of a queue's URL before its path.
type endpoint struct {
	region  string // that requests are signed for; "": the URL does not say
	special bool   // FIPS, dual-stack or a VPC endpoint: requests must go to this host
}

// endpointOf reads the documented forms of queue URLs:
//
//	sqs.eu-west-1.amazonaws.com              regional; sqs-fips.… for FIPS
//	sqs.eu-west-1.api.aws                    dual-stack
//	vpce-1a-2b.sqs.eu-west-1.vpce.amazonaws.com
//	eu-west-1.queue.amazonaws.com            legacy; queue.amazonaws.com is the first region
func endpointOf(queueURL *url.URL) endpoint {
	host := strings.TrimSuffix(strings.ToLower(queueURL.Hostname()), ".")
	for _, d := range awsDomains {
		rest, ok := strings.CutSuffix(host, d.domain)
		if !ok {
			continue
		}
		labels := strings.Split(rest, ".")
		if rest == "queue" {
			return endpoint{region: d.region}
		}
		if len(labels) == 2 && labels[1] == "queue" && regionName.MatchString(labels[0]) {
			return endpoint{region: labels[0]}
		}
		i := slices.IndexFunc(labels, func(l string) bool { return l == "sqs" || l == "sqs-fips" })
		if i >= 0 && i+1 < len(labels) && regionName.MatchString(labels[i+1]) {
			dual := strings.HasPrefix(d.domain, ".api.")
			return endpoint{region: labels[i+1], special: dual || labels[i] == "sqs-fips" || len(labels) > 2}
		}
	}
	return endpoint{}
}

// address makes a client call the host of a queue's URL if that is a special endpoint. A configured endpoint goes
// first.
func (e endpoint) address(o *sqs.Options, queueURL *url.URL) {
	if e.special && o.BaseEndpoint == nil {
		o.BaseEndpoint = aws.String(queueURL.Scheme + "://" + queueURL.Host)
	}
}

// sendTo makes a client of the queue own call for another queue, which may be in another region.
func sendTo(own, other string) func(*sqs.Options) {
	return func(o *sqs.Options) {
		ownURL, err := url.Parse(own)
		otherURL, otherErr := url.Parse(other)
		if err != nil || otherErr != nil {
			return
		}
		mine, to := endpointOf(ownURL), endpointOf(otherURL)
		elsewhere := to.region != "" && to.region != mine.region
		if elsewhere {
			o.Region = to.region
		}
		// A VPC endpoint may be the only one that this machine reaches, and serves every queue of its region.
		isOwn := mine.special && aws.ToString(o.BaseEndpoint) == ownURL.Scheme+"://"+ownURL.Host
		if isOwn && (elsewhere || to.special) {
			o.BaseEndpoint = nil
		}
		to.address(o, otherURL)
	}
}

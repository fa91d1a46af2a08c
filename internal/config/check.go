package config

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// checkConfig finds settings that contradict each other.
func (r *reader) checkConfig(c Config) {
	r.checkAddresses(c)
	r.checkQueue(c)
	r.checkDLQs(c)
	for _, s := range c.Sources {
		r.checkSource(c, s)
	}
	r.checkPlatforms(c)
	r.checkAlerts(c)
}

// checkSomething requires a source or a queue.
func (r *reader) checkSomething(c Config) {
	if len(c.Sources)+len(c.Queues) == 0 && !r.faulty("sources") {
		r.fault("sources", "there is none: add one below sources:, with its destination, or set "+
			"DLQDESK_SOURCES__NAME__DESTINATION")
	}
}

func (r *reader) checkAddresses(c Config) {
	if c.ConsoleListen != "" && c.ConsoleListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		r.fault("console_listen", "is the address of listen: leave it empty to have both on one address")
	}
	if m := c.MetricsListen; m != "" && (m == c.Listen || m == c.ConsoleListen) && !strings.HasSuffix(m, ":0") {
		r.fault("metrics_listen", "is an address of the receiver or the console: use another one, which neither "+
			"platforms nor browsers reach")
	}
	for _, network := range c.TrustedProxies {
		if network.Bits() == 0 {
			r.warn("trusted_proxies", "trusts every address: any client can then claim another address; name the "+
				"addresses of the proxies alone")
		}
	}
	key, address := "listen", c.Listen
	if c.ConsoleListen != "" {
		key, address = "console_listen", c.ConsoleListen
	}
	encrypted := c.ConsoleListen == "" && c.TLS.On() || strings.HasPrefix(c.PublicURL, "https:")
	if !loopback(address) && !encrypted {
		r.warn(key, "the console is open to other machines without encryption: put TLS in front of it and set "+
			"public_url to its https address")
	}
}

// loopback reports whether only this machine reaches an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (r *reader) checkQueue(c Config) {
	if c.Queue.DLQURL != "" && c.Queue.ProcessingURL == c.Queue.DLQURL {
		r.fault("queue.processing_url", "is the queue of dlq_url: use two queues, or each message would be "+
			"delivered as "+
			"a new webhook")
	}
	if name := c.Queue.DefaultSource; name != "" {
		if _, ok := c.Source(name); !ok {
			r.fault("queue.default_source", "there is no source "+quote(name)+orNear(name, c.SourceNames()))
		}
	}
	if c.Queue.ProcessingURL != "" && !anyBuffered(c) {
		r.warn("queue.processing_url", "no source has mode: buffered, so nothing uses this queue")
	}
}

func anyBuffered(c Config) bool {
	return slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Mode == Buffered })
}

func (r *reader) checkSource(c Config, s Source) {
	at := join("sources", s.Name)
	if s.Retry.Base > s.Retry.Cap && !r.faulty(at+".retry.base") && !r.faulty(at+".retry.cap") {
		base, limit := deadletter.ShortDuration(s.Retry.Base), deadletter.ShortDuration(s.Retry.Cap)
		got := " (got " + base + " and a cap of " + limit + ")"
		r.fault(at+".retry.base", "must not be over cap"+got)
	}
	r.checkWithin(at, "connect_timeout", s.Connect, s.Timeout)
	r.checkWithin(at, "read_timeout", s.Read, s.Timeout)
	r.checkTLS(at+".tls", s)
	if isReceiver(c, s.Destination) {
		r.warn(at+".destination", "is the receiver itself: each webhook would come back as a new one")
	}
	for _, other := range s.Copies {
		r.checkCopyTo(c, s, join(join(at, "destinations"), other.Name)+".url", other.URL)
	}
	r.checkVerify(c, at+".verify", s.Verify)
}

// checkCopyTo refuses a destination for copies at which a copy would be processed as a webhook of production.
func (r *reader) checkCopyTo(c Config, s Source, key, address string) {
	if address == "" {
		return
	}
	if address == s.Destination {
		r.fault(key, "is the destination of the source: copies of its messages must go elsewhere")
	}
	if isReceiver(c, address) {
		r.warn(key, "is the receiver itself: each copy would come back as a new webhook")
	}
}

// isReceiver reports whether an address is one of the receiver.
func isReceiver(c Config, address string) bool {
	to, err := url.Parse(address)
	return err == nil && to.Host == c.Listen && strings.HasPrefix(to.Path, "/webhooks/")
}

// checkWithin refuses the limit of a part of a delivery that is over the limit of the whole.
func (r *reader) checkWithin(at, key string, part, whole time.Duration) {
	if part > whole && !r.faulty(join(at, key)) && !r.faulty(join(at, "timeout")) {
		got := " (got " + deadletter.ShortDuration(part) + " and a timeout of " + deadletter.ShortDuration(whole) + ")"
		r.fault(join(at, key), "must not be over timeout, the limit of the whole delivery"+got)
	}
}

package delivery

import (
	"crypto/tls"
	"crypto/x509"
)

// Trust has the client accept certificates of a test's server.
func (c *Client) Trust(roots *x509.CertPool) {
	c.transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
)

// TLSFiles are the files that a destination's certificate is verified with, and our client certificate.
type TLSFiles struct {
	CA         string // PEM of the authorities to trust instead of the system's; empty: the system's
	Cert, Key  string // PEM of our certificate and its key; both empty: none
	MinVersion uint16 // as crypto/tls numbers them; 0: TLS 1.2
}

// TLS is the content of TLSFiles. Files that change are read again for the next connection. If they cannot be read
// then, the previous content stays.
type TLS struct {
	files TLSFiles
	log   *slog.Logger

	mu     sync.Mutex
	read   string // the state of the files that were read last
	config *tls.Config
}

// NewTLS reads the files. Its error names the faulty one.
func NewTLS(files TLSFiles, log *slog.Logger) (*TLS, error) {
	t := &TLS{files: files, log: log, read: files.state()}
	var err error
	t.config, err = files.load()
	return t, err
}

// current returns the configuration of the files as they are now.
func (t *TLS) current() *tls.Config {
	if t == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	state := t.files.state()
	if state == t.read {
		return t.config.Clone()
	}
	t.read = state
	if config, err := t.files.load(); err == nil {
		t.config = config
		t.log.Info("certificates for a destination were read anew", "ca", t.files.CA, "cert", t.files.Cert)
	} else {
		t.log.Error("changed certificates cannot be used; going on with those from before", "err", err)
	}
	return t.config.Clone()
}

// configFor returns the configuration of one connection. conn records whether the server asked for our certificate.
func (t *TLS) configFor(conn *countedConn, address string) *tls.Config {
	c := t.current()
	c.NextProtos = []string{"h2", "http/1.1"}
	if host, _, err := net.SplitHostPort(address); err == nil {
		c.ServerName = host
	}
	ours := &tls.Certificate{}
	if len(c.Certificates) > 0 {
		ours = &c.Certificates[0]
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		conn.certificateRequested.Store(true)
		return ours, nil
	}
	return c
}

// requestedNote returns a note for the error of a connection that the server refused, if it asked for a certificate.
func (t *TLS) requestedNote(refusal error) string {
	if _, ok := errors.AsType[*certificateRequestedError](refusal); ok {
		return ", which asked for " + t.requestedCertificate()
	}
	return ""
}

// requestedCertificate describes the client certificate that a server asked for.
func (t *TLS) requestedCertificate() string {
	if t == nil || t.files.Cert == "" {
		return "a client certificate (none is configured)"
	}
	return "our certificate"
}

func (f TLSFiles) load() (*tls.Config, error) {
	c := &tls.Config{MinVersion: max(f.MinVersion, tls.VersionTLS12)}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authorities of a destination: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read the authorities of a destination: %s holds no certificate in PEM form", f.CA)
		}
	}
	if f.Cert != "" {
		ours, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("read the certificate %s and its key %s: %w", f.Cert, f.Key, err)
		}
		c.Certificates = []tls.Certificate{ours}
	}
	return c, nil
}

// state returns a text that changes when a file does.
func (f TLSFiles) state() string {
	state := ""
	for _, name := range []string{f.CA, f.Cert, f.Key} {
		if info, err := os.Stat(name); err == nil {
			state += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), "\n")
		} else {
			state += "\n"
		}
	}
	return state
}

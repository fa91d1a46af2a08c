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

// TLSFiles say how a destination is verified, which it always is, and how we prove to it who we are.
type TLSFiles struct {
	CA         string // PEM of the authorities to trust instead of the system's; empty: the system's
	Cert, Key  string // PEM of our certificate and its key; both empty: none
	MinVersion uint16 // as crypto/tls numbers them; 0: TLS 1.2
}

// TLS is what TLSFiles hold. Files that change are read anew for the next connection; what cannot be read then
// changes nothing.
type TLS struct {
	files TLSFiles
	log   *slog.Logger

	mu     sync.Mutex
	read   string // which state of the files was read
	config *tls.Config
}

// NewTLS reads the files. Its error names the one at fault.
func NewTLS(files TLSFiles, log *slog.Logger) (*TLS, error) {
	t := &TLS{files: files, log: log, read: files.state()}
	var err error
	t.config, err = files.load()
	return t, err
}

// current answers what is in the files now.
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

// configFor is for one connection, which notes whether it was asked for a certificate of ours.
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
		conn.asked.Store(true)
		return ours, nil
	}
	return c
}

// shown says what the other side had seen of us when it refused.
func (t *TLS) shown(refusal error) string {
	if _, asked := errors.AsType[*askedError](refusal); asked {
		return ", which asked for " + t.asked()
	}
	return ""
}

// asked is what the other side wanted to see of us.
func (t *TLS) asked() string {
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
			return nil, fmt.Errorf(
				"read the authorities of a destination: %s: %w",
				f.CA,
				errors.New("holds no certificate in PEM form"),
			)
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

// state tells one state of the files from another.
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

package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"dlqdesk/internal/config"
)

// certificates answers what the files of a listener say now: a certificate that is renewed needs no restart.
type certificates struct {
	files config.ListenTLS
	log   *slog.Logger

	mu     sync.Mutex
	stamp  string // of the files that were read last
	loaded *tls.Config
}

// encrypt puts TLS over a listener where it is configured.
func (a *App) encrypt(l net.Listener) (net.Listener, error) {
	if !a.cfg.TLS.On() {
		return l, nil
	}
	c := &certificates{files: a.cfg.TLS, log: a.log}
	c.stamp = c.stampNow()
	var err error
	if c.loaded, err = c.load(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: c.current}), nil
}

// current reads the files again when they have changed. New ones that cannot be used change nothing: they may be half
// written.
func (c *certificates) current(*tls.ClientHelloInfo) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp := c.stampNow()
	if stamp == c.stamp {
		return c.loaded, nil
	}
	c.stamp = stamp
	fresh, err := c.load()
	if err != nil {
		c.log.Warn("the new certificate cannot be used; the one before it stays", "err", err)
		return c.loaded, nil
	}
	c.log.Info("the certificate was read anew")
	c.loaded = fresh
	return fresh, nil
}

func (c *certificates) stampNow() string {
	stamp := ""
	for _, file := range []string{c.files.CertFile, c.files.KeyFile, c.files.ClientCAFile} {
		if info, err := os.Stat(file); err == nil {
			stamp += fmt.Sprintf("%d %d,", info.ModTime().UnixNano(), info.Size())
		}
	}
	return stamp
}

func (c *certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the listener: %w", err)
	}
	fresh := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if c.files.ClientCAFile == "" {
		return fresh, nil
	}
	text, err := os.ReadFile(c.files.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read tls.client_ca_file: %w", err)
	}
	fresh.ClientCAs = x509.NewCertPool()
	if !fresh.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls.client_ca_file %s holds no certificate", c.files.ClientCAFile)
	}
	// Each source says by itself whether it wants a certificate; browsers have none.
	fresh.ClientAuth = tls.VerifyClientCertIfGiven
	return fresh, nil
}

// scheme is https where the listener of webhooks has a certificate.
func (a *App) scheme() string {
	if a.cfg.TLS.On() {
		return "https://"
	}
	return "http://"
}

// consoleScheme is that of the listener which serves the desk.
func (a *App) consoleScheme() string {
	if a.cfg.ConsoleListen == "" {
		return a.scheme()
	}
	return "http://"
}

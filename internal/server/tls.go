package server

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

// certificates reads the files of a listener again when they change: a renewed certificate needs no restart.
type certificates struct {
	files func() config.ListenTLS // of the moment
	log   *slog.Logger

	mu     sync.Mutex
	stamp  string // names, times and sizes of the files as read last
	loaded *tls.Config
}

// encrypt puts TLS over a listener.
func encrypt(l net.Listener, files func() config.ListenTLS, log *slog.Logger) (net.Listener, error) {
	c := &certificates{files: files, log: log}
	c.stamp = c.currentStamp()
	var err error
	if c.loaded, err = c.load(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: c.current}), nil
}

// current reads the files again if they have changed. Files that cannot be used are ignored: they may be half written.
func (c *certificates) current(*tls.ClientHelloInfo) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp := c.currentStamp()
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

func (c *certificates) currentStamp() string {
	stamp, files := "", c.files()
	for _, file := range []string{files.CertFile, files.KeyFile, files.ClientCAFile} {
		if info, err := os.Stat(file); err == nil {
			stamp += fmt.Sprintf("%s %d %d,", file, info.ModTime().UnixNano(), info.Size())
		}
	}
	return stamp
}

func (c *certificates) load() (*tls.Config, error) {
	files := c.files()
	pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the listener: %w", err)
	}
	fresh := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if files.ClientCAFile == "" {
		return fresh, nil
	}
	text, err := os.ReadFile(files.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("read tls.client_ca_file: %w", err)
	}
	fresh.ClientCAs = x509.NewCertPool()
	if !fresh.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls.client_ca_file %s holds no certificate", files.ClientCAFile)
	}
	// Each source decides whether it demands a certificate; browsers have none.
	fresh.ClientAuth = tls.VerifyClientCertIfGiven
	return fresh, nil
}

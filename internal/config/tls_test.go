package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
)

// pair writes a certificate and its key.
func pair(t *testing.T, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "CERTIFICATE", signed), file(t, "PRIVATE KEY", sealed)
}

func file(t *testing.T, kind string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The error names the file and its fault before a listener starts.
func TestTLSFilesAreChecked(t *testing.T) {
	t.Parallel()
	cert, key := pair(t, time.Now().Add(time.Hour))
	old, oldKey := pair(t, time.Now().Add(-time.Hour))
	locked := file(t, "ENCRYPTED PRIVATE KEY", []byte("x"))
	for name, c := range map[string]struct{ cert, key, fault, warning string }{
		"right":   {cert, key, "", ""},
		"expired": {old, oldKey, "", "the certificate has expired on "},
		"another key": {
			cert, oldKey, "TLS__KEY_FILE: is not the key of cert_file: private key does not match public key", "",
		},
		"turned": {key, cert, "TLS__CERT_FILE: " + key + " contains no certificate", ""},
		"locked": {cert, locked, "TLS__KEY_FILE: " + locked + " contains no unencrypted private key", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := config.Load("", []string{
				"DLQDESK_SOURCES__A__DESTINATION=https://127.0.0.1", "DLQDESK_SOURCES__A__TLS__CA_FILE=" + cert,
				"DLQDESK_SOURCES__A__TLS__CERT_FILE=" + c.cert, "DLQDESK_SOURCES__A__TLS__KEY_FILE=" + c.key,
			})
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: %v", name, err)
				}
				return
			}
			if err != nil || got.Sources[0].TLS.CertFile != c.cert ||
				!strings.Contains(strings.Join(got.Warnings, "\n"), c.warning) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
}

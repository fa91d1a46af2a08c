package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"time"
)

// checkTLS reads the files that a destination's TLS needs, so that a fault shows here and not at the first webhook.
func (r *reader) checkTLS(at string, s Source) {
	if s.TLS == (TLS{MinVersion: tls.VersionTLS12}) {
		return
	}
	if strings.HasPrefix(s.Destination, "http:") {
		r.warn(at, "counts for nothing: the destination is reached by http")
	}
	if s.TLS.CAFile != "" {
		r.checkAuthorities(at+".ca_file", s.TLS.CAFile)
	}
	switch {
	case s.TLS.CertFile != "" && s.TLS.KeyFile != "":
		r.checkOurs(at, s.TLS.CertFile, s.TLS.KeyFile, "the destination")
	case s.TLS.CertFile != "":
		r.fault(at+".cert_file", "needs its key: set key_file as well")
	case s.TLS.KeyFile != "":
		r.fault(at+".key_file", "needs its certificate: set cert_file as well")
	}
}

func (r *reader) checkAuthorities(path, name string) {
	text, ok := r.readPEM(path, name)
	if !ok {
		return
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.fault(path, quote(name)+" holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----")
	}
}

// checkOurs returns which of the two files is wrong, never what is in them. other is who gets to see the certificate.
func (r *reader) checkOurs(at, certFile, keyFile, other string) {
	certificate, hasCertificate := r.readPEM(at+".cert_file", certFile)
	key, hasKey := r.readPEM(at+".key_file", keyFile)
	if !hasCertificate || !hasKey {
		return
	}
	pair, err := tls.X509KeyPair(certificate, key)
	switch {
	case err == nil && pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter):
		r.warn(
			at+".cert_file",
			"the certificate has expired on "+pair.Leaf.NotAfter.UTC().
				Format("2 January 2006")+
				": "+other+" will refuse it",
		)
	case err == nil:
	case !holds(certificate, "CERTIFICATE"):
		r.fault(
			at+".cert_file",
			quote(certFile)+" holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----",
		)
	case !holds(key, "PRIVATE KEY"):
		r.fault(
			at+".key_file",
			quote(
				keyFile,
			)+" holds no private key in PEM form, which begins with -----BEGIN PRIVATE KEY----- and is not encrypted",
		)
	default:
		r.fault(at+".key_file", "is not the key of cert_file: "+strings.TrimPrefix(err.Error(), "tls: "))
	}
}

// holds reports whether a PEM text has a block of a kind.
func holds(text []byte, kind string) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, kind) && block.Type != "ENCRYPTED "+kind {
			return true
		}
	}
	return false
}

func (r *reader) readPEM(path, name string) ([]byte, bool) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxFile {
		err = errors.New("it is over 1MiB")
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(name) //nolint:gosec // the operator names the file
	}
	if err != nil {
		r.fault(path, quote(name)+" "+cannotRead(err).Error())
		return nil, false
	}
	return text, true
}

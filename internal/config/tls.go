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

// checkTLS reads the files of a destination's TLS, so that a fault shows at the start and not at the first webhook.
func (r *reader) checkTLS(at string, s Source) {
	if s.TLS == (TLS{MinVersion: tls.VersionTLS12}) {
		return
	}
	if strings.HasPrefix(s.Destination, "http:") {
		r.warn(at, "has no effect: the destination is an http URL")
	}
	if s.TLS.CAFile != "" {
		r.checkAuthorities(at+".ca_file", s.TLS.CAFile)
	}
	r.checkKeyPair(at, s.TLS.CertFile, s.TLS.KeyFile, "the destination")
}

const (
	noCertificate = " contains no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----"
	noKey         = " contains no unencrypted private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----"
)

func (r *reader) checkAuthorities(path, name string) {
	text, ok := r.readPEM(path, name)
	if !ok {
		return
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.fault(path, quote(name)+noCertificate)
	}
}

// checkKeyPair reports which of two files is wrong or missing, never their contents. Both may be unset. peer is the one
// that sees the certificate.
func (r *reader) checkKeyPair(at, certFile, keyFile, peer string) {
	switch {
	case certFile == "" && keyFile == "":
		return
	case keyFile == "":
		r.fault(at+".cert_file", "needs its key: set key_file as well")
		return
	case certFile == "":
		r.fault(at+".key_file", "needs its certificate: set cert_file as well")
		return
	}
	certificate, hasCertificate := r.readPEM(at+".cert_file", certFile)
	key, hasKey := r.readPEM(at+".key_file", keyFile)
	if !hasCertificate || !hasKey {
		return
	}
	pair, err := tls.X509KeyPair(certificate, key)
	switch {
	case err == nil && pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter):
		expired := pair.Leaf.NotAfter.UTC().Format("2 January 2006")
		r.warn(at+".cert_file", "the certificate has expired on "+expired+": "+peer+" will refuse it")
	case err == nil:
	case !hasBlock(certificate, "CERTIFICATE"):
		r.fault(at+".cert_file", quote(certFile)+noCertificate)
	case !hasBlock(key, "PRIVATE KEY"):
		r.fault(at+".key_file", quote(keyFile)+noKey)
	default:
		r.fault(at+".key_file", "is not the key of cert_file: "+strings.TrimPrefix(err.Error(), "tls: "))
	}
}

// hasBlock reports whether a PEM text has a block of a kind.
func hasBlock(text []byte, kind string) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, kind) && block.Type != "ENCRYPTED "+kind {
			return true
		}
	}
	return false
}

func (r *reader) readPEM(path, name string) ([]byte, bool) {
	if r.dataOnly {
		return nil, false
	}
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

func readListenTLS(s *section) ListenTLS {
	t := ListenTLS{
		CertFile:     setting(s, "cert_file", "", parseText),
		KeyFile:      setting(s, "key_file", "", parseText),
		ClientCAFile: setting(s, "client_ca_file", "", parseText),
	}
	s.reader.checkKeyPair(s.path, t.CertFile, t.KeyFile, "every platform")
	if t.CertFile == "" && t.KeyFile == "" && t.ClientCAFile != "" {
		s.reader.fault(join(s.path, "client_ca_file"),
			"needs a listener with a certificate of its own: set cert_file and key_file as well")
	}
	if t.ClientCAFile != "" {
		s.reader.checkAuthorities(join(s.path, "client_ca_file"), t.ClientCAFile)
	}
	return t
}

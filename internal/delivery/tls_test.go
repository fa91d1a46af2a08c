package delivery_test

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

func TestOwnAuthorityWithHTTP2(t *testing.T) {
	t.Parallel()
	a := desktest.NewAuthority(t)
	url, requests := secure(
		t, &tls.Config{Certificates: []tls.Certificate{a.Issue(t, time.Hour)}, MinVersion: tls.VersionTLS12},
		ok,
	)
	there := to(url)
	there.TLS = trusting(t, a.Certificate)
	if got := setup(t).Send(t.Context(), there, request("x", nil)); got.Outcome != deadletter.Delivered {
		t.Fatalf("attempt %+v", got)
	}
	if r := <-requests; r.ProtoMajor != 2 || r.body != "x" {
		t.Errorf("it arrived by %s as %q", r.Proto, r.body)
	}
}

// A certificate that does not hold is named for what it is, and nothing is sent.
func TestCertificateIsAlwaysVerified(t *testing.T) {
	t.Parallel()
	a, other := desktest.NewAuthority(t), desktest.NewAuthority(t)
	for name, c := range map[string]struct {
		shows   tls.Certificate
		trusted *x509.Certificate
		reason  string
	}{
		"of another authority": {a.Issue(t, time.Hour), other.Certificate, "its authority is unknown"},
		"that has expired":     {a.Issue(t, -time.Hour), a.Certificate, "it has expired"},
		"for another name":     {a.Issue(t, time.Hour, "elsewhere.example"), a.Certificate, "it is for another name"},
	} {
		t.Run(name, func(t *testing.T) {
			url, requests := secure(
				t, &tls.Config{Certificates: []tls.Certificate{c.shows}, MinVersion: tls.VersionTLS12}, ok,
			)
			there := to(url)
			there.TLS = trusting(t, c.trusted)
			got := setup(t).Send(t.Context(), there, request("x", nil))
			if want := "TLS: the certificate of " + strings.TrimPrefix(
				url, "https://",
			) + " is not valid: " + c.reason; got.Outcome != deadletter.Unreachable ||
				got.Error != want {
				t.Errorf("a certificate %s: %+v", name, got)
			}
			if len(requests) != 0 {
				t.Errorf("a certificate %s: something was sent", name)
			}
		})
	}
}

func TestClientCertificateIsPresented(t *testing.T) {
	t.Parallel()
	a, other := desktest.NewAuthority(t), desktest.NewAuthority(t)
	none := delivery.TLSFiles{CA: desktest.PEMFile(t, "CERTIFICATE", a.Certificate.Raw)}
	strange := files(t, a, other.Issue(t, time.Hour))
	for name, c := range map[string]struct {
		files  delivery.TLSFiles
		reason string
	}{
		"right": {files(t, a, a.Issue(t, time.Hour)), ""},
		"none":  {none, "asked for a client certificate (none is configured): "},
		"wrong": {strange, "asked for our certificate: "},
	} {
		t.Run(name, func(t *testing.T) {
			for version, most := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
				for protocol, protocols := range map[string][]string{"HTTP/1.1": {"http/1.1"}, "HTTP/2": {"h2"}} {
					url, requests := secure(t, &tls.Config{
						Certificates: []tls.Certificate{
							a.Issue(t, time.Hour),
						},
						ClientCAs:  a.Pool(),
						ClientAuth: tls.RequireAndVerifyClientCert,
						MinVersion: tls.VersionTLS12,
						MaxVersion: most,
						NextProtos: protocols,
					}, ok)
					there := to(url)
					there.TLS = read(t, c.files)
					got := setup(t).Send(t.Context(), there, request("x", nil))
					if c.reason == "" {
						if got.Outcome != deadletter.Delivered || (<-requests).Proto[:6] != protocol[:6] {
							t.Errorf("%s, TLS %s, %s: %+v", name, version, protocol, got)
						}
						continue
					}
					// In TLS 1.3 the connection may end before the reason is read; then the outcome is unknown.
					refused := got.Outcome == deadletter.Unreachable ||
						got.Outcome == deadletter.Unknown && version == "1.3"
					if !refused || !strings.Contains(got.Error, c.reason) || len(requests) != 0 {
						t.Errorf("%s, TLS %s, %s: %+v", name, version, protocol, got)
					}
				}
			}
		})
	}
}

func TestOlderTLSIsRefused(t *testing.T) {
	t.Parallel()
	a := desktest.NewAuthority(t)
	url, _ := secure(
		t,
		&tls.Config{
			Certificates: []tls.Certificate{a.Issue(t, time.Hour)},
			MinVersion:   tls.VersionTLS12,
			MaxVersion:   tls.VersionTLS12,
		},
		ok,
	)
	files := delivery.TLSFiles{CA: desktest.PEMFile(t, "CERTIFICATE", a.Certificate.Raw)}
	for least, want := range map[uint16]deadletter.Outcome{
		0: deadletter.Delivered, tls.VersionTLS12: deadletter.Delivered, tls.VersionTLS13: deadletter.Unreachable,
	} {
		t.Run(tls.VersionName(least), func(t *testing.T) {
			files.MinVersion = least
			there := to(url)
			there.TLS = read(t, files)
			got := setup(t).Send(t.Context(), there, request("x", nil))
			if got.Outcome != want || want == deadletter.Unreachable && !strings.HasPrefix(got.Error, "TLS: ") {
				t.Errorf("at least %x: %+v", least, got)
			}
		})
	}
}

// A certificate is renewed while the program runs; half a file in between changes nothing.
func TestChangedCertificatesAreReloaded(t *testing.T) {
	t.Parallel()
	a, next := desktest.NewAuthority(t), desktest.NewAuthority(t)
	url, _ := secure(
		t, &tls.Config{Certificates: []tls.Certificate{a.Issue(t, time.Hour)}, MinVersion: tls.VersionTLS12},
		ok,
	)
	path := desktest.PEMFile(t, "CERTIFICATE", next.Certificate.Raw)
	there := to(url)
	there.TLS = read(t, delivery.TLSFiles{CA: path})
	right, err := os.ReadFile(desktest.PEMFile(t, "CERTIFICATE", a.Certificate.Raw))
	if err != nil {
		t.Fatal(err)
	}
	client := setup(t)
	for i, step := range []struct {
		content []byte
		want    deadletter.Outcome
	}{
		{nil, deadletter.Unreachable},
		{right, deadletter.Delivered},
		{right[:100], deadletter.Delivered},
		{right, deadletter.Delivered},
	} {
		if step.content != nil {
			if err := os.WriteFile(path, step.content, 0o600); err != nil {
				t.Fatal(err)
			}
			later := time.Now().Add(time.Duration(i) * time.Minute)
			if err := os.Chtimes(path, later, later); err != nil {
				t.Fatal(err)
			}
		}
		client.Close() // what is connected stays so
		if got := client.Send(t.Context(), there, request("x", nil)); got.Outcome != step.want {
			t.Errorf("step %d: %+v", i, got)
		}
	}
}

func TestUnusableCertificateFiles(t *testing.T) {
	t.Parallel()
	a := desktest.NewAuthority(t)
	whole, other := files(t, a, a.Issue(t, time.Hour)), files(t, a, a.Issue(t, time.Hour))
	for name, files := range map[string]delivery.TLSFiles{
		"missing":      {CA: filepath.Join(t.TempDir(), "none.pem")},
		"no authority": {CA: whole.Key},
		"another key":  {Cert: whole.Cert, Key: other.Key},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := delivery.NewTLS(files, slog.New(slog.DiscardHandler)); err == nil ||
				!strings.Contains(err.Error(), files.CA+files.Cert) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

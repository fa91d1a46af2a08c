package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"errors"
	"fmt"
	"hash"
	"strings"

	"dlqdesk/internal/redact"
)

// key makes and checks signatures.
type key interface {
	prefix() string // of its signatures
	sign(c content) ([]byte, error)
	checker(c content) func(signature []byte) bool
}

// hmacKey is a shared secret.
type hmacKey struct {
	before string
	hash   func() hash.Hash
	secret []byte
}

func (k hmacKey) prefix() string { return k.before }

func (k hmacKey) sign(c content) ([]byte, error) {
	mac := hmac.New(k.hash, k.secret)
	c.writeTo(mac)
	return mac.Sum(nil), nil
}

// checker returns a check of signatures. It reads the body once.
func (k hmacKey) checker(c content) func([]byte) bool {
	mac := hmac.New(k.hash, k.secret)
	c.writeTo(mac)
	want := mac.Sum(nil)
	return func(got []byte) bool { return hmac.Equal(got, want) }
}

// edKey is an Ed25519 key pair, or only its public key.
type edKey struct {
	before  string
	public  ed25519.PublicKey
	private ed25519.PrivateKey // nil: it only checks
}

func (k edKey) prefix() string { return k.before }

func (k edKey) sign(c content) ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("the first secret of the source is a public key, which cannot sign")
	}
	return ed25519.Sign(k.private, c.whole()), nil
}

func (k edKey) checker(c content) func([]byte) bool {
	message := c.whole()
	return func(got []byte) bool { return ed25519.Verify(k.public, message, got) }
}

func (c content) whole() []byte {
	var out bytes.Buffer
	c.writeTo(&out)
	return out.Bytes()
}

// newKeys reads the secrets of a rule.
func newKeys(r rule, secrets []redact.Secret) (keys []key, faults []Fault) {
	for i, s := range secrets {
		k, err := newKey(r, s.Reveal())
		if err != nil {
			faults = append(faults, Fault{fmt.Sprintf("secrets[%d]", i), err.Error()})
			continue
		}
		keys = append(keys, k)
	}
	return keys, faults
}

func newKey(r rule, secret string) (key, error) {
	if secret == "" {
		return nil, errors.New("must not be empty")
	}
	raw := []byte(secret)
	var err error
	switch r.secretEncoding {
	case standardSecret:
		if k, ok, err := newEdKey(secret); ok {
			return k, err
		}
		raw, err = decodeBase64(strings.TrimPrefix(secret, "whsec_"))
	case Base64:
		raw, err = decodeBase64(secret)
	case Raw, "":
	default:
		return nil, errors.New("cannot be read: secret_encoding must be raw or base64")
	}
	if err != nil || len(raw) == 0 {
		return nil, errors.New("must be base64 (with whsec_, whpk_ or whsk_ before it for standard-webhooks)")
	}
	return hmacKey{r.prefix, hashOf(r.algorithm), raw}, nil
}

// newEdKey reads whpk_ (public) and whsk_ (private) keys of Standard Webhooks. ok reports whether the secret is one.
func newEdKey(secret string) (k edKey, ok bool, err error) {
	k.before = "v1a,"
	if public, found := strings.CutPrefix(secret, "whpk_"); found {
		raw, err := decodeBase64(public)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return k, true, errors.New("must be a whole Ed25519 public key: 32 bytes in base64 after whpk_")
		}
		k.public = raw
		return k, true, nil
	}
	private, found := strings.CutPrefix(secret, "whsk_")
	if !found {
		return k, false, nil
	}
	raw, err := decodeBase64(private)
	if err != nil || len(raw) != ed25519.SeedSize && len(raw) != ed25519.PrivateKeySize {
		return k, true, errors.New("must be a whole Ed25519 private key: 32 or 64 bytes in base64 after whsk_")
	}
	k.private = ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	k.public, _ = k.private.Public().(ed25519.PublicKey)
	return k, true, nil
}

package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

// TestHideFindsASecretWhereverItStands walks the forms of a secret at every offset of a text: what is looked at
// cheaply must not be taken for harmless.
func TestHideFindsASecretWhereverItStands(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"s3cret", "two words-of it", "Größe/12+3", `q"uo\te<&>%41`} {
		secrets := redact.New(redact.Options{}).Secrets(deadletter.Headers{"X-Token": {secret}}, "", nil)
		forms := []string{
			secret, strings.ReplaceAll(secret, " ", "\n  "), strings.ReplaceAll(secret, " ", "+"),
			url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%q", secret), fmt.Sprintf("%+q", secret),
			strings.ReplaceAll(secret, "&", "&amp;"),
		}
		for offset := range 4 {
			for _, text := range []string{secret, "user:" + secret, secret + " and more"} {
				text = strings.Repeat("é", offset)[:offset] + text
				forms = append(forms, base64.StdEncoding.EncodeToString([]byte(text)),
					base64.RawURLEncoding.EncodeToString([]byte(text)), "a"+hex.EncodeToString([]byte(text)),
					strings.ToUpper(hex.EncodeToString([]byte(text))))
			}
		}
		for _, form := range forms {
			for _, text := range []string{form, "before " + form + " after", "(" + form + ")"} {
				if shown := string(secrets.Hide([]byte(text), false)); !strings.Contains(shown, redact.Mask) {
					t.Errorf("secret %q in %q is shown", secret, text)
				}
			}
			if cut := form[:len(form)-1]; len(form) == len(secret) && len(cut) > 4 {
				if shown := string(secrets.Hide([]byte("cut "+cut), true)); !strings.Contains(shown, redact.Mask) {
					t.Errorf("the beginning of %q at the end of %q is shown", secret, "cut "+cut)
				}
			}
		}
	}
}

// In Latin-1 a secret has fewer bytes than in UTF-8.
func TestHideFindsASecretInBase64OfLatin1(t *testing.T) {
	t.Parallel()
	secrets := redact.New(redact.Options{}).Secrets(deadletter.Headers{"X-Token": {"äöüßÄÖÜ"}}, "", nil)
	text := base64.StdEncoding.EncodeToString([]byte("\xe4\xf6\xfc\xdf\xc4\xd6\xdc%21"))
	if shown := string(secrets.Hide([]byte(text), false)); shown != redact.Mask {
		t.Errorf("a secret in Latin-1 is shown in base64: %s", shown)
	}
}

func TestHideLeavesATextWithoutSecrets(t *testing.T) {
	t.Parallel()
	secrets := redact.New(redact.Options{}).Secrets(deadletter.Headers{"Authorization": {"Bearer s3cret"}}, "", nil)
	const text = `{"error":"the CRM is down","conversation":"c0ffee00"}`
	if shown := string(secrets.Hide([]byte(text), true)); shown != text {
		t.Errorf("shown %s, want %s", shown, text)
	}
}

func TestAHeaderIsSecretByItsRules(t *testing.T) {
	t.Parallel()
	rules := redact.New(redact.Options{Headers: []string{"X-Customer"}, Except: []string{"signature"}})
	for name, want := range map[string]bool{
		"X-Customer": true, "X-Token": true, "X-1-Token": true, "X-1": false, "Signature": false, "Accept": false,
	} {
		if got := rules.IsSecretHeader(name); got != want {
			t.Errorf("header %s is secret: %v, want %v", name, got, want)
		}
	}
	if rules.Show("X-Customer").IsSecretHeader("X-Customer") {
		t.Error("a header that a person may see is masked")
	}
}

package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"sync"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

const (
	maxSMTPAnswers = 256 << 10 // bytes read of a mail server

	// submissionsPort is the port on which TLS comes first, without STARTTLS (RFC 8314).
	submissionsPort = 465
)

// Email sends by a mail server, encrypted.
type Email struct {
	server   config.SMTP
	host     string
	port     int
	implicit bool // TLS comes first, without STARTTLS
	to       []string
	domain   string         // of the sender: that of our message ids
	secrets  redact.Secrets // what an answer of the server must not repeat to people
	tls      *tls.Config
}

// NewEmail returns a sink for addresses. roots are the authorities that a mail server's certificate may be of; nil:
// those of the system. Its error is about the addresses of people or that of the server.
func NewEmail(server config.SMTP, to []string, roots *x509.CertPool) (Email, error) {
	host, port, err := net.SplitHostPort(server.Address)
	if err != nil {
		return Email{}, fmt.Errorf("the address of the mail server is not host:port: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return Email{}, errors.New("the port of the mail server is no number")
	}
	from, err := mail.ParseAddress(server.From)
	if err != nil {
		return Email{}, fmt.Errorf("the sender is no address: %w", err)
	}
	if err := gomail.NewMsg().To(to...); err != nil {
		return Email{}, fmt.Errorf("a recipient is no address: %w", err)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	known := redact.New(redact.Options{Known: []string{server.Password.Reveal()}})
	return Email{
		server: server, host: host, port: number, implicit: number == submissionsPort, to: to, domain: domain,
		secrets: known.Secrets(nil, "", nil),
		tls:     &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: roots},
	}, nil
}

// Send sends one e-mail to all addresses. Its Message-ID stays the same when it is sent again, and all e-mails of an
// alert refer to one that is never sent, so that readers show them as one conversation.
func (e Email) Send(ctx context.Context, n Notice) error {
	message, err := e.message(n)
	if err != nil {
		return &SendError{Permanent: true, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	conn := &smtpConn{}
	if e.implicit {
		conn.tls = e.tls
	}
	defer conn.close()
	defer context.AfterFunc(ctx, conn.close)() // go-mail writes and reads without the context
	client, err := gomail.NewClient(e.host, e.options(conn)...)
	if err != nil {
		return &SendError{Permanent: true, Err: fmt.Errorf("the mail server cannot be used: %w", err)}
	}
	if err := client.DialAndSendWithContext(ctx, message); err != nil && !message.IsDelivered() {
		return e.errorOf(ctx, err)
	}
	return nil
}

func (e Email) options(conn *smtpConn) []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(e.port), gomail.WithTimeout(sendLimit), gomail.WithTLSConfig(e.tls), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(conn.dial), gomail.WithTLSPolicy(gomail.TLSMandatory),
	}
	user, password := e.server.User, e.server.Password.Reveal()
	if user != "" {
		options = append(options, gomail.WithUsername(user), gomail.WithPassword(password),
			gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
	}
	if e.server.AllowPlain {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if e.implicit {
		options = append(options, gomail.WithSSL())
		if user != "" { // go-mail takes connections that it did not make for plain ones, and discovers nothing
			options = append(options, gomail.WithSMTPAuthCustom(smtp.PlainAuth("", user, password, e.host, false)))
		}
	}
	return options
}

// message returns the e-mail of a notice. What strangers wrote is in its subject, in one line, and in its texts.
func (e Email) message(n Notice) (*gomail.Msg, error) {
	m := gomail.NewMsg()
	if err := cmp.Or(m.From(e.server.From), m.To(e.to...)); err != nil {
		return nil, fmt.Errorf("an address is not usable: %w", err)
	}
	m.Subject(emailSubject(n))
	m.SetDateWithValue(n.At)
	m.SetMessageIDWithValue(e.messageID(n.ID))
	if n.Alert.ID != 0 {
		m.SetGenHeader(gomail.HeaderReferences, "<"+e.messageID(fmt.Sprintf("alert %d %s", n.Alert.ID, n.Desk))+">")
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated") // so that no absence note comes back (RFC 3834)
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	if n.Alert.Severity == deadletter.SeverityCritical && n.Event != deadletter.AlertResolved {
		m.SetImportance(gomail.ImportanceHigh)
	}
	page, err := emailHTML(n)
	if err != nil {
		return nil, err
	}
	m.SetBodyString(gomail.TypeTextPlain, emailText(n))
	m.AddAlternativeString(gomail.TypeTextHTML, page)
	return m, nil
}

// messageID returns the same id for the same name.
func (e Email) messageID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "dlqdesk-" + hex.EncodeToString(sum[:16]) + "@" + e.domain
}

func (e Email) errorOf(ctx context.Context, err error) error {
	var refusal *textproto.Error
	var unsent *gomail.SendError
	text, permanent := "The mail server cannot be reached: "+strings.TrimPrefix(err.Error(), "dial failed: "), false
	switch {
	case ctx.Err() != nil:
		text = fmt.Sprintf("The mail server did not confirm it within %s: it may have arrived",
			deadletter.ShortDuration(sendLimit))
	case errors.As(err, &unsent):
		answer, _, _ := strings.Cut(unsent.Error(), ", affected message ID")
		text, permanent = "The mail server does not take the e-mail: "+answer, isRefusal(unsent.ErrorCode())
	case errors.As(err, &refusal):
		text, permanent = "The mail server refuses us: "+refusal.Error(), isRefusal(refusal.Code)
		if refusal.Code == 535 || refusal.Code == 534 || refusal.Code == 530 {
			text += ". Check the user and the password of alerts.smtp"
		}
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		text = "The mail server offers no STARTTLS: use another of its ports, such as 587 or 465"
	}
	return &SendError{Permanent: permanent, Err: errors.New(oneLine(e.secrets.HideText(text)))}
}

// isRefusal reports whether a code of SMTP says that it is no use to send the same again (RFC 5321 section 4.2.1).
func isRefusal(code int) bool { return code >= 500 && code < 600 }

// smtpConn is the connection of one e-mail: go-mail does not close the one of a failed sign-in, and reads without a
// limit.
type smtpConn struct {
	tls *tls.Config // nil: TLS begins by STARTTLS, or not at all

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

func (s *smtpConn) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn = &limitedConn{conn, io.LimitReader(conn, maxSMTPAnswers)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn = conn; s.closed {
		_ = conn.Close()
	}
	if s.tls == nil {
		return conn, nil
	}
	secured := tls.Client(conn, s.tls)
	return secured, secured.HandshakeContext(ctx)
}

func (s *smtpConn) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed = true; s.conn != nil {
		_ = s.conn.Close()
	}
}

// limitedConn is a connection of which a limited part is read.
type limitedConn struct {
	net.Conn
	reader io.Reader
}

func (c *limitedConn) Read(b []byte) (int, error) { return c.reader.Read(b) }

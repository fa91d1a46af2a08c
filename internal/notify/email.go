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

// Send sends one e-mail to all addresses that the server accepts. Its Message-ID stays the same when it is sent again,
// and all e-mails of an alert refer to one that is never sent, so that readers show them as one conversation.
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
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return e.dialError(ctx, err)
	}
	defer func() { _ = session.Quit() }()
	refused, err := transmit(session, message)
	if err != nil {
		return e.errorOf(ctx, fmt.Errorf("the mail server does not take the e-mail: %w", err), isRefusal(err))
	}
	return e.refusedBy(ctx, refused, len(e.to))
}

// refusal is an address that the server does not accept, and its answer.
type refusal struct {
	address string
	answer  *textproto.Error
}

// transmit sends an e-mail to the addresses that the server accepts. It returns the others.
func transmit(session *smtp.Client, message *gomail.Msg) (refused []refusal, err error) {
	from, err := message.GetSender(false)
	if err != nil {
		return nil, err
	}
	to, err := message.GetRecipients()
	if err != nil {
		return nil, err
	}
	if err := session.Mail(from); err != nil {
		return nil, err
	}
	for _, address := range to {
		err := session.Rcpt(address)
		if answer, ok := errors.AsType[*textproto.Error](err); ok && answer.Code != closingSession {
			refused = append(refused, refusal{address, answer})
		} else if err != nil {
			return nil, err
		}
	}
	if len(refused) == len(to) {
		return refused, nil
	}
	body, err := session.Data()
	if err != nil {
		return nil, err
	}
	if _, err := message.WriteTo(body); err != nil {
		return nil, err
	}
	return refused, body.Close()
}

// refusedBy says which of a number of addresses the server refused; nil if none.
func (e Email) refusedBy(ctx context.Context, refused []refusal, of int) error {
	if len(refused) == 0 {
		return nil
	}
	permanent, answers := true, make([]string, len(refused))
	for i, r := range refused {
		permanent = permanent && isRefusal(r.answer)
		answers[i] = fmt.Sprintf("%s (%d %s)", strings.Trim(r.address, "<>"), r.answer.Code, r.answer.Msg)
	}
	text := "the mail server refuses " + strings.Join(answers, ", ")
	if permanent {
		text = "correct the addresses below alerts.sinks: " + text
	}
	err := e.errorOf(ctx, errors.New(text), permanent)
	err.Partly = len(refused) < of
	return err
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

// dialError returns what to do about a session that could not begin.
func (e Email) dialError(ctx context.Context, err error) error {
	text := "the mail server cannot be reached: " + err.Error()
	if refusal, ok := errors.AsType[*textproto.Error](err); ok {
		text = "the mail server refuses us: " + refusal.Error()
		if refusal.Code == 535 || refusal.Code == 534 || refusal.Code == 530 {
			text += ". Check the user and the password of alerts.smtp"
		}
	} else if strings.Contains(err.Error(), "does not support STARTTLS") {
		text = "the mail server offers no STARTTLS: use another of its ports, such as 587 or 465"
	}
	return e.errorOf(ctx, errors.New(text), isRefusal(err))
}

func (e Email) errorOf(ctx context.Context, err error, permanent bool) *SendError {
	text := strings.ToUpper(err.Error()[:1]) + err.Error()[1:]
	if ctx.Err() != nil {
		text, permanent = fmt.Sprintf("The mail server did not confirm it within %s: it may have arrived",
			deadletter.ShortDuration(sendLimit)), false
	}
	return &SendError{Permanent: permanent, Err: errors.New(oneLine(e.secrets.HideText(text)))}
}

// closingSession is the code by which a server ends a session, whatever it was asked.
const closingSession = 421

// isRefusal reports whether a server's answer says that it is no use to send the same again (RFC 5321 section 4.2.1).
func isRefusal(err error) bool {
	answer, ok := errors.AsType[*textproto.Error](err)
	return ok && answer.Code >= 500 && answer.Code < 600
}

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

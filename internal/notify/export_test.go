package notify

// WithImplicitTLS returns a sink that begins with TLS on any port, as it does on that of submissions.
func (e Email) WithImplicitTLS() Email {
	e.implicit = true
	return e
}

package config

func readListenTLS(s *section) ListenTLS {
	t := ListenTLS{
		CertFile:     setting(s, "cert_file", "", parseText),
		KeyFile:      setting(s, "key_file", "", parseText),
		ClientCAFile: setting(s, "client_ca_file", "", parseText),
	}
	switch {
	case t.CertFile != "" && t.KeyFile != "":
		s.reader.checkOurs(s.path, t.CertFile, t.KeyFile, "every platform")
	case t.CertFile != "":
		s.reader.fault(join(s.path, "cert_file"), "needs its key: set key_file as well")
	case t.KeyFile != "":
		s.reader.fault(join(s.path, "key_file"), "needs its certificate: set cert_file as well")
	case t.ClientCAFile != "":
		s.reader.fault(
			join(s.path, "client_ca_file"),
			"needs a listener with a certificate of its own: set cert_file and key_file as well",
		)
	}
	if t.ClientCAFile != "" {
		s.reader.checkAuthorities(join(s.path, "client_ca_file"), t.ClientCAFile)
	}
	return t
}

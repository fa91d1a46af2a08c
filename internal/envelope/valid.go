package envelope

// valid is json.Valid at a fraction of its time, which is what most of the writing and the reading of an envelope
// went into: bodies are long and mostly strings.
func valid(text []byte) bool {
	s := scanner{text: text}
	return s.white() && s.value() && !s.white()
}

// maxDepth is how deep encoding/json reads.
const maxDepth = 10_000

// scanner walks a text as long as it is JSON (RFC 8259). Each method answers whether it found what it is for, and
// stands behind it then.
type scanner struct {
	text  []byte
	at    int
	depth int
}

// next answers the byte that is stood before; 0, which JSON has no use for, at the end.
func (s *scanner) next() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.next() != c || s.at == len(s.text) {
		return false
	}
	s.at++
	return true
}

// white passes white space, and answers whether anything follows it.
func (s *scanner) white() bool {
	for ; s.at < len(s.text); s.at++ {
		if c := s.text[s.at]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return true
		}
	}
	return false
}

func (s *scanner) value() bool {
	switch s.next() {
	case '"':
		return s.quoted()
	case '{':
		return s.nested('}', s.member)
	case '[':
		return s.nested(']', s.value)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) word(word string) bool {
	for i := range len(word) {
		if !s.take(word[i]) {
			return false
		}
	}
	return true
}

// nested passes a list or an object, by what passes one of its elements.
func (s *scanner) nested(end byte, element func() bool) bool {
	s.at++
	if s.depth++; s.depth > maxDepth {
		return false
	}
	defer func() { s.depth-- }()
	if s.white(); s.take(end) {
		return true
	}
	for element() && s.white() {
		if s.take(end) {
			return true
		}
		if !s.take(',') || !s.white() {
			return false
		}
	}
	return false
}

func (s *scanner) member() bool {
	return s.quoted() && s.white() && s.take(':') && s.white() && s.value()
}

func (s *scanner) quoted() bool {
	if !s.take('"') {
		return false
	}
	for s.plain() {
		c := s.text[s.at]
		s.at++
		if c != '\\' || !s.escape() {
			return c == '"'
		}
	}
	return false
}

// plain passes what stands for itself in a string, and answers whether anything follows it.
func (s *scanner) plain() bool {
	for i, c := range s.text[s.at:] {
		if c < ' ' || c == '"' || c == '\\' {
			s.at += i
			return true
		}
	}
	return false
}

// escape passes what follows a backslash.
func (s *scanner) escape() bool {
	c := s.next()
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		_, ok := codeUnit(s.text[s.at-len(`\u`):])
		s.at += len("0000")
		return ok
	}
	return false
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for c := s.next(); c >= '0' && c <= '9'; c = s.next() {
		s.at++
	}
	return s.at > from
}

package trace

// Bounds of tracestate (W3C Trace Context, section 3.3.1).
const (
	membersMax = 32
	keyMax     = 256
	tenantMax  = 241 // of a key with @: what stands before
	systemMax  = 14  // and behind
	valueMax   = 256
)

// StateCheck checks the lines of tracestate of one request, which are one list. The zero
// value is before the first one.
type StateCheck struct{ members int }

// Line reports whether the list is valid with one more line. Keys that come twice are left to
// those who read them.
func (s *StateCheck) Line(value []byte) bool {
	for begin := 0; begin <= len(value); {
		end := begin
		for end < len(value) && value[end] != ',' {
			end++
		}
		member := trimmed(value[begin:end])
		begin = end + 1
		if len(member) == 0 { // an empty member is allowed
			continue
		}
		s.members++
		if s.members > membersMax || !isMember(member) {
			return false
		}
	}
	return true
}

// Any reports that there is a member at all.
func (s *StateCheck) Any() bool { return s.members > 0 }

// trimmed is b without the white space around it.
func trimmed(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isMember(b []byte) bool {
	for i, c := range b {
		if c == '=' {
			return isKey(b[:i]) && isValue(b[i+1:])
		}
	}
	return false
}

// isKey reports a key: a name, or a tenant and a system with @ between.
func isKey(b []byte) bool {
	for i, c := range b {
		if c != '@' {
			continue
		}
		system := b[i+1:]
		return i <= tenantMax && isName(b[:i]) && len(system) <= systemMax && isName(system)
	}
	return len(b) <= keyMax && isName(b)
}

// isName reports lower-case letters, digits and _-*/, one of the first two first: level 2
// lets digits begin.
func isName(b []byte) bool {
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '_' || c == '-' || c == '*' || c == '/'):
		default:
			return false
		}
	}
	return len(b) > 0
}

// isValue reports printable ASCII without comma and equals sign that does not end in a space.
func isValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= valueMax && b[len(b)-1] != ' '
}

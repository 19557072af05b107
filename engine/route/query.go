package route

// Query is a request as the index sees it. The caller owns every byte; nothing
// is kept after Lookup or Explain returns. A Query may live on the stack.
type Query struct {
	// Listener is the number of the listener in the order given to Build; a
	// number outside of it matches only routes for all listeners.
	Listener int
	// Host is the authority as the client sent it: any case, maybe with a port.
	Host []byte
	// Method as sent.
	Method []byte
	// Path is normalised: it begins with "/", except for "OPTIONS *".
	Path []byte
	// RawQuery is what follows "?", still encoded.
	RawQuery []byte
	// Head holds the fields; nil is an empty header.
	Head Fields
}

// Fields is the header of a request as the index reads it. It is implemented
// by a pointer, which an interface holds without allocating.
type Fields interface {
	// Len is the number of fields.
	Len() int
	// At returns name and value of field i, without white space around them.
	// The bytes are read only, and only during the lookup.
	At(i int) (name, value []byte)
}

// want is a header or query parameter that must be there.
type want struct {
	name  string
	value string
	any   bool // the value does not matter
}

// hasField reports whether one of the fields is the one wanted.
func hasField(head Fields, w *want) bool {
	if head == nil {
		return false
	}

	for i := range head.Len() {
		name, value := head.At(i)
		if isFold(name, w.name) && (w.any || string(value) == w.value) {
			return true
		}
	}

	return false
}

// isFold reports whether name, lowered, is lowered.
func isFold(name []byte, lowered string) bool {
	if len(name) != len(lowered) {
		return false
	}

	for i, c := range name {
		if lower(c) != lowered[i] {
			return false
		}
	}

	return true
}

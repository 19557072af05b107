package accesslog

import (
	"bytes"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Hidden stands for a value that is not written down.
const Hidden = "***"

// allKeys is the key of a query that stands for all of them.
const allKeys = "*"

// keyBytesMax bounds a key of a query that is compared: a longer one is taken for one that
// has to be hidden.
const keyBytesMax = 256

// Redaction is what is not to be written down of requests. It does not change; nil hides
// nothing.
type Redaction struct {
	fields []string // names, in lower case
	keys   []string // of queries, likewise
	all    bool     // keys
}

// NewRedaction compiles log.access.redact.
func NewRedaction(list []string) *Redaction {
	r := &Redaction{}
	for _, text := range list {
		key, isQuery := strings.CutPrefix(text, config.RedactedQuery)
		switch {
		case !isQuery:
			r.fields = append(r.fields, strings.ToLower(text))
		case key == allKeys:
			r.all = true
		default:
			r.keys = append(r.keys, strings.ToLower(key))
		}
	}
	return r
}

// Hides reports that the value of a field with this name is hidden.
func (r *Redaction) Hides(name []byte) bool {
	if r == nil {
		return false
	}
	for _, f := range r.fields {
		if len(f) == len(name) && wire.EqualFold(name, f) {
			return true
		}
	}
	return false
}

// hidesText is Hides for text.
func (r *Redaction) hidesText(name string) bool { return r.Hides([]byte(name)) }

// hidesKey reports that the value of this key of a query is hidden. Keys are compared without
// regard to case, and to how they are escaped.
func (r *Redaction) hidesKey(key []byte) bool {
	switch {
	case r == nil:
		return false
	case r.all:
		return true
	case len(r.keys) == 0:
		return false
	case len(key) > keyBytesMax:
		return true
	}
	var room [keyBytesMax]byte
	plain := key
	if bytes.IndexByte(key, '%') >= 0 {
		plain = appendUnescaped(room[:0], key)
	}
	for _, k := range r.keys {
		if len(k) == len(plain) && wire.EqualFold(plain, k) {
			return true
		}
	}
	return false
}

// appendUnescaped appends a key without percent escapes; what is none stays.
func appendUnescaped(dst, key []byte) []byte {
	for i := 0; i < len(key); i++ {
		b := key[i]
		if b == '%' && i+2 < len(key) {
			if high, low := unhex(key[i+1]), unhex(key[i+2]); high < 16 && low < 16 {
				b = high<<4 | low
				i += 2
			}
		}
		dst = append(dst, b)
	}
	return dst
}

func unhex(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0'
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10
	}
	return 16
}

// touches reports that a target may have something to hide.
func (r *Redaction) touches(target []byte) bool {
	return r != nil && (r.all || len(r.keys) > 0) && bytes.IndexByte(target, '?') >= 0
}

// AppendTarget appends a target, or a URL, without what is hidden of its query.
func (r *Redaction) AppendTarget(dst, target []byte) []byte {
	path, query, has := bytes.Cut(target, []byte{'?'})
	dst = append(dst, path...)
	if !has {
		return dst
	}
	return r.AppendQuery(append(dst, '?'), query)
}

// AppendQuery appends a query without what is hidden of it. Parameters end at & and at ;, as
// some read them.
func (r *Redaction) AppendQuery(dst, query []byte) []byte {
	for len(query) > 0 {
		stop := bytes.IndexAny(query, "&;?#")
		if stop < 0 {
			stop = len(query)
		}
		dst = r.appendPair(dst, query[:stop])
		if query = query[stop:]; len(query) > 0 {
			dst, query = append(dst, query[0]), query[1:]
		}
	}
	return dst
}

func (r *Redaction) appendPair(dst, pair []byte) []byte {
	key, _, valued := bytes.Cut(pair, []byte{'='})
	if !valued || !r.hidesKey(key) {
		return append(dst, pair...)
	}
	return append(append(append(dst, key...), '='), Hidden...)
}

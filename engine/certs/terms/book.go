package terms

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"slices"

	"github.com/isame-lb/isame-lb/engine/certs"
)

// Terms are those of one name. They are equal for two names only where they are the same.
type Terms struct {
	// TCP and QUIC are what a handshake goes on with.
	TCP, QUIC *tls.Config
	// Clients are the fields that tell backends of the client's certificate; nil is none.
	Clients *certs.ClientFields
}

// Book are the terms of a listener. Any number of goroutines may use it.
type Book struct {
	store *certs.Store
	own   *Terms            // of all names that have none of their own, and of no name
	names map[string]*Terms // lower case; "*.example.org" as it stands; nil where there are none
	// refusal meets who asks for a name without a certificate, or for none at an address
	// without one; nil where the first one does.
	refusal *Terms
	// session begins every handshake. Like all of tickets, which it is one of, it holds the
	// keys of session tickets, which crypto/tls changes each day and accepts for seven. They
	// stand by what clients are asked for, and are handed on from generation to generation:
	// a session that began under one demand is never resumed under another one (RFC 8446
	// section 4.6.1 leaves that to the server), whatever the name and the reload between.
	session *tls.Config
	tickets map[demand]*tls.Config
	fields  []string // names of the fields of all terms
}

// demand is the hash of what clients are asked for.
type demand = [sha256.Size]byte

// Session is the configuration that every handshake begins with.
func (b *Book) Session() *tls.Config { return b.session }

// FieldNames are the names of all fields that tell of a certificate, in lower case and
// with hyphens.
func (b *Book) FieldNames() []string { return b.fields }

// Handshake are the terms of a handshake that asks for a name, or for none; refused are
// those of one that will get an alert in place of a certificate.
func (b *Book) Handshake(hello *tls.ClientHelloInfo) (t *Terms, refused bool) {
	if b.refusal != nil && !b.store.Knows(hello) {
		return b.refusal, true
	}
	return b.Of(hello.ServerName), false
}

// Of are the terms of a name as a client asks for it.
func (b *Book) Of(name string) *Terms {
	if b.names == nil {
		return b.own
	}
	return find(b, name)
}

// Parted reports that a host has other terms than the name that a connection was opened
// for, so that its requests need another one (RFC 9110 section 7.4). host has no port and
// no dot at its end; either may be empty. It allocates nothing.
func (b *Book) Parted(sni string, host []byte) bool {
	switch {
	case b.names == nil || string(host) == sni:
		return false
	case len(host) > nameBytesMax:
		return true // it is no name, whatever a route makes of it
	}
	return find(b, sni) != find(b, host)
}

// nameBytesMax is the longest DNS name.
const nameBytesMax = 253

// find are the terms of a name: its own, those of the longest domain it is below, or
// those of all others.
func find[T string | []byte](b *Book, name T) *Terms {
	var room [nameBytesMax]byte
	if len(name) > len(room) {
		return b.own
	}
	lower := room[:len(name)]
	for i := range lower {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	if t := b.names[string(lower)]; t != nil {
		return t
	}
	for {
		dot := bytes.IndexByte(lower, '.')
		if dot < 0 {
			return b.own
		}
		if dot > 0 {
			lower[dot-1] = '*'
			if t := b.names[string(lower[dot-1:])]; t != nil {
				return t
			}
		}
		lower = lower[dot+1:]
	}
}

// note adds the names of the fields of terms.
func (b *Book) note(t *Terms) {
	for _, name := range t.Clients.Names() {
		if !slices.Contains(b.fields, name) {
			b.fields = append(b.fields, name)
		}
	}
}

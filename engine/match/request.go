package match

import "net/netip"

// Request is what predicates look at. The caller owns every byte; nothing of it is kept.
// It may live on the stack.
type Request struct {
	// Host is the authority as the client sent it: any case, maybe with a port.
	Host []byte
	// Method as sent.
	Method []byte
	// Path is normalised: it begins with "/", except for "OPTIONS *".
	Path []byte
	// RawQuery is what follows "?", still encoded.
	RawQuery []byte
	// Facts are the fields, and what the connection knows; nil has no field and no client.
	Facts Facts
	// Scratch is room for decoded text. Whoever keeps what becomes of it saves the next
	// request its growth.
	Scratch []byte
}

// Facts are what a request has besides its line. It is implemented by a pointer, which an
// interface holds without allocating.
type Facts interface {
	// NextField is the name and the value of the field at, which is 0 or the next of an
	// earlier call; next is below 0 where there is none. The value has no white space around
	// it. The bytes are valid until the request changes.
	NextField(at int) (name, value []byte, next int)
	// Client is the address that is believed to be the client's; the zero value is unknown.
	Client() netip.Addr
	// ServerName is the one that the client has asked for in its TLS handshake, "" for none.
	ServerName() string
	// Protocols are those that the request comes as.
	Protocols() Protocols
}

// Protocols is a set of what a request may come as.
type Protocols uint8

// The versions of HTTP, and what may be inside of one.
const (
	HTTP1 Protocols = 1 << iota
	HTTP2
	HTTP3
	Call    // of gRPC
	Upgrade // to another protocol
)

var protocolBits = map[string]Protocols{"http1": HTTP1, "h2": HTTP2, "h3": HTTP3, "grpc": Call, "websocket": Upgrade}

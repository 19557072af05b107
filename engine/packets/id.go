package packets

import (
	"crypto/rand"

	"github.com/quic-go/quic-go"
)

// idBytes is the length of the connection ids that we give: the tag of the process and six
// bytes of chance. Ids that clients choose for their first packets are longer (at least 8,
// RFC 9000 section 7.2), so none of them is ever taken for one of ours.
const idBytes = 7

// Offsets of a QUIC packet (RFC 8999 section 5): the id of a short header has no length, as
// the server knows how long those are that it gives.
const (
	longHeader = 0x80
	shortID    = 1
	longLength = 5
	longID     = 6
)

// idBytesMax is the longest id that QUIC version 1 knows.
const idBytesMax = 20

// ids gives the connection ids of one process.
type ids struct{ tag byte }

// GenerateConnectionID implements quic.ConnectionIDGenerator.
func (g ids) GenerateConnectionID() (quic.ConnectionID, error) {
	var id [idBytes]byte
	_, _ = rand.Read(id[1:]) // never fails
	id[0] = g.tag
	return quic.ConnectionIDFromBytes(id[:]), nil
}

// ConnectionIDLen implements quic.ConnectionIDGenerator.
func (ids) ConnectionIDLen() int { return idBytes }

// tagOf is the process whose id a packet has; given is false where a client has chosen it,
// or where it is no packet of QUIC.
func tagOf(packet []byte) (tag byte, given bool) {
	switch {
	case len(packet) <= longID:
		return 0, false
	case packet[0]&longHeader == 0:
		return packet[shortID], len(packet) >= shortID+idBytes
	}
	return packet[longID], packet[longLength] == idBytes && len(packet) >= longID+idBytes
}

// chosenOf is the id that a client has chosen for a packet of a new connection, or nil.
func chosenOf(packet []byte) []byte {
	if len(packet) <= longID || packet[0]&longHeader == 0 {
		return nil
	}
	n := int(packet[longLength])
	if n <= idBytes || n > idBytesMax || len(packet) < longID+n {
		return nil
	}
	return packet[longID : longID+n]
}

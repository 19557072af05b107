package packets

import (
	"encoding/binary"
	"errors"
	"net"

	"golang.org/x/net/ipv4"
)

// What goes over a way, in messages that the kernel keeps apart. From the old process to
// the new one: the keys, at once, and the ids that clients have chosen, when the new one is
// to read. From the new one to the old one: packets.
//
//	keys     kindKeys, the key of stateless resets, the key of tokens
//	begin    kindBegin, then each id behind its length
//	packet   kindPacket, the address behind its length (4 or 16), port, the zone behind its
//	         length, the control data likewise, packet
const (
	kindKeys byte = 1 + iota
	kindBegin
	kindPacket
)

// Bounds of a message.
const (
	headBytesMax = 256  // of a packet: everything before the packet itself
	messageBytes = 8192 // of any: chosenMax ids need less
)

// errMessage is what another version of this program may have written.
var errMessage = errors.New("a message of the other process cannot be read")

// appendHead appends what stands before a packet; false: it cannot be said.
func appendHead(room []byte, m *ipv4.Message) ([]byte, bool) {
	from, ok := m.Addr.(*net.UDPAddr)
	if !ok || len(from.Zone) > 64 || m.NN > 128 {
		return room, false
	}
	room = append(room, kindPacket, byte(len(from.IP)))
	room = append(room, from.IP...)
	room = binary.BigEndian.AppendUint16(room, uint16(from.Port))
	room = append(append(room, byte(len(from.Zone))), from.Zone...)
	return append(append(room, byte(m.NN)), m.OOB[:m.NN]...), true
}

// piece takes the bytes of text that stand behind their length.
func piece(text []byte) (one, rest []byte, ok bool) {
	if len(text) == 0 || len(text)-1 < int(text[0]) {
		return nil, nil, false
	}
	n := 1 + int(text[0])
	return text[1:n], text[n:], true
}

// parsePacket makes m of a message; its buffers keep none of text.
func parsePacket(text []byte, m *ipv4.Message) error {
	if len(text) == 0 || text[0] != kindPacket {
		return errMessage
	}
	ip, rest, ok := piece(text[1:])
	if !ok || len(ip) != net.IPv4len && len(ip) != net.IPv6len || len(rest) < 2 {
		return errMessage
	}
	port := binary.BigEndian.Uint16(rest)
	zone, rest, ok := piece(rest[2:])
	if !ok {
		return errMessage
	}
	control, packet, ok := piece(rest)
	if !ok || len(control) > len(m.OOB) || len(packet) > len(m.Buffers[0]) || len(packet) == 0 {
		return errMessage
	}
	m.Addr = &net.UDPAddr{IP: append(net.IP(nil), ip...), Port: int(port), Zone: string(zone)}
	m.NN, m.N, m.Flags = copy(m.OOB, control), copy(m.Buffers[0], packet), 0
	return nil
}

// appendBegin appends the message that the next process is to read from now on.
func appendBegin(room []byte, ids [][]byte) []byte {
	room = append(room, kindBegin)
	for _, id := range ids {
		room = append(append(room, byte(len(id))), id...)
	}
	return room
}

// parseBegin is the reverse.
func parseBegin(text []byte) (ids map[string]bool, err error) {
	ids = map[string]bool{}
	for rest := text[1:]; len(rest) > 0; {
		id, next, ok := piece(rest)
		if !ok || len(ids) >= chosenMax {
			return nil, errMessage
		}
		ids[string(id)] = true
		rest = next
	}
	return ids, nil
}

package rate

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
)

// Key stands for whoever has a limit of its own: an address, the value of a field, or
// several of them joined. It is a hash of 64 bits under a seed that this process has
// drawn, so that nobody can choose keys that meet in one place of a table. It means
// nothing to another process, and what it was made of cannot be had back.
//
// Two keys that are equal by chance share a limit. A table compares 58 bits: with a
// million keys that happens in one of half a million tables.
type Key uint64

// Addresses and texts have seeds of their own: a client that sends a field which reads
// as somebody's address is not that somebody.
var (
	seedText = maphash.MakeSeed()
	seedAddr = maphash.MakeSeed()
	seedJoin = maphash.MakeSeed()
)

// KeyBytes is the key of a text. The bytes are not kept.
func KeyBytes(text []byte) Key { return Key(maphash.Bytes(seedText, text)) }

// KeyString is KeyBytes of a string.
func KeyString(text string) Key { return Key(maphash.String(seedText, text)) }

// KeyAddr is the key of a client's address. An IPv6 client owns a whole network, which
// counts as one by its first bits (0 to 128); an IPv4 address that is mapped into IPv6
// is that IPv4 address, and counts whole. Zones do not matter. All clients without an
// address are one.
func KeyAddr(addr netip.Addr, bits int) Key {
	var text [17]byte // the family, then the address
	switch addr = addr.Unmap(); {
	case addr.Is4():
		a := addr.As4()
		text[0] = 4
		copy(text[1:], a[:])
	case addr.Is6():
		a := addr.As16()
		text[0] = 6
		high, low := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
		bits = min(max(bits, 0), 128)
		binary.BigEndian.PutUint64(text[1:], high&^(^uint64(0)>>min(bits, 64)))
		binary.BigEndian.PutUint64(text[9:], low&^(^uint64(0)>>max(bits-64, 0)))
	}
	return Key(maphash.Bytes(seedAddr, text[:]))
}

// Join is the key of both in this order: a list of keys is one key, and no other list
// is the same one, however their texts are cut.
func (k Key) Join(next Key) Key {
	var both [16]byte
	binary.LittleEndian.PutUint64(both[:8], uint64(k))
	binary.LittleEndian.PutUint64(both[8:], uint64(next))
	return Key(maphash.Bytes(seedJoin, both[:]))
}

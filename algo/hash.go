package algo

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"net/netip"
)

// golden is 2^64 divided by the golden ratio: adding it walks all 64-bit
// numbers with even gaps (Weyl sequence, Knuth volume 3, section 6.4).
const golden = 0x9e3779b97f4a7c15

// Hash returns the Query.Hash of a request's key. The low half is the CRC-32
// that nginx and Cache::Memcached::Fast place keys by, so that consistent_hash
// puts a key where nginx's `hash KEY consistent` puts it; the high half is the
// CRC-32C, 32 further bits for the other hashing algorithms. It is not a defence:
// whoever chooses keys can choose the member, as with every one of the peers.
// The key is not kept.
func Hash(key []byte) uint64 {
	low := crc32.ChecksumIEEE(key)
	high := crc32.Checksum(key, crc32.MakeTable(crc32.Castagnoli))
	return uint64(high)<<32 | uint64(low)
}

// HashAddr returns the Query.Hash of a client address: all bytes of it, as
// HAProxy's `balance source`; nginx's ip_hash looks at three quarters of an
// IPv4 address, which sends a whole office to one backend. An IPv4 address
// mapped into IPv6 counts as IPv4; the zone is left out. Who wants the places of
// nginx's `hash $remote_addr consistent` passes the text of the address to Hash.
func HashAddr(addr netip.Addr) uint64 {
	raw := addr.As16()
	high := binary.BigEndian.Uint64(raw[:8])
	low := binary.BigEndian.Uint64(raw[8:])
	return mix(low + mix(high+golden))
}

// mix spreads every input bit over the whole word (the finaliser of
// MurmurHash3, a bijection), so that a hash with few good bits, for instance a
// bare CRC-32, still reaches every slot of a table.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// hashString is FNV-1a with a final mix: the identity of a member where the
// order of no peer has to be met. seed makes independent hashes of one key.
func hashString(key string, seed uint64) uint64 {
	h := seed ^ 0xcbf29ce484222325
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 0x100000001b3
	}
	return mix(h)
}

// below maps a random 64-bit number to [0, n), and returns the bits it did not
// use, which are again uniform (Lemire 2019, without the rejection: the bias is
// n / 2^64).
func below(r, n uint64) (value, rest uint64) {
	return bits.Mul64(r, n)
}

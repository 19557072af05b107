package pool

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// crypto/tls keeps the buffers of its reader for the life of a connection: 3.5
// KiB after a ClientHello with a post-quantum key share, and 17 KiB more after
// the first large upload. On connections that wait most of the time this is half
// of what they cost, or more (5,000 idle connections: 12.3 to 13.3 KB each with
// them, GC slack included). There is no way to give them back but by their
// place, so this file knows it; where a version of Go has them elsewhere,
// nothing is given back, and TestSecureConnGivesBuffersBack fails.

// tlsBuffers are the places inside a tls.Conn, 0 where unknown.
var tlsBuffers = struct{ rawInput, input, hand uintptr }{
	rawInput: placeOf("rawInput", reflect.TypeFor[bytes.Buffer]()),
	input:    placeOf("input", reflect.TypeFor[bytes.Reader]()),
	hand:     placeOf("hand", reflect.TypeFor[bytes.Buffer]()),
}

func placeOf(name string, is reflect.Type) uintptr {
	f, ok := reflect.TypeFor[tls.Conn]().FieldByName(name)
	if !ok || f.Type != is {
		return 0
	}
	return f.Offset
}

// readAheadKept is what a waiting connection keeps of the buffers: a client
// whose requests are small needs no new one for each of them.
const readAheadKept = 4 << 10

// shrink gives back what is empty and larger than keep bytes. Only the reader
// may call it.
func (s *secure) shrink(keep int) {
	if tlsBuffers.rawInput == 0 || tlsBuffers.input == 0 || tlsBuffers.hand == 0 {
		return
	}
	at := unsafe.Pointer(s.tls)
	raw := (*bytes.Buffer)(unsafe.Add(at, tlsBuffers.rawInput))
	input := (*bytes.Reader)(unsafe.Add(at, tlsBuffers.input)) // a window on raw
	hand := (*bytes.Buffer)(unsafe.Add(at, tlsBuffers.hand))
	if input.Len() == 0 && raw.Len() == 0 && raw.Cap() > keep {
		input.Reset(nil)
		*raw = bytes.Buffer{}
	}
	if hand.Len() == 0 && hand.Cap() > keep {
		*hand = bytes.Buffer{}
	}
}

//go:build race

package socket

// mangle overwrites released memory under the race detector, so that a slice
// kept too long fails loudly.
func mangle(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xdb
	for done := 1; done < len(b); done *= 2 {
		copy(b[done:], b[:done])
	}
}

// checkUnpinned finds under the race detector who moves bytes that others still
// look at: see Buffer.Pin.
func checkUnpinned(pinned bool) {
	if pinned {
		panic("BUG: a buffer moves while spans of it are in use")
	}
}

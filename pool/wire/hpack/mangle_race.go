//go:build race

package hpack

// mangle overwrites released memory under the race detector, so that a slice
// kept too long fails loudly.
func mangle(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}

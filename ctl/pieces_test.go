package ctl

import (
	"bytes"
	"io"
	"testing"
)

// What was written in pieces of any size is read as it was, and what was not read is given back.
func TestPieces(t *testing.T) {
	for _, size := range []int{0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 3 * pieceBytes, 3*pieceBytes + 5} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7)
		}
		for _, step := range []int{1000, pieceBytes, size + 1} {
			var p pieces
			for rest := want; len(rest) > 0; {
				n := min(step, len(rest))
				if m, err := p.Write(rest[:n]); m != n || err != nil {
					t.Fatal(m, err)
				}
				rest = rest[n:]
			}
			if p.size() != size {
				t.Errorf("%d bytes by %d: got a size of %d", size, step, p.size())
			}
			got, err := io.ReadAll(&p)
			if err != nil || !bytes.Equal(got, want) || p.size() != 0 {
				t.Errorf("%d bytes by %d: got %d, %v, and %d are left", size, step, len(got), err, p.size())
			}
			_, _ = p.Write(want)
			if err := p.Close(); err != nil || p.size() != 0 {
				t.Errorf("closed with %d bytes: got %v, and a size of %d", size, err, p.size())
			}
		}
	}
}

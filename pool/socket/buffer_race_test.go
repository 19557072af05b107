//go:build race

package socket

import "testing"

// Under the race detector whoever moves bytes that are still looked at is found.
func TestPinnedBufferMayNotMove(t *testing.T) {
	for _, tc := range []struct {
		name string
		move func(*Buffer)
	}{
		{"release", (*Buffer).Release},
		{"compact", (*Buffer).Compact},
		{"append", func(b *Buffer) { b.Append([]byte("more")) }},
		{"read", func(b *Buffer) { _, _ = b.ReadFrom(nil, 1) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b Buffer
			b.Append([]byte("GET / HTTP/1.1"))
			b.Discard(5)
			b.Pin()
			defer func() {
				if recover() == nil {
					t.Error("nothing happened; want a panic")
				}
				b.Unpin()
				b.Release()
			}()
			tc.move(&b)
		})
	}
}

// What was consumed is overwritten when the buffer is used again, so that a span
// kept too long shows neither what it was nor what came after it.
func TestConsumedBytesAreOverwritten(t *testing.T) {
	var b Buffer
	b.Append([]byte("consumed, left"))
	span := b.Bytes()[len("consumed, left")-2:]
	b.Discard(len("consumed, "))
	b.Compact()
	if string(b.Bytes()) != "left" || string(span) != "\xdb\xdb" {
		t.Errorf("got %q, and %q in the span; want left, and nothing of it", b.Bytes(), span)
	}
	b.Release()
}

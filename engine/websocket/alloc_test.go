//go:build !race

package websocket

import "testing"

func TestBorderDoesNotAllocate(t *testing.T) {
	var b Border
	var room [CloseFrameMax]byte
	frames := []byte{0x81, 5, 1, 2, 3, 4, 5, 0x82, 126, 0, 3, 1, 2, 3}
	got := testing.AllocsPerRun(100, func() {
		b.Follow(frames)
		CloseFrame(&room, true)
	})
	if got != 0 || !b.IsHere() {
		t.Errorf("got %v allocations, at a border: %v; want 0 and true", got, b.IsHere())
	}
}

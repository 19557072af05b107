package websocket

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestBorderFollowsFrames(t *testing.T) {
	frames := [][]byte{
		{0x81, 0},
		{0x81, 5, 1, 2, 3, 4, 5},
		{0x01, 0x80, 9, 9, 9, 9},
		append([]byte{0x82, 126, 0, 200}, make([]byte, 200)...),
		append([]byte{0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, make([]byte, 1<<16)...),
		{0x89, 0},
		{0x88, 2, 3, 0xe9},
	}
	var all []byte
	ends := map[int]bool{0: true}
	for _, f := range frames {
		all = append(all, f...)
		ends[len(all)] = true
	}
	for _, step := range []int{1, 2, 3, 7, 1 << 20} {
		var b Border
		for at := 0; at < len(all); at += step {
			if b.IsHere() != ends[at] {
				t.Fatalf("step %d, at %d: here %v; want %v", step, at, b.IsHere(), ends[at])
			}
			b.Follow(all[at:min(at+step, len(all))])
		}
		if !b.IsHere() || !b.Closed {
			t.Errorf("step %d: here %v, closed %v; want both", step, b.IsHere(), b.Closed)
		}
	}
}

// A close frame that we send is one for who follows frames, says that we go away
// (section 7.4.1), and is masked towards a server (section 5.3).
func TestCloseFrame(t *testing.T) {
	for _, masked := range []bool{false, true} {
		var room [CloseFrameMax]byte
		frame := CloseFrame(&room, masked)
		var b Border
		b.Follow(frame)
		if !b.Closed || !b.IsHere() {
			t.Errorf("masked %v: % x is not one close frame", masked, frame)
		}
		status := [2]byte(frame[len(frame)-2:])
		if masked {
			status[0] ^= frame[2]
			status[1] ^= frame[3]
		}
		if got := binary.BigEndian.Uint16(status[:]); got != goingAway || frame[1]&maskBit != 0 != masked {
			t.Errorf("masked %v: got %d in % x; want %d", masked, got, frame, goingAway)
		}
	}
}

// FuzzBorder compares with a reader that has everything: whichever way the bytes are
// cut, they are at a border where that has read whole frames.
func FuzzBorder(f *testing.F) {
	f.Add([]byte{0x81, 0, 0x81, 5, 1, 2, 3, 4, 5, 0x88, 2, 3, 0xe9}, uint8(1))
	f.Add([]byte{0x82, 126, 0, 3, 1, 2, 3, 0x01, 0x80, 9, 9, 9, 9, 0x89}, uint8(3))
	f.Add([]byte{0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4, 5}, uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		var b Border
		for rest := data; len(rest) > 0; {
			n := min(int(step)+1, len(rest))
			b.Follow(rest[:n])
			rest = rest[n:]
		}
		here, closed := whole(data)
		if b.IsHere() != here || b.Closed != closed {
			t.Errorf("% x by %d: got here %v, closed %v; want %v, %v", data, step+1, b.IsHere(), b.Closed, here, closed)
		}
	})
}

// whole reads frame after frame.
func whole(data []byte) (here, closed bool) {
	for r := bytes.NewReader(data); r.Len() > 0; {
		op, _ := r.ReadByte()
		second, err := r.ReadByte()
		if err != nil {
			return false, closed
		}
		length := uint64(second & 0x7f)
		var long [8]byte
		switch length {
		case 126:
			if n, _ := r.Read(long[6:]); n < 2 {
				return false, closed
			}
			length = binary.BigEndian.Uint64(long[:])
		case 127:
			if n, _ := r.Read(long[:]); n < 8 {
				return false, closed
			}
			length = binary.BigEndian.Uint64(long[:])
		}
		if second&0x80 != 0 {
			if n, _ := r.Read(long[:4]); n < 4 {
				return false, closed
			}
		}
		closed = closed || op&0xf == 8
		if uint64(r.Len()) < length {
			return false, closed
		}
		_, _ = r.Seek(int64(length), 1)
	}
	return true, closed
}

package scan

import (
	"errors"
	"strings"
	"testing"
)

const mask = "\x01\x02\x03\x04"

func frame(head string, payload int) string { return head + strings.Repeat("x", payload) }

func TestMessages(t *testing.T) {
	for _, tc := range []struct {
		name, bytes string
		done        bool
		err         error
	}{
		{"empty", "\x82\x00", true, nil},
		{"short", frame("\x81\x05", 5), true, nil},
		{"masked", frame("\x82\x85"+mask, 5), true, nil},
		{"long", frame("\x82\x7e\x01\x00", 256), true, nil},
		{"huge", frame("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 65536), true, nil},
		{"in two frames", frame("\x02\x05", 5) + frame("\x80\x01", 1), true, nil},
		{"a ping between them", frame("\x02\x05", 5) + "\x89\x02hi" + frame("\x80\x01", 1), true, nil},
		{"a ping alone", "\x89\x02hi", false, nil},
		{"one byte is missing", frame("\x81\x05", 4), false, nil},
		{"half a head", "\x82\x7e\x01", false, nil},
		{"two messages", "\x82\x00\x82\x00", false, ErrExtraBytes},
		{"reserved opcode", "\x83\x00", false, ErrOpcode},
		{"reserved control opcode", "\x8b\x00", false, ErrOpcode},
		{"length of 64 bits", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", false, ErrFrameLength},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var whole Messages
			if done, err := whole.Feed([]byte(tc.bytes)); done != tc.done || !errors.Is(err, tc.err) {
				t.Errorf("whole: got %v, %v; want %v, %v", done, err, tc.done, tc.err)
			}
			var m Messages
			done, err := false, error(nil)
			for i := 0; i < len(tc.bytes) && err == nil; i++ {
				done, err = m.Feed([]byte(tc.bytes[i : i+1]))
			}
			if done != tc.done || !errors.Is(err, tc.err) {
				t.Errorf("byte by byte: got %v, %v; want %v, %v", done, err, tc.done, tc.err)
			}
			m.Reset()
			if m.Started() {
				t.Error("a message has begun after Reset")
			}
		})
	}
}

func TestAppendMessageIsRead(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		b := AppendMessage([]byte("ab"), make([]byte, size), [4]byte{1, 2, 3, 4})
		var m Messages
		if done, err := m.Feed(b[2:]); !done || err != nil {
			t.Errorf("%d bytes: got %v, %v; want a whole message", size, done, err)
		}
		if size > 3 && string(b[len(b)-size:][:4]) != mask {
			t.Errorf("%d bytes are not masked: % x", size, b[len(b)-size:][:4])
		}
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("\x82\x05hello"), 3)
	f.Add([]byte("\x02\x05hello\x89\x00\x80\x7e\x00\x01x"), 1)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		var whole, parts Messages
		wantDone, wantErr := whole.Feed(b)
		at = max(0, min(at, len(b)))
		done, err := parts.Feed(b[:at])
		if err == nil && at < len(b) {
			done, err = parts.Feed(b[at:])
		}
		if done != wantDone || !errors.Is(err, wantErr) {
			t.Errorf("% x cut at %d: got %v, %v; in one piece %v, %v", b, at, done, err, wantDone, wantErr)
		}
	})
}

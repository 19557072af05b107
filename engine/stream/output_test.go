package stream

import (
	"errors"
	"slices"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// room is somebody who takes a text, as much as it has room for, until it fails.
type room struct {
	left  int
	fault error
	got   []byte
}

func (r *room) take(text []byte) (int, error) {
	n := min(r.left, len(text), 2)
	r.got, r.left = append(r.got, text[:n]...), r.left-n
	if n == 0 {
		return 0, r.fault
	}
	return n, nil
}

// All parts are taken in their order, until there is no room or a fault, and what is left
// stays in them.
func TestPartsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for _, tc := range []struct {
		name string
		room room
		want string
		full bool
	}{
		{"room for all", room{left: 100}, "abcdefg", false},
		{"room to the byte", room{left: 7}, "abcdefg", false},
		{"room for some", room{left: 4}, "abcd", true},
		{"no room", room{}, "", true},
		{"a fault", room{left: 5, fault: gone}, "abcde", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			parts := [3][]byte{[]byte("abc"), nil, []byte("defg")}
			taken, full, err := Take(&parts, &tc.room, (*room).take)
			if taken != len(tc.want) || full != tc.full || !errors.Is(err, tc.room.fault) {
				t.Errorf("got %d, %v, %v; want %d, %v, %v", taken, full, err, len(tc.want), tc.full, tc.room.fault)
			}
			if got, all := string(tc.room.got), string(slices.Concat(tc.room.got, parts[0], parts[1], parts[2])); got != tc.want || all != "abcdefg" {
				t.Errorf("got %q and all %q; want %q", got, all, tc.want)
			}
		})
	}
}

// What a head says decides what follows it, and what only HTTP/1.1 has is left out.
func TestOutputFollowsTheHead(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		name, text   string
		to           Request
		status, kept int // fields
		last         bool
		behind       Part // what a byte behind it is
	}{
		{"a length", ok + "Content-Length: 5\r\nX: y\r\n\r\n", Request{}, 200, 2, false, PartContent},
		{"a length of nothing", ok + "Content-Length: 0\r\n\r\n", Request{}, 200, 1, true, PartNone},
		{"a length, of no content", ok + "Content-Length: 5\r\n\r\n", Request{IsHEAD: true}, 200, 1, true, PartNone},
		{"chunks", ok + "Transfer-Encoding: chunked\r\nX: y\r\n\r\n", Request{}, 200, 1, false, PartNone},
		{"no content", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", Request{}, 204, 0, true, PartNone},
		{"a tunnel", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nX: y\r\n\r\n", Request{Tunnel: true}, 200, 1, false, PartContent},
		{"a tunnel that is refused", "HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\n", Request{Tunnel: true}, 403, 1, false, PartContent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var o Output
			p, err := o.Next([]byte(tc.text+"0"), &tc.to)
			if want := (Piece{PartHead, len(tc.text), tc.last}); p != want || err != nil {
				t.Fatalf("got %+v, %v; want %+v", p, err, want)
			}
			kept := 0
			for i := range o.Fields() {
				if _, _, ok := o.Field(i); ok {
					kept++
				}
			}
			if o.Status() != tc.status || kept != tc.kept {
				t.Errorf("got %d with %d fields; want %d with %d", o.Status(), kept, tc.status, tc.kept)
			}
			if p, err := o.Next([]byte("0"), &tc.to); p.Part != tc.behind || p.Bytes != 1 || err != nil {
				t.Errorf("behind it: got %+v, %v; want %v", p, err, tc.behind)
			}
			if o.CloseTunnel() != (tc.to.Tunnel && tc.status == 200) {
				t.Errorf("it was a tunnel, or none; status %d", tc.status)
			}
		})
	}
}

// A text that no engine writes is a bug, and nothing is made of it.
func TestOutputRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	var o Output
	if p, err := o.Next([]byte("HTTP/1.1 200 OK\r\nhalf a head"), &Request{}); !errors.Is(err, ErrText) {
		t.Errorf("got %+v, %v; want %v", p, err, ErrText)
	}
	o.Reset()
	if p, err := o.NextRequest([]byte("GET\r\n\r\n"), &wire.RequestHead{}); !errors.Is(err, ErrText) {
		t.Errorf("got %+v, %v; want %v", p, err, ErrText)
	}
	o.Reset()
	text := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	if p, err := o.Next(text, &Request{}); p.Bytes != len(text) || err != nil {
		t.Fatalf("got %+v, %v", p, err)
	}
	if p, err := o.Next([]byte("x"), &Request{}); !errors.Is(err, ErrText) {
		t.Errorf("got %+v, %v; want %v", p, err, ErrText)
	}
}

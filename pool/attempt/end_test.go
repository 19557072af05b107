package attempt

import (
	"crypto/tls"
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// An answer that ends with the connection is whole only when the backend says so
// (RFC 9112 section 9.8); one of known length does not care.
func TestEndWithoutCloseNotifyIsNoEnd(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		says         bool
		want         Outcome
	}{
		{"until the end, announced", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", true, OK},
		{"until the end, cut", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", false, Truncated},
		{"of known length, cut behind it", rig.OKAnswer, false, OK},
		{"too short, announced", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true, Truncated},
		{"nothing, announced", "", true, ReusedDied},
		{"nothing, cut", "", false, ReusedDied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newSecurePeer(t, tls.VersionTLS13)
			var a Attempt
			b.open(&a, ReuseFree)
			b.send(&a)
			b.receive()
			b.say(tc.answer)
			if tc.says {
				_ = b.stream.Close()
			} else {
				_ = b.Close()
			}
			out := a.Head(false, rig.Soon())
			for out == OK && !a.Done() {
				_, out = a.Next(rig.Soon())
			}
			if out != tc.want {
				t.Errorf("got %v; want %v", out, tc.want)
			}
			a.Close(true, socket.Nanos())
		})
	}
}

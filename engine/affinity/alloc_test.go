//go:build !race

package affinity

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestAffinityDoesNotAllocate(t *testing.T) {
	s, room := usual(), make([]byte, 0, 256)
	var head wire.RequestHead
	text := "GET /?a=b&user=1 HTTP/1.1\r\nHost: t\r\nX-User: 1\r\nCookie: a=b; isame_p=" + values[1] + ".940\r\n\r\n"
	if n, err := head.Parse([]byte(text), &wire.Limits{}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	var parts []pool.HashOn
	for _, on := range []string{"path", "header:x-user", "cookie:isame_p", "query:user"} {
		h, err := pool.ParseHashOn(on)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, h)
	}
	got := testing.AllocsPerRun(100, func() {
		for _, on := range parts {
			Part(on, &head, head.Path)
		}
		if index, age := s.Find(Cookie(&head.Head, s.Name), 1000); index >= 0 && s.IsOld(age) {
			room = s.Append(room[:0], index, 1000, true)
		}
	})
	if got != 0 || len(room) == 0 {
		t.Errorf("got %v allocations and %q; want 0 and a cookie", got, room)
	}
}

package handler

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// FuzzUntouched: whatever our parser takes, a handler that only looks leaves untouched,
// and what is rendered of it is taken by our parser again.
func FuzzUntouched(f *testing.F) {
	f.Add(askText)
	f.Add("GET /%2F?a=%zz&&;+ HTTP/1.1\r\nHost: [::1]:8\r\ncookie: =;a;b=\"\r\nX-: \xff\r\n\r\n")
	f.Add("OPTIONS http://a.b?x HTTP/1.0\r\nhost: c\r\nUpgrade: x\r\nConnection: x-a, upgrade\r\nx-a: 1\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var h wire.RequestHead
		if n, err := h.Parse([]byte(text), &wire.Limits{}); n == 0 || err != nil {
			return
		}
		r := parsedRequest(t, text)
		s := mustStage(t, around(looksAtAll, nil))
		c := s.Acquire()
		c.Show(r)
		var b []byte
		x := &rendering{bare: passing(t), to: &b}
		if v := c.Run(x); v != Passed || !untouched(&x.change) {
			t.Errorf("got %v, %v, %q; want it untouched", v, c.Err(), fmt.Sprintf("%+v", x.change))
		}
		c.Release()
		b = append(append([]byte("GET / HTTP/1.1\r\nHost: a\r\n"), b...), "\r\n"...)
		if n, err := h.Parse(b, &wire.Limits{}); n != len(b) || err != nil {
			t.Errorf("rendered %q: %d of %d bytes, %v", b, n, len(b), err)
		}
	})
}

type rendering struct {
	*bare

	to *[]byte
}

func (x *rendering) Next(c *Call) {
	*x.to = c.AppendRequestFields(*x.to)
	x.bare.Next(c)
}

package affinity

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestPartOfARequest(t *testing.T) {
	const text = "GET /a%2fb?x=1&user=2&user=3&flag&=5&y==6 HTTP/1.1\r\nHost: t\r\nX-User: seven\r\nx-user: eight\r\n" +
		"Cookie: a=b; user=nine;user=ten\r\nCookie:flag; odd = eleven;user=twelve; x=y=z\r\n\r\n"
	var head wire.RequestHead
	if n, err := head.Parse([]byte(text), &wire.Limits{}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	for _, c := range []struct{ on, want string }{
		{"path", "/normalised"},
		{"header:X-USER", "seven"},
		{"header:x-none", ""},
		{"cookie:user", "nine"},
		{"cookie:a", "b"},
		{"cookie:x", "y=z"},
		{"cookie:odd", ""},
		{"cookie:flag", ""},
		{"cookie:USER", ""},
		{"query:user", "2"},
		{"query:flag", ""},
		{"query:y", "=6"},
		{"query:none", ""},
	} {
		t.Run(c.on, func(t *testing.T) {
			on, err := pool.ParseHashOn(c.on)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(Part(on, &head, []byte("/normalised"))); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

package trust

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// headOf is the head of a request with these field lines.
func headOf(t testing.TB, fields string) *wire.RequestHead {
	t.Helper()
	var head wire.RequestHead
	if n, err := head.Parse([]byte("GET / HTTP/1.1\r\nHost: t\r\n"+fields+"\r\n"), &wire.Limits{}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	return &head
}

// text is the way in one line: an address that is trusted has a plus behind it.
func text(hops []Hop) string {
	var parts []string
	for _, h := range hops {
		part := h.Address.String()
		if !h.Address.IsValid() {
			part = "none"
		}
		if h.Trusted {
			part += "+"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

func TestWalkShowsTheWay(t *testing.T) {
	trusted, err := ParseProxies([]string{"127.0.0.1", "10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, peer, fields, want string }{
		{"a stranger", "9.9.9.9", "X-Forwarded-For: 1.2.3.4\r\n", "9.9.9.9"},
		{"nothing said", "127.0.0.1", "", "127.0.0.1+"},
		{"one hop", "127.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", "127.0.0.1+ 1.2.3.4"},
		{"through others", "127.0.0.1", "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.2\r\n", "127.0.0.1+ 10.0.0.2+ 1.2.3.4"},
		{"over two lines", "127.0.0.1", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.0.0.2\r\n", "127.0.0.1+ 10.0.0.2+ 1.2.3.4"},
		{"nonsense", "127.0.0.1", "X-Forwarded-For: 1.2.3.4, x\r\n", "127.0.0.1+ none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text(trusted.Walk(netip.MustParseAddr(c.peer), &headOf(t, c.fields).Head)); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
	in := trusted.WalkIn("cf-connecting-ip", netip.MustParseAddr("10.0.0.1"), &headOf(t, "CF-Connecting-IP: 1.2.3.4\r\ncf-connecting-ip: x\r\n").Head)
	if got, want := text(in), "10.0.0.1+ 1.2.3.4 none"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if in = trusted.WalkIn("cf-connecting-ip", netip.MustParseAddr("9.9.9.9"), &headOf(t, "CF-Connecting-IP: 1.2.3.4\r\n").Head); len(in) != 1 {
		t.Errorf("got %q; want the stranger alone", text(in))
	}
}

// FuzzWalk: the way ends where Client arrives.
func FuzzWalk(f *testing.F) {
	f.Add("127.0.0.1", []byte("1.2.3.4, 10.0.0.1"), []byte("10.0.0.2"))
	f.Add("10.0.0.1", []byte("[2001:db8::1]:80, fd00::1%x,10.0.0.1:8080"), []byte(","))
	f.Add("9.9.9.9", []byte("1.2.3.4"), []byte(""))
	f.Add("10.0.0.1", []byte(strings.Repeat("10.0.0.1,", 40)), []byte(strings.Repeat("10.0.0.1,", 40)))
	trusted := Networks{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	f.Fuzz(func(t *testing.T, peer string, first, second []byte) {
		ip, err := netip.ParseAddr(peer)
		if err != nil || ip.Zone() != "" {
			return
		}
		line := "GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: " + string(first) + "\r\nX-Forwarded-For: " + string(second) + "\r\n\r\n"
		var head wire.RequestHead
		if n, err := head.Parse([]byte(line), &wire.Limits{}); n != len(line) || err != nil {
			return
		}
		got := ip
		for _, h := range trusted.Walk(ip, &head.Head) {
			if h.Address.IsValid() {
				got = h.Address
			}
		}
		if want := trusted.Client(ip, &head.Head); got != want {
			t.Errorf("%s says %q and %q: the way ends at %s; want %s", ip, first, second, got, want)
		}
	})
}

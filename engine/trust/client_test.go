package trust

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestClientAddressIsWhatATrustedPeerVouchesFor(t *testing.T) {
	trusted, err := ParseNetworks([]string{"127.0.0.1", "10.0.0.0/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, peer, fields, want string }{
		{"stranger", "9.9.9.9", "X-Forwarded-For: 1.2.3.4\r\n", "9.9.9.9"},
		{"one hop", "127.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4"},
		{"the rightmost stranger", "127.0.0.1", "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1\r\n", "1.2.3.4"},
		{"lines from the last to the first", "127.0.0.1", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.0.0.1\r\n", "1.2.3.4"},
		{"all trusted", "127.0.0.1", "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n", "10.0.0.1"},
		{"garbage ends it", "127.0.0.1", "X-Forwarded-For: 1.2.3.4, unknown, 10.0.0.1\r\n", "10.0.0.1"},
		{"garbage alone", "127.0.0.1", "X-Forwarded-For: 1.2.3.4.5\r\n", "127.0.0.1"},
		{"empty", "127.0.0.1", "X-Forwarded-For:\r\n", "127.0.0.1"},
		{"trailing comma", "127.0.0.1", "X-Forwarded-For: 1.2.3.4,\r\n", "127.0.0.1"},
		{"zone", "127.0.0.1", "X-Forwarded-For: fe80::1%eth0\r\n", "fe80::1"},
		{"zone of a trusted one", "127.0.0.1", "X-Forwarded-For: 1.2.3.4, fd00::1%x\r\n", "1.2.3.4"},
		{"brackets and port", "127.0.0.1", "X-Forwarded-For: [2001:db8::1]:80, 10.0.0.1:8080\r\n", "2001:db8::1"},
		{"mapped", "127.0.0.1", "X-Forwarded-For: 1.2.3.4, ::ffff:10.0.0.1\r\n", "1.2.3.4"},
		{"leading zeros", "127.0.0.1", "X-Forwarded-For: 010.0.0.1\r\n", "127.0.0.1"},
		{"a thousand trusted hops are not walked", "127.0.0.1", "X-Forwarded-For: 1.2.3.4" + strings.Repeat(", 10.0.0.1", 1000) + "\r\n", "10.0.0.1"},
		{"a huge entry", "127.0.0.1", "X-Forwarded-For: 1.2.3.4, " + strings.Repeat("1", 4000) + "\r\n", "127.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var head wire.RequestHead
			if n, err := head.Parse([]byte("GET / HTTP/1.1\r\nHost: t\r\n"+tc.fields+"\r\n"), &wire.Limits{}); n == 0 || err != nil {
				t.Fatal(n, err)
			}
			if got := trusted.Client(netip.MustParseAddr(tc.peer), &head.Head).String(); got != tc.want {
				t.Errorf("got %s; want %s", got, tc.want)
			}
		})
	}
}

// FuzzClient: the peer, or an address that stands in the list, and only a trusted peer's
// list is read.
func FuzzClient(f *testing.F) {
	f.Add("127.0.0.1", []byte("1.2.3.4, 10.0.0.1"))
	f.Add("10.0.0.1", []byte("[2001:db8::1]:80, fd00::1%x,10.0.0.1:8080"))
	f.Add("9.9.9.9", []byte("1.2.3.4"))
	f.Add("::1", []byte(","))
	trusted := Networks{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	f.Fuzz(func(t *testing.T, peer string, value []byte) {
		ip, err := netip.ParseAddr(peer)
		if err != nil || ip.Zone() != "" {
			return
		}
		var head wire.RequestHead
		text := append(append([]byte("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: "), value...), "\r\n\r\n"...)
		if n, err := head.Parse(text, &wire.Limits{}); n != len(text) || err != nil {
			return
		}
		got := trusted.Client(ip, &head.Head)
		if got == ip {
			return
		}
		stands := false
		for entry := range bytes.SplitSeq(value, []byte(",")) {
			hop, ok := parseHop(bytes.TrimSpace(entry))
			stands = stands || ok && hop == got
		}
		if !stands || !trusted.Contains(ip) {
			t.Errorf("%s says %q: got %s", ip, value, got)
		}
	})
}

package wire

import (
	"net/netip"
	"testing"
)

func TestAppendProxyHeader(t *testing.T) {
	for _, tc := range []struct{ from, to, v1, v2 string }{
		{"192.0.2.1:1234", "192.0.2.9:80", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\r\n", proxyV2(0x21, 0x11, proxyInet)},
		{"[2001:db8::1]:1234", "[2001:db8::2]:80", "PROXY TCP6 2001:db8::1 2001:db8::2 1234 80\r\n", proxyV2(0x21, 0x21, proxyInet6)},
		{"[::ffff:192.0.2.1]:1234", "192.0.2.9:80", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\r\n", proxyV2(0x21, 0x11, proxyInet)},
		{
			"192.0.2.1:1234", "[2001:db8::2]:80", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1234 80\r\n",
			proxyV2(0x21, 0x21, proxyMapped[:16]+proxyInet6[16:]),
		},
		{"[2001:db8::1%eth0]:1234", "[2001:db8::2]:80", "PROXY TCP6 2001:db8::1 2001:db8::2 1234 80\r\n", proxyV2(0x21, 0x21, proxyInet6)},
		{"", "192.0.2.9:80", "PROXY UNKNOWN\r\n", proxyV2(0x20, 0x00, "")},
		{"192.0.2.1:1234", "", "PROXY UNKNOWN\r\n", proxyV2(0x20, 0x00, "")},
		{"", "", "PROXY UNKNOWN\r\n", proxyV2(0x20, 0x00, "")},
	} {
		var h ProxyHeader
		h.Source, _ = netip.ParseAddrPort(tc.from)
		h.Destination, _ = netip.ParseAddrPort(tc.to)
		if got := string(h.AppendV1([]byte("x"))); got != "x"+tc.v1 {
			t.Errorf("%s to %s: got %q; want %q", tc.from, tc.to, got, tc.v1)
		}
		if got := string(h.AppendV2([]byte("x"))); got != "x"+tc.v2 {
			t.Errorf("%s to %s: got %q; want %q", tc.from, tc.to, got, tc.v2)
		}
	}
}

// FuzzAppendProxyHeader reads what was written: the same addresses come out.
func FuzzAppendProxyHeader(f *testing.F) {
	f.Add([]byte(proxyInet[:4]), []byte(proxyInet[4:8]), uint16(1), uint16(2))
	f.Add([]byte(proxyInet6[:16]), []byte(proxyInet[:4]), uint16(0), uint16(65535))
	f.Add([]byte(proxyMapped[:16]), []byte(proxyInet6[16:32]), uint16(80), uint16(443))
	f.Add([]byte{}, []byte(proxyInet[:4]), uint16(1), uint16(2))
	f.Fuzz(func(t *testing.T, from, to []byte, fromPort, toPort uint16) {
		source, fromOK := netip.AddrFromSlice(from)
		destination, toOK := netip.AddrFromSlice(to)
		h := ProxyHeader{Source: netip.AddrPortFrom(source, fromPort), Destination: netip.AddrPortFrom(destination, toPort)}
		want := ProxyHeader{}
		if fromOK && toOK {
			want.Source = netip.AddrPortFrom(source.Unmap(), fromPort)
			want.Destination = netip.AddrPortFrom(destination.Unmap(), toPort)
		}
		for _, text := range [][]byte{h.AppendV1(nil), h.AppendV2(nil)} {
			var again ProxyHeader
			if n, err := again.Parse(text); n != len(text) || err != nil || again != want {
				t.Errorf("%q: got %d, %v, %v; want %v", text, n, err, again, want)
			}
			if len(text) > proxyV1Max {
				t.Errorf("%q has %d bytes", text, len(text))
			}
		}
	})
}

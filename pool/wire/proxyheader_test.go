package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// proxyV2 builds a header of version 2.
func proxyV2(command, family byte, body string) string {
	b := append([]byte(proxyV2Start), command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(body)))) + body
}

const (
	proxyInet  = "\xc0\x00\x02\x01\xc0\x00\x02\x09\x04\xd2\x00\x50"
	proxyInet6 = " \x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		" \x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x04\xd2\x00\x50"
	proxyMapped = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x09" + "\x04\xd2\x00\x50"
)

// proxyCase is a header; want is source and destination, "none", or a cause.
type proxyCase struct{ name, raw, want string }

func proxyCases() []proxyCase {
	const (
		inet  = "192.0.2.1:1234 192.0.2.9:80"
		inet6 = "[2001:db8::1]:1234 [2001:db8::2]:80"
		bad   = "bad_proxy_header"
		other = "no_proxy_header"
	)
	return []proxyCase{
		{"v1 IPv4", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\r\n", inet},
		{"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:DB8::2 1234 80\r\n", inet6},
		{"v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.9 1234 80\r\n", inet},
		{"v1 longest", "PROXY TCP6 " + strings.Repeat("ffff:", 7) + "ffff " + strings.Repeat("ffff:", 7) + "ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
		{"v1 unknown", "PROXY UNKNOWN\r\n", "none"},
		{"v1 unknown with more", "PROXY UNKNOWN ffff::1 nonsense\r\n", "none"},
		{"v1 port 0", "PROXY TCP4 192.0.2.1 192.0.2.9 0 0\r\n", "192.0.2.1:0 192.0.2.9:0"},
		{"v1 too long", "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n", bad},
		{"v1 just fits", "PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n", "none"},
		{"v1 bare LF", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\n", bad},
		{"v1 two CR", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80\r\r\n", bad},
		{"v1 CR inside", "PROXY UNKNOWN a\rb\r\n", bad},
		{"v1 family", "PROXY TCP5 192.0.2.1 192.0.2.9 1234 80\r\n", bad},
		{"v1 family alone", "PROXY TCP4\r\n", bad},
		{"v1 unknown glued", "PROXY UNKNOWNS\r\n", bad},
		{"v1 families mixed", "PROXY TCP4 ::1 ::1 1234 80\r\n", bad},
		{"v1 mixed the other way", "PROXY TCP6 192.0.2.1 192.0.2.9 1234 80\r\n", bad},
		{"v1 three words", "PROXY TCP4 192.0.2.1 192.0.2.9 1234\r\n", bad},
		{"v1 five words", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80 9\r\n", bad},
		{"v1 trailing space", "PROXY TCP4 192.0.2.1 192.0.2.9 1234 80 \r\n", bad},
		{"v1 two spaces", "PROXY TCP4  192.0.2.1 192.0.2.9 1234 80\r\n", bad},
		{"v1 leading zero in address", "PROXY TCP4 192.0.02.1 192.0.2.9 1234 80\r\n", bad},
		{"v1 leading zero in port", "PROXY TCP4 192.0.2.1 192.0.2.9 01234 80\r\n", bad},
		{"v1 port too high", "PROXY TCP4 192.0.2.1 192.0.2.9 65536 80\r\n", bad},
		{"v1 signed port", "PROXY TCP4 192.0.2.1 192.0.2.9 +1 80\r\n", bad},
		{"v1 zone", "PROXY TCP6 fe80::1%eth0 ::1 1234 80\r\n", bad},
		{"v1 lower case", "proxy TCP4 192.0.2.1 192.0.2.9 1234 80\r\n", other},
		{"a request", "GET / HTTP/1.1\r\n\r\n", other},
		{"a request that puts", "PUT / HTTP/1.1\r\n\r\n", other},
		{"a request of the method PROXY", "PROXY /TCP4 HTTP/1.1\r\n\r\n", other},
		{"an absolute one", "PROXY http://a/ HTTP/1.1\r\n\r\n", other},
		{"an asterisk", "PROXY * HTTP/1.1\r\n\r\n", other},
		{"a request behind an empty line", "\r\nGET / HTTP/1.1\r\n\r\n", other},
		{"TLS", "\x16\x03\x01\x02\x00", other},
		{"v2 IPv4", proxyV2(0x21, 0x11, proxyInet), inet},
		{"v2 IPv4 with TLVs", proxyV2(0x21, 0x11, proxyInet+"\x03\x00\x04abcd\xea\x00\x01x"), inet},
		{"v2 IPv6", proxyV2(0x21, 0x21, proxyInet6), inet6},
		{"v2 mapped", proxyV2(0x21, 0x21, proxyMapped), inet},
		{"v2 local", proxyV2(0x20, 0x00, ""), "none"},
		{"v2 local with an address", proxyV2(0x20, 0x11, proxyInet), "none"},
		{"v2 local with an unassigned family", proxyV2(0x20, 0x41, "abcd"), "none"},
		{"v2 local with an unassigned transport", proxyV2(0x20, 0x1f, ""), "none"},
		{"v2 local with nothing assigned", proxyV2(0x20, 0xff, proxyInet), "none"},
		{"v2 local too short for its family", proxyV2(0x20, 0x11, "x"), "none"},
		{"v2 unspecified", proxyV2(0x21, 0x00, "\x04\x00\x01x"), "none"},
		{"v2 unix", proxyV2(0x21, 0x31, strings.Repeat("\x00", 216)), "none"},
		{"v2 datagram", proxyV2(0x21, 0x12, proxyInet), "none"},
		{"v2 largest", proxyV2(0x21, 0x11, proxyInet+strings.Repeat("x", ProxyHeaderBytesMax-28)), inet},
		{"v2 too large", proxyV2(0x21, 0x11, proxyInet+strings.Repeat("x", ProxyHeaderBytesMax-27)), bad},
		{"v2 too short", proxyV2(0x21, 0x11, proxyInet[:11]), bad},
		{"v2 IPv6 too short", proxyV2(0x21, 0x21, proxyInet), bad},
		{"v2 unix too short", proxyV2(0x21, 0x31, proxyInet), bad},
		{"v2 version 1", proxyV2(0x11, 0x11, proxyInet), bad},
		{"v2 command 2", proxyV2(0x22, 0x11, proxyInet), bad},
		{"v2 family 4", proxyV2(0x21, 0x41, proxyInet), bad},
		{"v2 transport 3", proxyV2(0x21, 0x13, proxyInet), bad},
		{"v2 wrong signature", "\r\n\r\n\x00\r\nQUIX\n\x21\x11\x00\x00", other},
	}
}

// proxyParser is a ProxyHeader as the tests of parsers drive one.
type proxyParser struct{ h ProxyHeader }

func (p *proxyParser) parse(b []byte) (int, error) { return p.h.Parse(b) }

func (p *proxyParser) describe() string {
	if !p.h.Source.IsValid() {
		return "none"
	}
	return fmt.Sprint(p.h.Source, " ", p.h.Destination)
}

func TestProxyHeader(t *testing.T) {
	for _, c := range proxyCases() {
		t.Run(c.name, func(t *testing.T) {
			raw := []byte(c.raw)
			for cut := range raw {
				var p proxyParser
				n, err := p.parse(raw[:cut])
				if n != 0 || err != nil && errCause(err) != c.want {
					t.Fatalf("the first %d bytes: got %d, %v", cut, n, err)
				}
				if err != nil {
					break
				}
			}
			var p proxyParser
			n, err := p.parse(append(raw, "GET / HTTP/1.1\r\n"...))
			if err != nil {
				if got := errCause(err); got != c.want {
					t.Fatalf("got %s; want %s", got, c.want)
				}
				return
			}
			if n != len(c.raw) || p.describe() != c.want {
				t.Errorf("got %d bytes, %s; want %d, %s", n, p.describe(), len(c.raw), c.want)
			}
		})
	}
}

func errCause(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Cause
	}
	return err.Error()
}

// TestProxyHeaderIsNoRequest pins why a connection may begin with a header or
// without one: no bytes are both a header and a request.
func TestProxyHeaderIsNoRequest(t *testing.T) {
	for _, c := range proxyCases() {
		var p proxyParser
		if n, err := p.parse([]byte(c.raw)); n == 0 || err != nil {
			continue
		}
		var r requestParser
		if n, err := r.parse([]byte(c.raw + "Host: a\r\n\r\n")); err == nil {
			t.Errorf("%s: is a request of %d bytes too", c.name, n)
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, c := range proxyCases() {
		f.Add([]byte(c.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkProxyHeader(t, raw)
	})
}

// checkProxyHeader states what holds for all bytes.
func checkProxyHeader(t *testing.T, raw []byte) {
	t.Helper()
	var whole proxyParser
	n, err := whole.parse(raw)
	for cut := range raw {
		var p proxyParser
		m, cutErr := p.parse(raw[:cut])
		switch {
		case cutErr != nil && !errors.Is(cutErr, err):
			t.Fatalf("the first %d bytes: got %v; want %v or nothing", cut, cutErr, err)
		case m != 0 && (m != n || p != whole):
			t.Fatalf("the first %d bytes: got %d, %s; want %d, %s", cut, m, p.describe(), n, whole.describe())
		case cut < n && m != 0:
			t.Fatalf("a header of %d bytes was complete after %d", n, cut)
		}
	}
	if err != nil || n == 0 {
		if whole.h != (ProxyHeader{}) {
			t.Fatalf("got %s beside %v", whole.describe(), err)
		}
		if err == nil && len(raw) >= ProxyHeaderBytesMax {
			t.Fatalf("%d bytes are not enough", len(raw))
		}
		return
	}
	if n > len(raw) || n > ProxyHeaderBytesMax {
		t.Fatalf("got a length of %d from %d bytes", n, len(raw))
	}
	if whole.h.Source.IsValid() != whole.h.Destination.IsValid() || whole.h.Source.Addr().Is4In6() {
		t.Fatalf("got %s", whole.describe())
	}
	var r requestParser
	if m, err := r.parse(raw); m > 0 && err == nil {
		t.Fatalf("%q is a header and a request", raw)
	}
	checkProxyAgain(t, &whole.h)
}

// checkProxyAgain writes the header anew in both versions, and reads it again.
func checkProxyAgain(t *testing.T, h *ProxyHeader) {
	t.Helper()
	for _, text := range [][]byte{h.AppendV1(nil), h.AppendV2(nil)} {
		var again ProxyHeader
		if n, err := again.Parse(text); n != len(text) || err != nil || again != *h {
			t.Fatalf("%q: got %d, %v, %v; want %v", text, n, err, again, *h)
		}
	}
}

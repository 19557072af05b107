package trust

import (
	"net/netip"
	"testing"
)

func TestNetworksAreRead(t *testing.T) {
	for _, c := range []struct {
		text, in, out string // out "": the text is refused
	}{
		{"10.0.0.0/8", "10.255.0.1", "11.0.0.1"},
		{"10.1.2.3/8", "10.255.0.1", "11.0.0.1"},
		{"192.0.2.1", "192.0.2.1", "192.0.2.2"},
		{"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
		{"::1", "::1", "::2"},
		{"10.0.0.0/33", "", ""},
		{"10.0.0", "", ""},
		{"localhost", "", ""},
		{"", "", ""},
	} {
		t.Run(c.text, func(t *testing.T) {
			n, err := ParseNetworks([]string{c.text})
			if (err != nil) != (c.out == "") {
				t.Fatalf("got %v; want an error: %v", err, c.out == "")
			}
			if err == nil && (!n.Contains(netip.MustParseAddr(c.in)) || n.Contains(netip.MustParseAddr(c.out))) {
				t.Errorf("%s holds %s %v and %s %v; want the first only", c.text, c.in, n.Contains(netip.MustParseAddr(c.in)),
					c.out, n.Contains(netip.MustParseAddr(c.out)))
			}
		})
	}
}

// A unix socket's peer, which has no address, is trusted as soon as anybody is, and
// believed where PROXY headers are.
func TestPeersAreTrusted(t *testing.T) {
	some := Networks{netip.MustParsePrefix("10.0.0.0/8")}
	in, out, unix := netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("9.9.9.9"), netip.Addr{}
	for _, c := range []struct {
		name          string
		trusted       Networks
		protocol      string
		from          []string
		trusts        [3]bool // in, out, unix
		believes      [3]bool
		mustIntroduce bool
	}{
		{"nobody", nil, "", nil, [3]bool{}, [3]bool{}, false},
		{"some, no protocol", some, "", nil, [3]bool{true, false, true}, [3]bool{}, false},
		{"some, accept", some, "accept", nil, [3]bool{true, false, true}, [3]bool{true, false, true}, false},
		{"others, require", some, "require", []string{"9.9.9.9"}, [3]bool{true, false, true}, [3]bool{false, true, true}, true},
		{"nobody, accept", nil, "accept", nil, [3]bool{}, [3]bool{false, false, true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := NewProxies(c.protocol, c.from, c.trusted)
			if err != nil {
				t.Fatal(err)
			}
			for i, ip := range []netip.Addr{in, out, unix} {
				if got := c.trusted.Trusts(ip); got != c.trusts[i] {
					t.Errorf("%v trusted: got %v; want %v", ip, got, c.trusts[i])
				}
				if got := p.Believe(ip); got != c.believes[i] {
					t.Errorf("%v believed: got %v; want %v", ip, got, c.believes[i])
				}
			}
			if p.Require != c.mustIntroduce {
				t.Errorf("required: got %v; want %v", p.Require, c.mustIntroduce)
			}
		})
	}
	if _, err := NewProxies("accept", []string{"x"}, nil); err == nil {
		t.Error("x was taken for a network")
	}
}

package trust

import (
	"net/netip"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestClientAddressInAFieldOfItsOwn(t *testing.T) {
	trusted, err := ParseProxies([]string{"192.0.2.1", "private"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, peer, fields, want string }{
		{"said", "10.0.0.1", "CF-Connecting-IP: 1.2.3.4\r\n", "1.2.3.4"},
		{"in any case", "10.0.0.1", "cf-connecting-ip: 1.2.3.4\r\n", "1.2.3.4"},
		{"IPv6", "10.0.0.1", "CF-Connecting-IP: 2001:db8::1\r\n", "2001:db8::1"},
		{"mapped, with a port", "10.0.0.1", "CF-Connecting-IP: [::ffff:1.2.3.4]:80\r\n", "1.2.3.4"},
		{"a trusted one", "10.0.0.1", "CF-Connecting-IP: 10.0.0.2\r\n", "10.0.0.2"},
		{"a stranger's", "9.9.9.9", "CF-Connecting-IP: 1.2.3.4\r\n", "9.9.9.9"},
		{"absent", "10.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", "10.0.0.1"},
		{"with underscores", "10.0.0.1", "CF_Connecting_IP: 1.2.3.4\r\n", "10.0.0.1"},
		{"empty", "10.0.0.1", "CF-Connecting-IP:\r\n", "10.0.0.1"},
		{"no address", "10.0.0.1", "CF-Connecting-IP: localhost\r\n", "10.0.0.1"},
		{"a list", "10.0.0.1", "CF-Connecting-IP: 1.2.3.4, 5.6.7.8\r\n", "10.0.0.1"},
		{"twice", "10.0.0.1", "CF-Connecting-IP: 1.2.3.4\r\nCF-Connecting-IP: 5.6.7.8\r\n", "10.0.0.1"},
		{"twice the same", "10.0.0.1", "CF-Connecting-IP: 1.2.3.4\r\nCF-Connecting-IP: 1.2.3.4\r\n", "10.0.0.1"},
		{"garbage behind it", "10.0.0.1", "CF-Connecting-IP: 1.2.3.4\r\nCF-Connecting-IP: x\r\n", "10.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var head wire.RequestHead
			if n, err := head.Parse([]byte("GET / HTTP/1.1\r\nHost: t\r\n"+tc.fields+"\r\n"), &wire.Limits{}); n == 0 || err != nil {
				t.Fatal(n, err)
			}
			if got := trusted.ClientIn("cf-connecting-ip", netip.MustParseAddr(tc.peer), &head.Head).String(); got != tc.want {
				t.Errorf("got %s; want %s", got, tc.want)
			}
		})
	}
}

func TestPrivateIsAWord(t *testing.T) {
	networks, err := ParseProxies([]string{"192.0.2.1", Private})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"192.0.2.1": true, "127.0.0.9": true, "::1": true, "10.255.0.1": true, "172.31.0.1": true, "192.168.255.1": true, "fd12::1": true,
		"192.0.2.2": false, "172.32.0.1": false, "100.64.0.1": false, "169.254.169.254": false, "fe80::1": false, "2001:db8::1": false, "::2": false,
	} {
		if got := networks.Trusts(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v; want %v", address, got, want)
		}
	}
	if _, err := ParseNetworks([]string{Private}); err == nil {
		t.Error("the word counts where no proxies are meant")
	}
	p, err := NewProxies("accept", []string{Private}, nil)
	if err != nil || !p.Believe(netip.MustParseAddr("10.0.0.1")) || p.Believe(netip.MustParseAddr("9.9.9.9")) {
		t.Errorf("proxies: got %v, %v", p, err)
	}
}

// FuzzClientIn: the peer, or the address that the one line says, and only of a trusted peer.
func FuzzClientIn(f *testing.F) {
	f.Add("127.0.0.1", []byte("1.2.3.4"), []byte("1.2.3.4"))
	f.Add("10.0.0.1", []byte("[2001:db8::1]:80"), []byte(""))
	f.Add("9.9.9.9", []byte("1.2.3.4"), []byte("x"))
	trusted, err := ParseProxies([]string{Private})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, peer string, value, other []byte) {
		ip, err := netip.ParseAddr(peer)
		if err != nil || ip.Zone() != "" {
			return
		}
		text := append(append([]byte("GET / HTTP/1.1\r\nHost: t\r\nX-Real-IP: "), value...), "\r\nX-Other: "...)
		text = append(append(text, other...), "\r\n\r\n"...)
		var head wire.RequestHead
		if n, err := head.Parse(text, &wire.Limits{}); n != len(text) || err != nil || len(head.Fields) != 3 {
			return
		}
		got := trusted.ClientIn("x-real-ip", ip, &head.Head)
		said, ok := parseHop(head.FieldValue(&head.Fields[1]))
		if want := ok && trusted.Trusts(ip); got != ip && (!want || got != said) || want && got != said {
			t.Errorf("%s says %q: got %s", ip, value, got)
		}
	})
}

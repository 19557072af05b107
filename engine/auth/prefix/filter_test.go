package prefix

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

func TestTheNetworkThatSaysMostDecides(t *testing.T) {
	for _, c := range []struct{ name, allow, deny, file, pass, refused string }{
		{"nothing", "", "", "", "1.2.3.4 ::1", ""},
		{"allow alone", "10.0.0.0/8 ::1", "", "", "10.255.0.1 ::1", "11.0.0.1 ::2 1.1.1.1"},
		{"deny alone", "", "10.0.0.0/8", "", "11.0.0.1 ::1", "10.0.0.1"},
		{"deny inside of allow", "10.0.0.0/8", "10.1.2.3", "", "10.1.2.4", "10.1.2.3 9.9.9.9"},
		{"allow inside of deny", "0.0.0.0/0 10.1.2.3", "10.0.0.0/8", "", "10.1.2.3 9.9.9.9", "10.1.2.4 ::1"},
		{"the same in both", "10.0.0.0/8", "10.0.0.0/8", "", "", "10.0.0.1"},
		{"the same in both, given twice", "10.0.0.0/8 10.0.0.0/8", "10.0.0.0/8 10.0.0.0/8", "", "", "10.0.0.1"},
		{"a file denies", "", "", "10.0.0.0/8\n", "11.0.0.1", "10.0.0.1"},
		{"an exception of a file", "0.0.0.0/0 10.9.0.0/16", "", "10.0.0.0/8\n", "10.9.9.9", "10.0.0.1"},
		{"comments of a file", "", "", "; Spamhaus\n# x\n\n1.2.3.0/24 ; SBL1\n2.0.0.0/8#y\r\n", "3.0.0.1", "1.2.3.4 2.0.0.1"},
		{"mapped network", "", "::ffff:10.0.0.0/104", "", "11.0.0.1 ::ffff:11.0.0.1", "10.0.0.1 ::ffff:10.0.0.1"},
		{"mapped address", "", "::ffff:1.2.3.4", "", "1.2.3.5", "1.2.3.4 ::ffff:1.2.3.4"},
		{"all of IPv4 in the form of IPv6", "", "::ffff:0:0/96", "", "::1", "1.2.3.4"},
		{"all of IPv6", "", "::/0", "", "1.2.3.4 ::ffff:1.2.3.4", "::1 2001:db8::1"},
		{"bits behind the length", "", "10.1.2.3/8", "", "11.0.0.1", "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := New(strings.Fields(c.allow), strings.Fields(c.deny), []live.File{{Name: "f", Data: []byte(c.file)}})
			if err != nil {
				t.Fatal(err)
			}
			for text := range strings.FieldsSeq(c.pass) {
				if !f.Passes(netip.MustParseAddr(text)) {
					t.Errorf("%s is refused", text)
				}
			}
			for text := range strings.FieldsSeq(c.refused) {
				if f.Passes(netip.MustParseAddr(text)) {
					t.Errorf("%s passes", text)
				}
			}
			if got := f.Passes(netip.Addr{}); got != (c.allow == "") {
				t.Errorf("who has no address passes: %v", got)
			}
		})
	}
}

func TestWhatIsNoNetworkIsNamed(t *testing.T) {
	for _, c := range []struct{ allow, deny, file, want string }{
		{"10.0.0.0/8 x", "", "", `allow[1]: cannot read address "x"`},
		{"", "10.0.0.0/33", "", `deny[0]: cannot read network "10.0.0.0/33"`},
		{"", "", "10.0.0.1\n# x\n10.0.0.256\n", `f:3: cannot read address "10.0.0.256"`},
		{"", "", "fe80::1%eth0", `f:1: cannot read network "fe80::1%eth0": an address with a zone`},
		{"", "", "fe80::%1/64", `f:1: cannot read network "fe80::%1/64": an address with a zone`},
		{"", "", "10.0.0.1 10.0.0.2", `f:1: cannot read network "10.0.0.1 10.0.0.2": one address or network stands on a line`},
		{"", "", "10.0.0.1,10.0.0.2", `f:1: cannot read address "10.0.0.1,10.0.0.2"`},
		{"", "", "::ffff:0:0/95", `f:1: cannot read network "::ffff:0:0/95": an IPv4 network in the form of IPv6 has 96 bits`},
		{"", "", "010.0.0.1", `f:1: cannot read address "010.0.0.1"`},
	} {
		_, err := New(strings.Fields(c.allow), strings.Fields(c.deny), []live.File{{Name: "f", Data: []byte(c.file)}})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v; want %s", err, c.want)
		}
	}
}

// model is a filter by looking at every network.
type model struct {
	allow, deny []netip.Prefix
}

func (m *model) passes(ip netip.Addr) bool {
	longest, pass := -1, len(m.allow) == 0
	for _, p := range m.allow {
		if p.Contains(ip) && p.Bits() > longest {
			longest, pass = p.Bits(), true
		}
	}
	for _, p := range m.deny {
		if p.Contains(ip) && p.Bits() >= longest {
			longest, pass = p.Bits(), false
		}
	}
	return pass
}

func TestFilterDecidesAsAPlainListDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		m, allow, deny := model{}, []string(nil), []string(nil)
		for range r.IntN(40) {
			p := nearby(r)
			m.allow, allow = append(m.allow, p), append(allow, p.String())
		}
		for range r.IntN(12) {
			p := nearby(r)
			m.deny, deny = append(m.deny, p), append(deny, p.String())
		}
		f, err := New(allow, deny, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if ip := nearby(r).Addr(); f.Passes(ip) != m.passes(ip) {
				t.Fatalf("allow %v deny %v: %v passes %v", allow, deny, ip, f.Passes(ip))
			}
		}
	}
}

// nearby draws networks that often hold each other.
func nearby(r *rand.Rand) netip.Prefix {
	if r.IntN(2) == 0 {
		ip := netip.AddrFrom4([4]byte{[]byte{0, 10, 255}[r.IntN(3)], byte(r.IntN(2)), []byte{0, 255}[r.IntN(2)], byte(r.IntN(4) + 252*r.IntN(2))})
		return netip.PrefixFrom(ip, r.IntN(33)).Masked()
	}
	edge := []byte{0, 1, 0x20, 0xff}
	var b [16]byte
	for i := range b {
		b[i] = edge[0]
		if i < 2 || i > 6 && i < 9 || i > 13 {
			b[i] = edge[r.IntN(len(edge))]
		}
	}
	if r.IntN(8) == 0 {
		for i := range b {
			b[i] = 0xff
		}
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), []int{0, 1, 16, 60, 63, 64, 65, 72, 120, 127, 128}[r.IntN(11)]).Masked()
}

func TestAMillionNetworksAreTheMost(t *testing.T) {
	f := Filter{networks: NetworksMax - 1}
	if err := f.add("::1", false); err != nil {
		t.Error(err)
	}
	if err := f.add("10.0.0.1", false); err == nil {
		t.Error("one more network was taken")
	}
}

// FuzzFile: a file is refused, or each of its lines is obeyed.
func FuzzFile(f *testing.F) {
	for _, text := range []string{"10.0.0.0/8", "::ffff:1.2.3.4/97", "1.2.3.4 # x\n;y\n\n::/0", "::1%x", "/", "::ffff:0:0/95"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []live.File{{Name: "f", Data: data}}
		filter, err := New(nil, nil, files)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%q: the error %q names no line", data, err)
			}
			return
		}
		for line := range files[0].Lines() {
			text := withoutComment(line.Text)
			if len(text) == 0 {
				continue
			}
			at, _, _ := strings.Cut(string(text), "/")
			if ip, err := netip.ParseAddr(at); err != nil || filter.Passes(ip) {
				t.Errorf("%q: %v passes", data, ip)
			}
		}
	})
}

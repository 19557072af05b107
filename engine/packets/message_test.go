package packets

import (
	"bytes"
	"net"
	"reflect"
	"testing"

	"golang.org/x/net/ipv4"
)

func room() *ipv4.Message {
	return &ipv4.Message{Buffers: [][]byte{make([]byte, 1500)}, OOB: make([]byte, 128)}
}

func TestPacketIsTheSameOnTheOtherSide(t *testing.T) {
	for _, from := range []*net.UDPAddr{
		{IP: net.IP{192, 0, 2, 1}, Port: 65535},
		{IP: net.ParseIP("192.0.2.1"), Port: 1},
		{IP: net.ParseIP("fe80::1"), Port: 443, Zone: "eth0"},
	} {
		m := room()
		m.Addr, m.N, m.NN = from, copy(m.Buffers[0], "packet"), copy(m.OOB, "control")
		head, ok := appendHead(nil, m)
		got := room()
		if err := parsePacket(append(head, "packet"...), got); !ok || err != nil {
			t.Fatalf("%v: got %v, %v", from, ok, err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("got %v; want %v", got, m)
		}
	}
}

func TestWhoseAPacketIs(t *testing.T) {
	for _, c := range []struct {
		name, packet string
		tag          byte
		given        bool
		chosen       string
	}{
		{"short", "@7------payload", '7', true, ""},
		{"short, cut", "@7-----", '7', false, ""},
		{"long, ours", "\xe0\x00\x00\x00\x01\x077------\x00", '7', true, ""},
		{"long, cut", "\xe0\x00\x00\x00\x01\x077-----", '7', false, ""},
		{"long, chosen", "\xc0\x00\x00\x00\x01\x0812345678\x00", '1', false, "12345678"},
		{"long, chosen, cut", "\xc0\x00\x00\x00\x01\x081234567", '1', false, ""},
		{"long, another version", "\xc0\x1a\x2a\x3a\x4a\x1512345678901234567890x", '1', false, ""},
		{"nothing", "", 0, false, ""},
		{"one byte", "\xc0", 0, false, ""},
	} {
		tag, given := tagOf([]byte(c.packet))
		if given != c.given || given && tag != c.tag {
			t.Errorf("%s: got %q, %v; want %q, %v", c.name, tag, given, c.tag, c.given)
		}
		if got := string(chosenOf([]byte(c.packet))); got != c.chosen {
			t.Errorf("%s: got chosen %q; want %q", c.name, got, c.chosen)
		}
	}
}

func TestChosenIDsAreBoundedAndGrowOld(t *testing.T) {
	var r chosenRing
	for i := range 3 * chosenMax {
		r.add([]byte{byte(i), byte(i >> 8), 0, 0, 0, 0, 0, 0}, int64(i))
	}
	text := appendBegin(nil, r.young(0))
	ids, err := parseBegin(text)
	if err != nil || len(ids) != chosenMax || len(text) > messageBytes {
		t.Errorf("got %d ids in %d bytes, %v", len(ids), len(text), err)
	}
	if got := r.young(int64(chosenTime) + 3*chosenMax); got != nil {
		t.Errorf("%d are young after %v", len(got), chosenTime)
	}
}

// FuzzMessages reads what another process may have written.
func FuzzMessages(f *testing.F) {
	m := room()
	m.Addr = &net.UDPAddr{IP: net.IP{1, 2, 3, 4}, Port: 5, Zone: "z"}
	head, _ := appendHead(nil, m)
	f.Add(append(head, "packet"...))
	f.Add(appendBegin(nil, [][]byte{[]byte("12345678")}))
	keys := newKeys()
	f.Add(keys.append(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := room()
		if parsePacket(text, m) == nil {
			again, ok := appendHead(nil, m)
			if !ok || !bytes.Equal(append(again, m.Buffers[0][:m.N]...), text) {
				t.Errorf("%q is read as %v", text, m)
			}
		}
		if len(text) > 0 {
			_, _ = parseBegin(text)
		}
		_ = new(Keys).parse(text)
		if _, given := tagOf(text); given && chosenOf(text) != nil {
			t.Errorf("%q is given and chosen", text)
		}
	})
}

package prefix

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// sorted is the simplest structure of one's own: networks in order that hold no other.
type sorted []netip.Prefix

func (s sorted) contains(ip netip.Addr) bool {
	i, _ := slices.BinarySearchFunc(s, ip, func(p netip.Prefix, ip netip.Addr) int {
		if p.Addr().Compare(ip) <= 0 {
			return -1
		}
		return 1
	})
	return i > 0 && s[i-1].Contains(ip)
}

// drawn are so many networks, about, and addresses half of which are in one.
func drawn(networks, addresses int, six bool) (list sorted, asked []netip.Addr) {
	r := rand.New(rand.NewPCG(3, 4))
	all := make([]netip.Prefix, networks)
	for i := range all {
		all[i] = network(r, six)
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	for _, p := range all {
		if len(list) == 0 || !list[len(list)-1].Contains(p.Addr()) {
			list = append(list, p)
		}
	}
	for i := range addresses {
		ip := network(r, six).Addr()
		if i%2 == 0 {
			ip = list[r.IntN(len(list))].Addr()
		}
		asked = append(asked, ip)
	}
	return list, asked
}

func network(r *rand.Rand, six bool) netip.Prefix {
	if six {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], 0x2000<<48|r.Uint64()>>3)
		binary.BigEndian.PutUint64(b[8:], r.Uint64())
		return netip.PrefixFrom(netip.AddrFrom16(b), []int{32, 48, 56, 64, 128}[r.IntN(5)]).Masked()
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], r.Uint32())
	return netip.PrefixFrom(netip.AddrFrom4(b), []int{20, 22, 24, 32, 32}[r.IntN(5)]).Masked()
}

func BenchmarkLookup(b *testing.B) {
	for _, family := range []string{"4", "6"} {
		for _, clients := range []int{1 << 10, 1 << 16} {
			list, asked := drawn(100_000, clients, family == "6")
			texts := make([]string, len(list))
			for i, p := range list {
				texts[i] = p.String()
			}
			f, err := New(nil, texts, nil)
			if err != nil {
				b.Fatal(err)
			}
			for _, ip := range asked {
				if f.Passes(ip) == list.contains(ip) {
					b.Fatalf("%v: the two disagree", ip)
				}
			}
			for _, by := range []struct {
				name   string
				lookup func(netip.Addr) bool
			}{{"filter", f.Passes}, {"sorted", list.contains}} {
				b.Run(fmt.Sprintf("ip=%s/clients=%d/by=%s", family, clients, by.name), func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						by.lookup(asked[i&(clients-1)])
					}
				})
			}
		}
	}
}

package algo

import (
	"encoding/binary"
	"testing"
)

// FuzzPick builds a balancer and rebuilds it, and picks under random loads: no
// panic, nothing out of range, nothing tried, nothing of weight 0, and nobody
// left behind while there is one to pick.
func FuzzPick(f *testing.F) {
	f.Add(uint8(0), []byte{1, 1, 1}, []byte("some queries and their numbers"))
	f.Add(uint8(2), []byte{0, 255, 3, 7}, []byte{0, 0, 0, 0, 0, 0, 0, 0, 255, 255})
	f.Add(uint8(7), []byte{0, 0}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18})
	f.Add(uint8(8), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, kind uint8, weights, script []byte) {
		k := Kind(kind % uint8(kindEnd))
		members := fuzzMembers(weights, k)
		b := mustNew(t, k, members, nil)
		for len(script) >= 9 {
			number := binary.LittleEndian.Uint64(script)
			action := script[8]
			script = script[9:]
			switch {
			case action&3 == 0 && len(members) > 1:
				members = members[:len(members)-1]
				b = mustNew(t, k, members, b)
			case action&3 == 1 && len(members) > 0:
				members[number%uint64(len(members))].Load.InFlight.Store(int64(number >> (action >> 2)))
			default:
				q := Query{Hash: number, Random: mix(number), NowNanos: int64(number << 1)}
				fuzzExchange(t, b, members, q)
			}
		}
	})
}

// fuzzMembers makes a member of each byte; some weights are huge, some members
// ramp up, some keys are equal. A ring of huge weights takes too long to build.
func fuzzMembers(weights []byte, kind Kind) []Member {
	weights = weights[:min(len(weights), 100)]
	members := make([]Member, len(weights))
	for i, w := range weights {
		weight := uint32(w)
		if w > 200 && kind != ConsistentHash {
			weight <<= w - 200
		}
		members[i] = Member{Key: string(weights[:i%40]) + ":80", Weight: weight, Ramp: uint32(w) % 80, Load: new(Load)}
	}
	return members
}

// fuzzExchange picks until nobody is left or Tried is full.
func fuzzExchange(t *testing.T, b Balancer, members []Member, q Query) {
	t.Helper()
	eligible := 0
	for i := range members {
		if members[i].Weight > 0 {
			eligible++
		}
	}
	if eligible == 0 {
		eligible = len(members)
	}
	for try := range TriedMax {
		got := b.Pick(q)
		if got == -1 {
			if try < eligible {
				t.Fatalf("nobody after %d of %d members", try, eligible)
			}
			return
		}
		if got < 0 || got >= len(members) || q.Tried.Has(got) {
			t.Fatalf("got %d of %d, tried %v", got, len(members), q.Tried)
		}
		if members[got].Weight == 0 && eligible < len(members) {
			t.Fatalf("got %d, which has weight 0", got)
		}
		q.Tried.Add(got)
	}
}

// FuzzTried compares the set with a map.
func FuzzTried(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 255, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		var tried Tried
		var model []int
		for ; len(script) >= 2; script = script[2:] {
			index := int(binary.LittleEndian.Uint16(script))
			known := false
			for _, m := range model {
				known = known || m == index
			}
			if tried.Has(index) != known {
				t.Fatalf("Has(%d) = %v", index, !known)
			}
			tried.Add(index)
			if !known && index < MaxMembers {
				model = append(model, index)
			}
			if len(model) > TriedMax {
				model = model[1:]
			}
		}
	})
}

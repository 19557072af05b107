package verified

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestAnEntryIsKeptForItsTime(t *testing.T) {
	c := New[string](8)
	c.Put(1, []byte("a"), "A", 100, 0)
	for _, q := range []struct {
		hash uint64
		id   string
		now  int64
		want bool
	}{
		{1, "a", 0, true},
		{1, "a", 99, true},
		{1, "a", 100, false},
		{1, "b", 0, false},
		{1 << 40, "a", 0, true}, // the same places
		{1 << 2, "a", 0, false},
	} {
		if got := c.Get(q.hash, []byte(q.id), q.now); (got != nil) != q.want || got != nil && *got != "A" {
			t.Errorf("%+v: got %v", q, got)
		}
	}
	c.Put(1, []byte("late"), "L", 50, 50)
	if c.Len(60) != 1 {
		t.Errorf("%d entries; want the one whose time has not passed", c.Len(60))
	}
}

func TestThePlaceOfWhatIsNotAskedForIsTaken(t *testing.T) {
	c := New[int](1)
	for i := range ways {
		c.Put(0, []byte{byte(i)}, i, 100, 0)
	}
	for i := range ways {
		if i != 2 && c.Get(0, []byte{byte(i)}, 1) == nil {
			t.Fatalf("entry %d is not there", i)
		}
	}
	c.Put(0, []byte{9}, 9, 100, 1)
	if c.Get(0, []byte{2}, 1) != nil || c.Get(0, []byte{9}, 1) == nil {
		t.Error("the entry that nobody asked for is not the one that went")
	}
	c.Put(0, []byte{9}, 10, 100, 1)
	if got := c.Get(0, []byte{9}, 1); got == nil || *got != 10 || c.Len(1) != ways {
		t.Errorf("got %v and %d entries; want one id once", got, c.Len(1))
	}
	c.Put(3<<62, []byte{10}, 10, 100, 1) // all were asked for
	if c.Get(0, []byte{10}, 1) == nil {
		t.Error("where all are asked for none was replaced")
	}
}

func TestACacheOfAnySizeHoldsWhatIsPut(t *testing.T) {
	for _, size := range []int{0, 1, 4, 5, 1000} {
		c := New[int](size)
		for i := range size {
			hash := rand.Uint64()
			id := binary.BigEndian.AppendUint64(nil, hash)
			c.Put(hash, id, i, 100, 0)
			if got := c.Get(hash, id, 1); got == nil || *got != i {
				t.Fatalf("size %d: entry %d is not there", size, i)
			}
		}
	}
}

// Whatever goes on at once, a value is that of the id.
func TestReadersAndWritersAgree(t *testing.T) {
	c := New[string](16)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 20_000 {
				n := r.Uint64N(64)
				id := fmt.Appendf(nil, "id %d", n)
				if got := c.Get(n*0x9e3779b97f4a7c15, id, int64(i)); got != nil && *got != string(id) {
					t.Errorf("%s: got %s", id, *got)
				}
				c.Put(n*0x9e3779b97f4a7c15, id, string(id), int64(i)+r.Int64N(100), int64(i))
			}
		})
	}
	all.Wait()
}

func BenchmarkGet(b *testing.B) {
	c := New[int](4096)
	id := make([]byte, 600)
	c.Put(77, id, 1, 100, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		asked := make([]byte, 600)
		for pb.Next() {
			if c.Get(77, asked, 1) == nil {
				b.Fail()
			}
		}
	})
}

//go:build !race

package rate

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

func TestTakingDoesNotAllocate(t *testing.T) {
	table := NewTable(Definition{MaxKeys: 1000, Limits: []Limit{
		{Name: "default", Rate: 1e6, Per: time.Second, Burst: 1000},
		{Name: "tight", Rate: 1, Per: time.Hour, Burst: 10, BlockFor: time.Second},
	}})
	one, both := make([]Ask, 1), make([]Ask, 2)
	both[1].Limit = 1
	value, text, now := make([]byte, 0, 200), []byte("key"), int64(0)
	for n := range uint64(2 * notedMax) {
		one[0].Key = scattered(n)
		now += noteEvery
		table.Take(now, one)
		table.Note(now, &one[0], text)
	}
	for _, c := range []struct {
		name string
		call func()
	}{
		{"passes", func() { table.Take(now, one) }},
		{"new key", func() { one[0].Key = scattered(uint64(one[0].Key)); table.Take(now, one) }},
		{"all or nothing", func() { both[1].Key = KeyBytes(text); table.Take(now, both) }},
		{"peek", func() { table.Peek(now, both) }},
		{"note", func() { now += noteEvery; table.Note(now, &one[0], text) }},
		{"fields", func() { value = table.AppendState(value[:0], both); table.Legacy(&both[0]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, c.call); got != 0 {
				t.Errorf("got %v allocations; want 0", got)
			}
		})
	}
}

// All that a table of a million keys needs while it holds them.
func TestMemoryOfAMillionKeys(t *testing.T) {
	const keys, want = 1_000_000, 64 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table := NewTable(Definition{MaxKeys: keys, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: 10}}})
	asks := make([]Ask, 1)
	text := make([]byte, 200)
	for n := range uint64(keys) {
		asks[0].Key = scattered(n)
		table.Take(1, asks)
		if n < 2*notedMax {
			table.Note(int64(n)*noteEvery, &asks[0], text)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	got := after.HeapAlloc - before.HeapAlloc
	t.Logf("%.1f MB", float64(got)/(1<<20))
	if _, evicted := table.Counts(); evicted != 0 || table.Keys(keys) != keys {
		t.Errorf("%d keys went, %d are there; want all of them", evicted, table.Keys(keys))
	}
	if got > want || unsafe.Sizeof(bucket{}) != 192 {
		t.Errorf("got %d bytes, %d a bucket; want at most %d, and 192", got, unsafe.Sizeof(bucket{}), want)
	}
	runtime.KeepAlive(table)
}

package route

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"unsafe"
)

// The table must answer like a map, for keys in it and beside it.
func TestTableAgreesWithMap(t *testing.T) {
	t.Parallel()

	type spaced struct {
		space int32
		key   string
	}

	random := rand.New(rand.NewPCG(3, 4))
	model := map[spaced]int32{}
	draw := func() spaced {
		return spaced{space: int32(random.IntN(200)) - 2, key: strconv.Itoa(random.IntN(200))[:random.IntN(2)]}
	}

	const count = 3000

	table := newTable(count)

	for i := range int32(count) {
		k := draw()
		if i%2 == 0 {
			k.key = strconv.Itoa(random.IntN(1000))
		}

		if _, taken := model[k]; !taken {
			model[k] = i
			table.put(k.space, k.key, i)
		}
	}

	for k, want := range model {
		if got := table.find(k.space, []byte(k.key)); got != want {
			t.Fatalf("%+v: got %d; want %d", k, got, want)
		}
	}

	for range 10000 {
		k := draw()

		want, taken := model[k]
		if !taken {
			want = none
		}

		if got := table.find(k.space, []byte(k.key)); got != want {
			t.Fatalf("%+v: got %d; want %d", k, got, want)
		}
	}
}

func TestTableWithoutKeys(t *testing.T) {
	t.Parallel()

	table := newTable(0)
	if got := table.find(spaceHost, nil); got != none {
		t.Errorf("got %d; want none", got)
	}
}

// The comments promise these sizes; the lookup's cost hangs on them.
func TestSizes(t *testing.T) {
	t.Parallel()

	if got := unsafe.Sizeof(slot{}); got != 20 {
		t.Errorf("slot: got %d bytes; want 20", got)
	}

	if got := unsafe.Sizeof(node{}); got > 64 {
		t.Errorf("node: got %d bytes; want at most a cache line", got)
	}
}

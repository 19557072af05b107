package hpack

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// modelTable is the table as one would write it first.
type modelTable struct {
	fields [][2]string // newest first
	max    int
}

func (m *modelTable) evict(limit int) {
	size := 0
	for i, f := range m.fields {
		if size += fieldBytes(len(f[0]), len(f[1])); size > limit {
			m.fields = m.fields[:i]
			return
		}
	}
}

func (m *modelTable) add(name, value string) {
	m.evict(m.max - fieldBytes(len(name), len(value)))
	if fieldBytes(len(name), len(value)) <= m.max {
		m.fields = slices.Insert(m.fields, 0, [2]string{name, value})
	}
}

func (m *modelTable) lines() (lines []string) {
	for _, f := range m.fields {
		lines = append(lines, f[0]+": "+f[1])
	}
	return lines
}

func TestTableFollowsModel(t *testing.T) {
	random := rand.New(rand.NewPCG(7541, 1))
	for range 50 {
		tested, model := table{max: 4096}, modelTable{max: 4096}
		tested.made = ^uint32(0) - uint32(random.IntN(200)) // numbers and positions wrap
		highest := tested.max
		tested.base = ^uint32(0) - uint32(random.IntN(5000))
		for step := range 2000 {
			switch n := random.IntN(100); {
			case n == 0:
				tested.max = random.IntN(3) * random.IntN(3000)
				model.max = tested.max
				highest = max(highest, tested.max)
				tested.resize(tested.max)
				model.evict(model.max)
			case n < 30 && tested.live > 0:
				from := random.IntN(tested.live)
				name, value := model.fields[from][0], randomText(random)
				tested.add(from, nil, []byte(value), 0)
				model.add(name, value)
			default:
				name, value := randomText(random), randomText(random)
				tested.add(-1, []byte(name), []byte(value), 0)
				model.add(name, value)
			}
			if got, want := dump(&tested), model.lines(); !slices.Equal(got, want) {
				t.Fatalf("step %d, max %d: got %q; want %q", step, tested.max, got, want)
			}
			if len(tested.text) > 2*highest || len(tested.ring) > 256 {
				t.Fatalf("step %d: %d bytes, %d entries of memory for a table of %d", step, len(tested.text), len(tested.ring), tested.max)
			}
		}
	}
}

// randomText is mostly short, sometimes nearly as large as a table.
func randomText(random *rand.Rand) string {
	n := random.IntN(60)
	if random.IntN(20) == 0 {
		n = random.IntN(4200)
	}
	return strings.Repeat(string(rune('a'+random.IntN(26))), n)
}

func TestEmptyTableHoldsNoMemory(t *testing.T) {
	var d Decoder
	var e Encoder
	d.Reset(Limits{})
	e.Reset()
	if _, err := decodeAll(&d, e.AppendField(unhex("82 84 01 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff"), []byte("Date"), []byte("x"), Auto)); err != nil {
		t.Fatal(err)
	}
	if d.table.text != nil || d.table.ring != nil || d.scratch != nil || d.block != nil || e.table.text != nil || e.index != nil {
		t.Error("memory was allocated without an insertion")
	}
	if _, err := decodeAll(&d, slices.Concat(unhex("40"), plain("a"), plain("b"))); err != nil {
		t.Fatal(err)
	}
	if len(d.table.text) != textBytesMin || len(d.table.ring) != ringMin {
		t.Errorf("got %d bytes, %d entries after one insertion; want %d, %d", len(d.table.text), len(d.table.ring), textBytesMin, ringMin)
	}
	if _, err := decodeAll(&d, unhex("20")); err != nil || d.table.text != nil || d.table.ring != nil {
		t.Errorf("a table of no size holds memory (%v)", err)
	}
}

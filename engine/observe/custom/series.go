package custom

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// valueBytesMax is how long a value of a label may be; what is longer is cut.
const valueBytesMax = 128

// Series counts requests by the values of labels that a stage makes of them. A series that
// is known is found without a lock: the map of those is never changed, but copied with one
// more, which few do, as there are few. What is counted stays as long as the process.
type Series struct {
	name   string // of the stage
	labels []string
	shards int
	rest   *stat.Counter // of all beyond max
	max    atomic.Int64
	known  atomic.Pointer[map[string]*stat.Counter] // by values: see AppendValue
	mu     sync.Mutex
}

// NewSeries counts for a stage, by labels.
func NewSeries(name string, labels []string, shards int) *Series {
	s := &Series{name: name, labels: slices.Clone(labels), shards: shards, rest: stat.NewCounter(shards)}
	s.known.Store(&map[string]*stat.Counter{})
	return s
}

// Bound says how many series there may be beside the one for all others. Those that are
// there stay.
func (s *Series) Bound(most int) { s.max.Store(int64(most)) }

// AppendValue appends the value of the next label, for Add: behind its length, so that no
// value can be taken for two.
func AppendValue(b, value []byte) []byte {
	value = value[:min(len(value), valueBytesMax)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// Add counts a request; values are as many as the labels. It allocates, and takes a lock,
// where they are new and there is room for them, and else does neither.
func (s *Series) Add(shard int, values []byte) {
	known := *s.known.Load()
	counter := known[string(values)]
	if counter == nil {
		if counter = s.rest; int64(len(known)) < s.max.Load() {
			counter = s.join(values)
		}
	}
	counter.Add(shard, 1)
}

// join makes the counter of new values, unless another shard has, or there is no room.
func (s *Series) join(values []byte) *stat.Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.known.Load()
	if counter := known[string(values)]; counter != nil {
		return counter
	}
	if int64(len(known)) >= s.max.Load() {
		return s.rest
	}
	known = maps.Clone(known)
	counter := stat.NewCounter(s.shards)
	known[string(values)] = counter
	s.known.Store(&known)
	return counter
}

// familySeries is the one family of all count stages; each has labels of its own behind name.
var familySeries = expose.Family{ //nolint:gochecknoglobals // read-only table
	Name: "isame_custom_requests_total", Kind: expose.Counter, Labels: []string{"name"},
	Help: "Requests that came to a count stage, by its name and by the labels that it has; other: beyond its max_series.",
}

// Family is that of all count stages.
func Family() *expose.Family { return &familySeries }

// WriteSeries writes what stages have counted.
func WriteSeries(p *expose.Page, all []*Series) {
	slices.SortStableFunc(all, func(a, b *Series) int { return strings.Compare(a.name, b.name) })
	p.Begin(&familySeries)
	for _, s := range all {
		p.Relabel(append([]string{"name"}, s.labels...))
		known := *s.known.Load()
		for _, key := range slices.Sorted(maps.Keys(known)) {
			p.Count(known[key].Sum(), s.valuesOf(key)...)
		}
		if len(known) == 0 && len(s.labels) == 0 {
			p.Count(0, s.name)
		}
		if n := s.rest.Sum(); n > 0 {
			values := []string{s.name}
			for range s.labels {
				values = append(values, Other)
			}
			p.Count(n, values...)
		}
	}
}

// valuesOf are those of name and of the labels.
func (s *Series) valuesOf(key string) []string {
	values := []string{s.name}
	for range s.labels {
		n := binary.BigEndian.Uint16([]byte(key[:2]))
		values = append(values, key[2:2+n])
		key = key[2+n:]
	}
	return values
}

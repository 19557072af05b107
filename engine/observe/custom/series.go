package custom

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

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
	rest   *stat.Counter                            // of all beyond max
	known  atomic.Pointer[map[string]*stat.Counter] // by values: see BeginValue
	mu     sync.Mutex
}

// NewSeries counts for a stage, by labels.
func NewSeries(name string, labels []string, shards int) *Series {
	s := &Series{name: name, labels: slices.Clone(labels), shards: shards, rest: stat.NewCounter(shards)}
	s.known.Store(&map[string]*stat.Counter{})
	return s
}

// BeginValue and EndValue enclose what makes the value of the next label of Add: its length
// stands in front, so that no value can be taken for two. at is where it began. EndValue
// allocates for a value that is no UTF-8, as the formats have nothing else.
func BeginValue(b []byte) []byte { return append(b, 0, 0) }

// EndValue is the end of it.
func EndValue(b []byte, at int) []byte {
	value := b[at+lengthBytes:]
	value = value[:min(len(value), valueBytesMax)]
	if !utf8.Valid(value) {
		value = bytes.ToValidUTF8(value, []byte("\uFFFD"))
	}
	binary.BigEndian.PutUint16(b[at:], uint16(len(value)))
	return append(b[:at+lengthBytes], value...)
}

const lengthBytes = 2

// Add counts a request; values are as many as the labels. It allocates, and takes a lock,
// where they are new and there are fewer than most series, and else does neither.
func (s *Series) Add(shard int, values []byte, most int) {
	known := *s.known.Load()
	counter := known[string(values)]
	if counter == nil {
		if counter = s.rest; len(known) < most {
			counter = s.join(values, most)
		}
	}
	counter.Add(shard, 1)
}

// join makes the counter of new values, unless another shard has, or there is no room.
func (s *Series) join(values []byte, most int) *stat.Counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.known.Load()
	if counter := known[string(values)]; counter != nil {
		return counter
	}
	if len(known) >= most {
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
		s.write(p)
	}
}

// write writes the series of one stage. A client may have said other itself.
func (s *Series) write(p *expose.Page) {
	known, rest := *s.known.Load(), s.rest.Sum()
	others := append(make([]string, 0, 1+len(s.labels)), s.name)
	for range s.labels {
		others = append(others, Other)
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if values := s.valuesOf(key); len(s.labels) > 0 && slices.Equal(values, others) {
			rest += known[key].Sum()
		} else {
			p.Count(known[key].Sum(), values...)
		}
	}
	if rest > 0 || len(known)+len(s.labels) == 0 {
		p.Count(rest, others...)
	}
}

// valuesOf are those of name and of the labels.
func (s *Series) valuesOf(key string) []string {
	values := append(make([]string, 0, 1+len(s.labels)), s.name)
	for range s.labels {
		n := binary.BigEndian.Uint16([]byte(key[:lengthBytes]))
		values = append(values, key[lengthBytes:lengthBytes+n])
		key = key[lengthBytes+n:]
	}
	return values
}

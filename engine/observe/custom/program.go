package custom

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
)

// Other is the value of all labels of what is beyond a bound.
const Other = "other"

// SeriesMax is how many sets of label values a metric of a program has by themselves.
const SeriesMax = 1000

// program are the metrics of the program that runs, for as long as it does.
var program struct {
	sync.Mutex
	set      *metrics.Set
	families map[string]*described
}

// described is one metric of a program.
type described struct {
	family expose.Family
	mu     sync.Mutex
	known  map[string]bool // sets of values
}

// Counter is a metric that only grows.
type Counter struct{ of *described }

// Gauge is one that goes up and down.
type Gauge struct{ of *described }

// Histogram shares what it is given among buckets.
type Histogram struct {
	of      *described
	buckets []float64
}

// NewCounter describes a counter: its name ends in _total, help is a sentence, labels are
// the names of its labels. The same name with the same description is the same metric, so
// it may be called whenever a configuration is loaded. It panics where the description is
// not one that Prometheus takes, or the name is taken, or begins with isame_, go_ or process_.
func NewCounter(name, help string, labels ...string) *Counter {
	return &Counter{describe(expose.Family{Name: name, Kind: expose.Counter, Help: help, Labels: labels})}
}

// NewGauge is NewCounter for a gauge.
func NewGauge(name, help string, labels ...string) *Gauge {
	return &Gauge{describe(expose.Family{Name: name, Kind: expose.Gauge, Help: help, Labels: labels})}
}

// NewHistogram is NewCounter for a histogram with these upper bounds, which rise; the
// infinite one is added.
func NewHistogram(name, help string, buckets []float64, labels ...string) *Histogram {
	if !slices.IsSorted(buckets) || len(buckets) == 0 {
		panic("metric " + name + ": its buckets do not rise, or there are none")
	}
	return &Histogram{describe(expose.Family{Name: name, Kind: expose.Histogram, Help: help, Labels: labels}), slices.Clone(buckets)}
}

// With is the counter for these values of the labels. Look it up once, where the values do
// not depend on the request: it takes a lock, and adding to it does not.
func (c *Counter) With(values ...string) *metrics.Counter {
	return program.set.GetOrCreateCounter(c.of.series(values))
}

// With is the gauge for these values.
func (g *Gauge) With(values ...string) *metrics.Gauge {
	return program.set.GetOrCreateGauge(g.of.series(values), nil)
}

// With is the histogram for these values.
func (h *Histogram) With(values ...string) *metrics.PrometheusHistogram {
	return program.set.GetOrCreatePrometheusHistogramExt(h.of.series(values), h.buckets)
}

func describe(f expose.Family) *described {
	if err := f.Check(); err != nil {
		panic("metric " + err.Error())
	}
	for _, prefix := range []string{"isame_", "go_", "process_"} {
		if strings.HasPrefix(f.Name, prefix) {
			panic("metric " + f.Name + ": the prefix " + prefix + " is for the proxy's own")
		}
	}
	program.Lock()
	defer program.Unlock()
	if program.set == nil {
		program.set, program.families = metrics.NewSet(), map[string]*described{}
	}
	of := program.families[f.Name]
	if of == nil {
		of = &described{family: f, known: map[string]bool{}}
		program.families[f.Name] = of
	}
	if had := &of.family; had.Kind != f.Kind || had.Help != f.Help || !slices.Equal(had.Labels, f.Labels) {
		panic("metric " + f.Name + " is described in two ways")
	}
	return of
}

// series is the name of a series as the library has it.
func (d *described) series(values []string) string {
	if len(values) != len(d.family.Labels) {
		panic(fmt.Sprintf("metric %s has labels %v, and was given %d values", d.family.Name, d.family.Labels, len(values)))
	}
	name := d.name(values)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[name] || len(values) == 0 {
		return name
	}
	if len(d.known) < SeriesMax {
		d.known[name] = true
		return name
	}
	others := make([]string, len(values))
	for i := range others {
		others[i] = Other
	}
	return d.name(others)
}

func (d *described) name(values []string) string {
	if len(values) == 0 {
		return d.family.Name
	}
	var b strings.Builder
	b.WriteString(d.family.Name)
	for i, value := range values {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(d.family.Labels[i])
		b.WriteByte('=')
		b.WriteString(strconv.Quote(strings.ToValidUTF8(value, "\uFFFD")))
	}
	b.WriteByte('}')
	return b.String()
}

// Write writes what the program has counted.
func Write(p *expose.Page) {
	program.Lock()
	set := program.set
	list := make([]expose.Borrowed, 0, len(program.families))
	for _, name := range slices.Sorted(maps.Keys(program.families)) {
		list = append(list, expose.Borrowed{Family: program.families[name].family})
	}
	program.Unlock()
	if set == nil {
		return
	}
	var text bytes.Buffer
	set.WritePrometheus(&text)
	p.Borrow(list, text.String())
}

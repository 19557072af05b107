// Package look takes the samples of package headroom: what the kernel and Go's runtime say of
// this process. One goroutine looks once a second; nobody waits for it.
//
// Imported by cmd. Where a file of /proc or of a control group is not there, what it would say
// is left out.
package look

import (
	"math"
	"runtime"
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/engine/headroom"
)

// Process looks at this process. It is for one goroutine; make it with New.
type Process struct {
	began   time.Time
	cores   []int   // that it may run on; nil is unknown
	quota   float64 // processors that its control group may use; 0 is no bound
	memory  memoryLimit
	runtime []metrics.Sample
	delays  []uint64 // counts of the histogram of delays at the last look
}

// Of the runtime, in the order of Process.runtime.
const (
	metricGC = iota
	metricDelays
	metricTotal
	metricReleased
	metricFree
)

// New reads what does not change while the process runs.
func New() *Process {
	p := &Process{began: time.Now(), cores: cores(), quota: quota(), memory: findMemoryLimit()}
	for _, name := range []string{
		metricGC: "/cpu/classes/gc/total:cpu-seconds", metricDelays: "/sched/latencies:seconds",
		metricTotal: "/memory/classes/total:bytes", metricReleased: "/memory/classes/heap/released:bytes",
		metricFree: "/memory/classes/heap/free:bytes",
	} {
		p.runtime = append(p.runtime, metrics.Sample{Name: name})
	}
	return p
}

// Look takes a sample, without what only the engine knows: Requests, Shards, Durations, and all
// of Loads but memory and descriptors. sockets are how many of these are open that come with
// the load. It takes some ten microseconds, and more the more processors there are.
func (p *Process) Look(sockets int) *headroom.Sample {
	s := &headroom.Sample{At: time.Since(p.began)}
	s.CPU, s.Switches = usage(unix.RUSAGE_SELF)
	s.Processors = p.processors()
	if busy, kernel, ok := busyTime(p.cores); ok {
		s.Others, s.Interrupts = max(busy-s.CPU, 0), kernel
	}
	metrics.Read(p.runtime)
	s.GC = time.Duration(p.float(metricGC) * float64(time.Second))
	s.Delay = p.delay()
	if m := p.memory.load(p.uint(metricTotal) - p.uint(metricReleased) - p.uint(metricFree)); m.Most > 0 {
		s.Loads = append(s.Loads, m)
	}
	if d := descriptors(sockets); d.Most > 0 {
		s.Loads = append(s.Loads, d)
	}
	return s
}

// usage is the processor time of the process or of one thread, and how often it went to sleep; 0 where the kernel does not
// tell.
func usage(of int) (used time.Duration, sleeps uint64) {
	var u unix.Rusage
	if unix.Getrusage(of, &u) != nil {
		return 0, 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), uint64(u.Nvcsw)
}

// processors are those that may be used at a time.
func (p *Process) processors() float64 {
	n := float64(runtime.GOMAXPROCS(0))
	if len(p.cores) > 0 {
		n = min(n, float64(len(p.cores)))
	}
	if p.quota > 0 {
		n = min(n, p.quota)
	}
	return n
}

func (p *Process) float(i int) float64 {
	if p.runtime[i].Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return p.runtime[i].Value.Float64()
}

func (p *Process) uint(i int) uint64 {
	if p.runtime[i].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return p.runtime[i].Value.Uint64()
}

// delay is what 99 % of the goroutines that could run since the last look did not wait for
// longer than, as a bound of a bucket.
func (p *Process) delay() time.Duration {
	if p.runtime[metricDelays].Value.Kind() != metrics.KindFloat64Histogram {
		return 0
	}
	h := p.runtime[metricDelays].Value.Float64Histogram()
	if len(p.delays) != len(h.Counts) {
		p.delays = make([]uint64, len(h.Counts))
	}
	total := uint64(0)
	for i, n := range h.Counts {
		total += n - p.delays[i]
	}
	least, below := total-total/100, uint64(0)
	at := -1
	for i, n := range h.Counts {
		below += n - p.delays[i]
		p.delays[i] = n
		if at < 0 && total > 0 && below >= least {
			at = i
		}
	}
	if at < 0 || math.IsInf(h.Buckets[at+1], 0) {
		return 0
	}
	return time.Duration(h.Buckets[at+1] * float64(time.Second))
}

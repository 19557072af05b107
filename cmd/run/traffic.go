package run

import (
	"math"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/headroom/look"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// traffic is what all exchanges came to, and what the process takes, for who looks at it each
// second. It costs a part of a scrape.
func (p *proxy) traffic() api.Traffic {
	counted := p.registry.Traffic()
	buckets := counted.Durations.Buckets()
	t := api.Traffic{
		AtMS: time.Now().UnixMilli(), Codes: counted.Classes[:], Durations: buckets[:], BoundsSeconds: make([]float64, 0, len(buckets)),
	}
	for i := range buckets {
		if b := stat.Bound(i); !math.IsInf(b, 1) {
			t.BoundsSeconds = append(t.BoundsSeconds, b)
		}
	}
	for _, l := range p.engine.Listeners() {
		t.Active, t.Idle = t.Active+int64(l.Active), t.Idle+int64(l.Idle)
		s := p.registry.Listener(l.Name)
		t.Bytes += s.BytesIn.Sum() + s.BytesOut.Sum()
	}
	t.CPUSeconds, t.MemoryBytes = cpuTime().Seconds(), int64(look.Resident())
	return t
}

// cpuTime is the processor time of the process, of the system for it as well.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it does not fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

package health

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

const (
	// probesKept is how many finished probes can be looked at.
	probesKept = 16
	// probesMaxDefault bounds the probes that run at the same time.
	probesMaxDefault = 256
	// probeJitter is the random share of an interval, both ways: probes of many
	// backends and of many proxies must not fall into step.
	probeJitter = 0.1
	// probeHurry divides the interval while a verdict is open.
	probeHurry = 4
	// probeHurryLeast bounds that hurry.
	probeHurryLeast = 100 * time.Millisecond
	// probeCalm good probes in a row make a verdict a calm one, whose probes come
	// slower.
	probeCalm = 20
	// probeCalmMost bounds how much slower.
	probeCalmMost = 2
	// probePauseLeast is the least pause between two probes of a slow backend.
	probePauseLeast = 10 * time.Millisecond
)

// Prober is what all health checks of a process share: it outlives generations.
// It has no goroutine; each check is a timer, and one goroutine while it probes.
type Prober struct {
	slots chan struct{}
	log   zerolog.Logger
	now   func() int64
	// Probe makes one probe of an address. Tests replace it before the first one.
	Probe func(ctx context.Context, address string, d *Definition) Sight
}

// NewProber returns a Prober that makes at most so many probes at a time (0: 256). now is the
// clock of traffic, in nanoseconds.
func NewProber(log zerolog.Logger, now func() int64, probesMax int) *Prober {
	n := probesMax
	if n <= 0 {
		n = probesMaxDefault
	}
	return &Prober{slots: make(chan struct{}, n), log: log, now: now, Probe: probe}
}

// pace is how urgent the next probe of a backend is.
type pace uint8

const (
	steady  pace = iota // the interval
	hurried             // the verdict is open, or live traffic doubts it
	calm                // long healthy
)

// pause is the time from the end of a probe to the next one: the interval, a
// quarter of it in a hurry, up to twice of it when calm, with jitter, less what
// the probe took. random is from 0 to 1.
//
// A calm backend that dies is found out within unhealthy_after intervals all the
// same, as if probes came at the interval throughout: what the first bad probe
// comes late, the hurried ones after it make up for.
func (d *Definition) pause(took time.Duration, p pace, random float64) time.Duration {
	interval := d.interval
	switch p {
	case hurried:
		interval = d.hurry()
	case calm:
		spare := time.Duration(d.fall-1) * (d.interval - d.hurry())
		interval = min(d.interval+max(spare, 0), probeCalmMost*d.interval)
	case steady:
	}
	jittered := time.Duration(float64(interval) * (1 + probeJitter*(2*random-1)))
	return max(jittered-took, probePauseLeast)
}

// hurry is the time between probes while a verdict is open.
func (d *Definition) hurry() time.Duration {
	return min(d.interval, max(d.interval/probeHurry, probeHurryLeast))
}

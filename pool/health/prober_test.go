package health

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// silentOwner has no breaker and asks for nothing.
type silentOwner struct{ _ byte }

func (*silentOwner) Lift(int64) bool { return false }
func (*silentOwner) Changed()        {}

func TestProbeRhythm(t *testing.T) {
	cases := []struct {
		name     string
		interval time.Duration
		fall     int
		took     time.Duration
		pace     pace
		random   float64
		want     time.Duration
	}{
		{"middle", 8 * time.Second, 3, 0, steady, 0.5, 8 * time.Second},
		{"earliest", 8 * time.Second, 3, 0, steady, 0, 7200 * time.Millisecond},
		{"latest", 8 * time.Second, 3, 0, steady, 1, 8800 * time.Millisecond},
		{"in a hurry", 8 * time.Second, 3, 0, hurried, 0.5, 2 * time.Second},
		{"hurry has a bound", 200 * time.Millisecond, 3, 0, hurried, 0.5, 100 * time.Millisecond},
		{"never slower in a hurry", 50 * time.Millisecond, 3, 0, hurried, 0.5, 50 * time.Millisecond},
		{"calm", 8 * time.Second, 3, 0, calm, 0.5, 16 * time.Second},
		{"calm, but two bad ones are enough", 8 * time.Second, 2, 0, calm, 0.5, 14 * time.Second},
		{"calm, but one bad one is enough", 8 * time.Second, 1, 0, calm, 0.5, 8 * time.Second},
		{"calm where no hurry is possible", 100 * time.Millisecond, 3, 0, calm, 0.5, 100 * time.Millisecond},
		{"less what the probe took", 8 * time.Second, 3, time.Second, steady, 0.5, 7 * time.Second},
		{"slower than its interval", time.Second, 3, 3 * time.Second, steady, 0.5, probePauseLeast},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := &Definition{interval: c.interval, fall: c.fall}
			if got := d.pause(c.took, c.pace, c.random); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
			if worst := d.pause(0, calm, 0.5) + time.Duration(c.fall-1)*d.pause(0, hurried, 0.5); worst > time.Duration(c.fall)*c.interval {
				t.Errorf("a calm backend that dies is noticed after %v; want %d intervals at most", worst, c.fall)
			}
		})
	}
}

func TestProbesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		p := NewProber(zerolog.Nop(), func() int64 { return time.Now().UnixNano() }, 3)
		p.Probe = func(context.Context, string, *Definition) Sight {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return Sight{Good: true}
		}
		d, err := Define(&config.HealthCheck{Type: "tcp", Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		checks := make([]*Check, 0, 20)
		for range cap(checks) {
			c := NewCheck("a:1", d)
			c.Hold(&silentOwner{}, "p")
			c.start(p)
			checks = append(checks, c)
		}
		<-time.After(time.Minute)
		for _, c := range checks {
			c.mu.Lock()
			if n := c.mu.probed.count; n < 2 {
				t.Errorf("a check was starved: %d probes in a minute", n)
			}
			c.mu.Unlock()
			c.Stop()
		}
		if most != 3 {
			t.Errorf("%d probes at once; want 3", most)
		}
	})
}

func TestSuspicionCostsNothingOnceABackendIsUnhealthy(t *testing.T) {
	c := NewCheck("a:1", mustDefine(t, config.HealthCheck{Interval: time.Second}))
	o := c.Hold(&silentOwner{}, "p")
	o.mu.health.condemn()
	o.publishLocked()
	c.mu.Lock() // whoever takes it now hangs
	defer c.mu.Unlock()
	if o.Suspect(attempt.ConnectRefused, true, 1) {
		t.Error("a verdict that stands changed")
	}
}

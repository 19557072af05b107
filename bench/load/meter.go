package load

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// meter measures what a worker's own thread costs while it counts. The worker
// must be locked to its thread.
type meter struct {
	running bool
	from    int64 // nanoseconds since the start of the run
	wall    int64 // nanoseconds measured
	cpu     int64 // nanoseconds on a core
	waited  int64 // nanoseconds ready to run, but another thread had the core
}

// start begins at the first call with now at or after warm.
func (m *meter) start(now, warm int64) {
	if m.running || now < warm {
		return
	}
	cpu, waited := threadTimes()
	m.running, m.from, m.cpu, m.waited = true, now, -cpu, -waited
}

// stop ends the measurement; what is left are differences.
func (m *meter) stop(now int64) {
	if !m.running {
		return
	}
	cpu, waited := threadTimes()
	m.wall = now - m.from
	m.cpu += cpu
	m.waited += waited
}

// threadTimes reads this thread's CPU time and the time it waited for a core.
// Without schedstat in the kernel the wait is 0.
func threadTimes() (cpu, waited int64) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err == nil {
		cpu = u.Utime.Nano() + u.Stime.Nano()
	}
	if b, err := os.ReadFile("/proc/thread-self/schedstat"); err == nil {
		var onCore int64
		if n, err := fmt.Sscan(string(b), &onCore, &waited); err == nil && n == 2 {
			cpu = onCore // finer than rusage
		}
	}
	return cpu, waited
}

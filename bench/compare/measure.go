package compare

import (
	"context"
	"fmt"

	"github.com/isame-lb/isame-lb/bench/load"
)

// Measure runs a plan and, when pid is not 0, fills in Result.TargetCPU for the
// process and its descendants. Connecting is not part of it.
func Measure(ctx context.Context, p load.Plan, pid int) (*load.Result, error) {
	if pid == 0 {
		return load.Run(ctx, p)
	}
	if _, err := ReadUsage(pid); err != nil {
		return nil, err
	}
	m := &Meter{PID: pid}
	p.Begin, p.End = m.Begin, m.End
	r, err := load.Run(ctx, p)
	if err != nil {
		return nil, err
	}
	used, err := m.Used()
	if err != nil {
		return nil, fmt.Errorf("cannot measure the CPU time: %w", err)
	}
	r.TargetCPU = float64(used.Nanoseconds()) / 1e3 / float64(max(r.Handled, 1))
	return r, nil
}

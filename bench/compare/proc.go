package compare

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process and all its descendants have used so far.
type Usage struct {
	// RSS is the resident memory in bytes, summed: shared pages count for each.
	RSS int64

	ticks time.Duration         // from /proc/PID/stat: 10 ms steps, threads that ended included
	tasks map[int]time.Duration // from /proc/PID/task/TID/schedstat: exact, living threads only
}

// clockTick is the unit of the times in /proc/PID/stat (USER_HZ, 100 on Linux).
const clockTick = 10 * time.Millisecond

// ReadUsage reads the usage of the process and of its descendants, such as the
// workers of nginx.
func ReadUsage(pid int) (Usage, error) {
	u := Usage{tasks: map[int]time.Duration{}}
	parents, err := readParents()
	if err != nil {
		return u, err
	}
	if _, alive := parents[pid]; !alive {
		return u, fmt.Errorf("cannot find the process %d", pid)
	}
	for _, p := range family(pid, parents) {
		u = u.plus(p) // one that has just ended counts no more
	}
	return u, nil
}

// CPUSince is the CPU time used between two readings of the same process.
func (u Usage) CPUSince(before Usage) time.Duration {
	exact := time.Duration(0)
	for tid, d := range before.tasks {
		now, alive := u.tasks[tid]
		if !alive { // its time since then is in the ticks only
			return u.ticks - before.ticks
		}
		exact += now - d
	}
	for tid, d := range u.tasks {
		if _, old := before.tasks[tid]; !old {
			exact += d
		}
	}
	if exact == 0 { // a kernel without schedstat
		return u.ticks - before.ticks
	}
	return exact
}

// readParents reads the parent of every process.
func readParents() (map[int]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes: %w", err)
	}
	out := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := statFields(pid); len(f) > 1 {
			out[pid], _ = strconv.Atoi(f[1])
		}
	}
	return out, nil
}

// family is pid and all its descendants.
func family(pid int, parents map[int]int) []int {
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		for child, parent := range parents {
			if parent == out[i] {
				out = append(out, child)
			}
		}
	}
	return out
}

// statFields are the fields of /proc/PID/stat after the name, which may hold
// spaces: [0] state, [1] parent, [11] user ticks, [12] system ticks (proc(5)).
func statFields(pid int) []string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// plus adds what one process has used. The map of threads is shared.
func (u Usage) plus(pid int) Usage {
	if f := statFields(pid); len(f) > 12 {
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		u.ticks += time.Duration(user+system) * clockTick
	}
	dir := "/proc/" + strconv.Itoa(pid)
	tasks, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return u
	}
	for _, t := range tasks {
		var nanos int64
		b, err := os.ReadFile(filepath.Join(dir, "task", t.Name(), "schedstat"))
		if err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(b), &nanos); err != nil {
			continue
		}
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			u.tasks[tid] = time.Duration(nanos)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "statm")); err == nil {
		var size, resident int64
		if _, err := fmt.Sscan(string(b), &size, &resident); err == nil {
			u.RSS += resident * int64(os.Getpagesize())
		}
	}
	return u
}

// Meter measures the CPU time of a process during a load run: its Begin and End
// belong into load.Plan.
type Meter struct {
	PID           int
	before, after Usage
	errs          [2]error
}

// Begin reads the usage before the first request.
func (m *Meter) Begin() { m.before, m.errs[0] = ReadUsage(m.PID) }

// End reads it after the last one.
func (m *Meter) End() { m.after, m.errs[1] = ReadUsage(m.PID) }

// Used is the CPU time in between.
func (m *Meter) Used() (time.Duration, error) {
	return m.after.CPUSince(m.before), errors.Join(m.errs[:]...)
}

package look

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of /proc/stat: USER_HZ is 100 everywhere.
const tick = 10 * time.Millisecond

// cores are the numbers of the processors that the process may run on.
func cores() (all []int) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	for i := range len(set) * strconv.IntSize {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all
}

// busyTime is how long these processors have been used since the machine began, and for how
// long they have dealt with interrupts. Programs that are nice do not count: they give way.
func busyTime(cores []int) (busy, kernel time.Duration, ok bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	return parseBusy(text, cores)
}

// Fields of a line of /proc/stat, behind its name.
const (
	statUser, statSystem, statInterrupts, statSoft, statSteal = 0, 2, 5, 6, 7
	statFields                                                = 8
)

func parseBusy(text []byte, cores []int) (busy, kernel time.Duration, ok bool) {
	for line := range bytes.Lines(text) {
		number, found := bytes.CutPrefix(line, []byte("cpu"))
		if !found {
			break // the processors come first
		}
		fields := bytes.Fields(number)
		core, err := strconv.Atoi(string(fields[0]))
		if err != nil || number[0] == ' ' || len(fields) <= statFields || !slices.Contains(cores, core) {
			continue
		}
		at := func(i int) time.Duration {
			n, _ := strconv.ParseInt(string(fields[1+i]), 10, 64) // 0 where it is none
			return time.Duration(n) * tick
		}
		busy += at(statUser) + at(statSystem) + at(statSteal)
		kernel += at(statInterrupts) + at(statSoft)
		ok = true
	}
	return busy, kernel, ok
}

package look

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/engine/headroom"
)

// memoryLimit is what bounds the memory of the process.
type memoryLimit struct {
	goLimit uint64 // GOMEMLIMIT; 0 is none
	bound   uint64 // of the control group, or the memory of the machine
}

// findMemoryLimit reads the least bound of the control groups that the process is in.
func findMemoryLimit() memoryLimit {
	var l memoryLimit
	if n := debug.SetMemoryLimit(-1); n > 0 && n < math.MaxInt64 {
		l.goLimit = uint64(n)
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		l.bound = info.Totalram * uint64(max(info.Unit, 1))
	}
	for _, folder := range ownFolders("memory") {
		for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
			if n, ok := readBytes(filepath.Join(folder, file)); ok {
				l.bound = min(l.bound, n)
			}
		}
	}
	return l
}

// load is the use of what is nearer: Go's own memory of its limit, which counts what has not
// been given back, or the resident memory of the process of the bound. goBytes is what Go has
// in use.
func (l *memoryLimit) load(goBytes uint64) headroom.Load {
	m := headroom.Load{Kind: headroom.Memory, Use: float64(Resident()), Most: float64(l.bound), Constant: -1}
	if l.goLimit > 0 && float64(goBytes)*m.Most > m.Use*float64(l.goLimit) {
		m.Use, m.Most = float64(goBytes), float64(l.goLimit)
	}
	return m
}

// Resident is the memory of the process in RAM, in bytes; 0 without /proc.
func Resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[1]), 10, 64) // 0 where it is none
	return pages * uint64(os.Getpagesize())
}

// ownFiles are descriptors that the process has anyway, about: where the kernel does not count.
const ownFiles = 32

// descriptors are the open files and sockets. Since Linux 6.2 the size of the folder is their
// number; to read it would take as long as there are connections.
func descriptors(sockets int) headroom.Load {
	l := headroom.Load{Kind: headroom.Descriptors, Use: float64(sockets + ownFiles), Constant: ownFiles}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < 1<<40 {
		l.Most = float64(limit.Cur)
	}
	var s unix.Stat_t
	if unix.Stat("/proc/self/fd", &s) == nil && s.Size > 0 {
		l.Use = float64(s.Size)
		l.Constant = max(l.Use-float64(sockets), 0)
	}
	return l
}

// Ports are how many local ports there are for connections to one address.
func Ports() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	fields := bytes.Fields(text)
	if err != nil || len(fields) != 2 {
		return 0
	}
	first, firstErr := strconv.Atoi(string(fields[0]))
	last, lastErr := strconv.Atoi(string(fields[1]))
	if firstErr != nil || lastErr != nil || last < first {
		return 0
	}
	return last - first + 1
}

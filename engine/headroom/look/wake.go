package look

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// How the cost of a wake-up is measured: some milliseconds in all.
const (
	wakeTimes = 25
	wakeGap   = 200 * time.Microsecond // long enough that the processor goes to sleep as well
)

// Wake measures what this machine takes to put a thread to sleep and to wake it up, in processor time; 0 where that
// cannot be told. It is 2 us on bare metal and ten times that on some virtual machines, where each wake-up is a matter of the
// hypervisor. What else runs meanwhile does not count. It takes some milliseconds, for which the caller's thread waits.
func Wake() time.Duration {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return 0
	}
	defer func() { _ = unix.Close(fd) }()
	gap := unix.NsecToTimespec(wakeGap.Nanoseconds())
	if unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: gap, Value: gap}, nil) != nil {
		return 0
	}
	runtime.LockOSThread() // whose time is taken
	defer runtime.UnlockOSThread()
	before, slept := usage(unix.RUSAGE_THREAD)
	var expired [8]byte
	for range wakeTimes {
		if _, err := unix.Read(fd, expired[:]); err != nil && err != unix.EINTR {
			return 0
		}
	}
	after, sleeps := usage(unix.RUSAGE_THREAD)
	if sleeps -= slept; sleeps < wakeTimes/2 {
		return 0 // it was held up, and did not sleep
	}
	return (after - before) / time.Duration(sleeps)
}

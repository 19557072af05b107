package load

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller is one epoll set. Its owner is one worker; only wakeUp may be called
// by others.
type poller struct {
	fd      int
	wake    int // eventfd
	coarse  bool
	batch   [256]unix.EpollEvent
	scratch [8]byte
}

// wakeIndex is the event of the eventfd; connections have theirs from 0 up.
const wakeIndex = -1

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot create an epoll set: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot create an eventfd: %w", err)
	}
	p := &poller{fd: fd, wake: wake}
	if err := p.add(wake, wakeIndex, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() {
	unix.Close(p.wake)
	unix.Close(p.fd)
}

// add watches fd; its events carry index. Level-triggered.
func (p *poller) add(fd, index int, events uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, index, events)
}

// change sets the events fd is watched for.
func (p *poller) change(fd, index int, events uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, index, events)
}

func (p *poller) control(op, fd, index int, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(index)}
	if err := unix.EpollCtl(p.fd, op, fd, &e); err != nil {
		return fmt.Errorf("cannot watch a socket: %w", err)
	}
	return nil
}

// wait blocks for events, at most for timeout (negative: for ever), with a
// precision of about a microsecond where the kernel has epoll_pwait2 (5.11).
// The events are valid until the next wait.
func (p *poller) wait(timeout time.Duration) []unix.EpollEvent {
	if !p.coarse && timeout > 0 {
		return p.waitFine(timeout)
	}
	n, err := unix.EpollWait(p.fd, p.batch[:], milliseconds(timeout))
	if err != nil { // EINTR: nothing happened
		return nil
	}
	return p.batch[:n]
}

func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int((d + time.Millisecond - 1) / time.Millisecond)
}

func (p *poller) waitFine(timeout time.Duration) []unix.EpollEvent {
	ts := unix.NsecToTimespec(int64(timeout))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.batch[0])), uintptr(len(p.batch)),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	if errno != 0 { // EINTR: nothing happened
		p.coarse = errno == unix.ENOSYS
		return nil
	}
	return p.batch[:n]
}

// wakeUp ends the wait that is going on, or the next one. Any goroutine may
// call it until close.
func (p *poller) wakeUp() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wake, one[:]) // full: it is awake already
}

// rest empties the eventfd.
func (p *poller) rest() {
	_, _ = unix.Read(p.wake, p.scratch[:])
}

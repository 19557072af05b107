package socket

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls that cannot block, made without telling the scheduler. A call
// that tells it wakes the runtime's monitor thread whenever that sleeps, which
// takes a futex call and the monitor's next rounds: one ioctl a request made that
// way made a POST of 64 KiB cost 1.3 times the CPU.

// eventsMax is how many events one look at the kernel brings.
const eventsMax = 256

// eventsAddress is the array's address for epoll_pwait; the array belongs to a
// Loop, which the caller keeps alive.
func eventsAddress(e *[eventsMax]unix.EpollEvent) uintptr {
	return uintptr(unsafe.Pointer(e))
}

// quickAccept is accept4 on a socket that does not block; the peer is not valid
// for a unix socket.
func quickAccept(ln uintptr) (fd int, peer netip.Addr, errno syscall.Errno) {
	var sa unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(sa))
	n, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, ln, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, netip.Addr{}, errno
	}
	switch sa.Addr.Family {
	case unix.AF_INET:
		peer = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&sa)).Addr)
	case unix.AF_INET6:
		peer = netip.AddrFrom16((*unix.RawSockaddrInet6)(unsafe.Pointer(&sa)).Addr)
	}
	return int(n), peer, 0
}

// quickWatch adds a descriptor to an epoll set.
func quickWatch(epfd, fd int, e *unix.EpollEvent) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(epfd), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(e)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// quickClose closes a socket that does not linger, or an eventfd.
func quickClose(fd int) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// quickShutdown is shutdown.
func quickShutdown(fd, how int) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0); errno != 0 {
		return errno
	}
	return nil
}

// quickQueued is how many written bytes the peer's kernel has not acknowledged,
// 0 when this kernel does not say.
func quickQueued(fd int) int64 {
	var n int32
	if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
		return 0
	}
	return int64(n)
}

// quickFull reports that a socket takes nothing now.
func quickFull(fd int) bool {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT}
	var now unix.Timespec
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return errno == 0 && n == 0
}

// quickAcknowledge sets TCP_QUICKACK; a socket that has none is left alone.
func quickAcknowledge(fd int) {
	on := int32(1)
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, //nolint:dogsled // see above
		uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
}

// quickSignal adds one to an eventfd, quickClear takes all; a full one is
// signalled already.
func quickSignal(fd int) {
	one := uint64(1)
	quickWord(syscall.SYS_WRITE, fd, &one)
}

func quickClear(fd int) {
	var all uint64
	quickWord(syscall.SYS_READ, fd, &all)
}

// quickWord moves the eight bytes of an eventfd's counter; a failure means that
// nothing had to be moved.
func quickWord(call uintptr, fd int, word *uint64) {
	_, _, _ = syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(word)), 8) //nolint:dogsled // see above
}

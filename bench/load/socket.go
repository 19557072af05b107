package load

import (
	"fmt"
	"io"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockaddr is where to connect to: a family and the address in it. Connecting
// writes into it, so each worker has its own.
type sockaddr struct {
	to     unix.Sockaddr
	family int
}

func unixAddress(path string) sockaddr {
	return sockaddr{family: unix.AF_UNIX, to: &unix.SockaddrUnix{Name: path}}
}

func tcpAddress(a *net.TCPAddr) sockaddr {
	if ip := a.IP.To4(); ip != nil || len(a.IP) == 0 {
		to := &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}}
		if ip != nil {
			copy(to.Addr[:], ip)
		}
		return sockaddr{family: unix.AF_INET, to: to}
	}
	to := &unix.SockaddrInet6{Port: a.Port}
	copy(to.Addr[:], a.IP.To16())
	if i, err := net.InterfaceByName(a.Zone); err == nil {
		to.ZoneId = uint32(i.Index)
	}
	return sockaddr{family: unix.AF_INET6, to: to}
}

// open starts a non-blocking connect. The socket may not be connected yet when
// it returns; the first send tells.
func (a sockaddr) open() (fd int, err error) {
	fd, err = unix.Socket(a.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot open a socket: %w", err)
	}
	if a.family != unix.AF_UNIX {
		// A request may take several writes; none may wait for an acknowledgement.
		if err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("cannot set TCP_NODELAY: %w", err)
		}
	}
	err = unix.Connect(fd, a.to)
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return -1, fmt.Errorf("cannot connect: %w", err)
	}
	return fd, nil
}

// connectError asks how the connect of a socket ended; nil: it is connected.
func connectError(fd int) error {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("cannot ask a socket: %w", err)
	}
	if n != 0 {
		return fmt.Errorf("cannot connect: %w", unix.Errno(n))
	}
	return nil
}

// readSocket is one non-blocking read into b, which is not empty. Raw system
// calls skip the scheduler, which need not know of calls that never block: 0.1 us
// a request, and the runtime's monitor has no reason to look every 20 us.
func readSocket(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return 0, socketError(errno)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return int(n), nil
}

// discardSocket throws away up to n bytes that a TCP socket has received, without
// copying them (MSG_TRUNC, tcp(7)).
func discardSocket(fd int, n int64) (int64, error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), 0, uintptr(n), unix.MSG_TRUNC, 0, 0)
	if errno != 0 {
		return 0, socketError(errno)
	}
	if got == 0 {
		return 0, io.EOF
	}
	return int64(got), nil
}

// writeSocket is one non-blocking write of b, which is not empty. A short one is
// no error. Writing to a closed connection raises SIGPIPE, which the Go runtime
// ignores for sockets; sendmsg with MSG_NOSIGNAL would cost more.
func writeSocket(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return 0, socketError(errno)
	}
	return int(n), nil
}

func socketError(errno unix.Errno) error {
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return errAgain
	}
	return errno
}

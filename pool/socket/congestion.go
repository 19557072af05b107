package socket

import (
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// Congestion control of connections that never leave the machine. BBR paces
// what it sends: a timer of the kernel for each piece, and on a virtual machine
// an exit to the hypervisor for each timer. Over loopback there is no queue to
// be kind to, and the timers are a fifth to a third of what 1 MiB costs:
// bench/README.md has the figures. So where the system's
// algorithm is BBR, sockets on loopback addresses get Reno, which every kernel
// has and every user may choose. Connections over a network keep what the
// operator chose.

const (
	congestionPaced = "bbr" // and its variants, bbr2 and bbr3
	congestionLocal = "reno"
)

// paces reports that the kernel paces what the socket sends.
func paces(fd int) bool {
	name, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	return err == nil && strings.HasPrefix(name, congestionPaced)
}

// unpace turns pacing off for a socket that listens on ip, or will connect to it,
// if ip is a loopback address. Later is too late: once a connection is
// established its pacing stays, whatever its algorithm is. A kernel that refuses
// leaves the socket as it is.
func unpace(fd int, ip net.IP) {
	if ip.IsLoopback() && paces(fd) {
		_ = unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestionLocal)
	}
}

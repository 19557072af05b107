package socket

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Heritage is the listening sockets that a process was given by whoever started it: by the
// process before, which hands over, or by a supervisor (systemd's socket activation).
// Connections may wait in their queues already. Each is given away once. What does not
// listen (a UDP port, a lock) is a key with parts, but for a UDP socket of a supervisor,
// which knows no keys. Any goroutine may use it; nil is empty.
type Heritage struct {
	mu struct {
		sync.Mutex
		left    []heirloom
		packets []packetSocket
		parts   map[string][]Part // by key
		taken   []string          // keys
	}
}

// Part is one descriptor of a thing that is handed over, which may have several.
type Part struct {
	Name string
	FD   int
}

type heirloom struct {
	key   string
	bound *Bound
}

// packetSocket is a UDP socket that is known by its address alone.
type packetSocket struct {
	fd int
	at *net.UDPAddr
}

// AddGiven takes a copy of what a supervisor has opened: a listening socket, or one of UDP;
// fd stays the caller's.
func (h *Heritage) AddGiven(fd int) error {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_DGRAM {
		return h.Add(fd, "")
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("cannot take over descriptor %d: %w", fd, os.NewSyscallError("getsockname", err))
	}
	at, ok := tcpAddress(own).(*net.TCPAddr)
	if !ok || at.Port == 0 {
		return fmt.Errorf("cannot take over descriptor %d: it is no bound UDP socket", fd)
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot take over descriptor %d: %w", fd, os.NewSyscallError("fcntl", err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.packets = append(h.mu.packets, packetSocket{copied, (*net.UDPAddr)(at)})
	return nil
}

// TakePackets gives away the UDP socket that is bound to address (host:port), whose
// descriptor is the caller's then; false: there is none. Of several (SO_REUSEPORT) it is the
// first one: the kernel spreads clients over all that are open, and Close closes the others.
func (h *Heritage) TakePackets(address string) (fd int, ok bool) {
	if h == nil {
		return -1, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.mu.packets, func(one packetSocket) bool { return isAt(one.at, address) })
	if i < 0 {
		return -1, false
	}
	fd = h.mu.packets[i].fd
	h.mu.packets = slices.Delete(h.mu.packets, i, i+1)
	return fd, true
}

// Add takes a copy of a listening socket; fd stays the caller's. key is what Take will ask
// for, empty for one that is known by its address alone.
func (h *Heritage) Add(fd int, key string) error {
	for _, is := range []struct{ option, want int }{{unix.SO_TYPE, unix.SOCK_STREAM}, {unix.SO_ACCEPTCONN, 1}} {
		if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, is.option); err != nil || got != is.want {
			return fmt.Errorf("cannot take over descriptor %d: it is no listening socket", fd)
		}
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("cannot take over descriptor %d: %w", fd, os.NewSyscallError("getsockname", err))
	}
	b := &Bound{lent: true}
	if b.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return fmt.Errorf("cannot take over descriptor %d: %w", fd, os.NewSyscallError("fcntl", err))
	}
	if at, isUnix := own.(*unix.SockaddrUnix); isUnix {
		b.addr = &net.UnixAddr{Name: at.Name, Net: NetworkUnix}
	} else {
		b.addr = tcpAddress(own)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.left = append(h.mu.left, heirloom{key, b})
	return nil
}

// Take gives away the sockets of a key, and those without a key that are bound to address
// (host:port, or unix: and a path). There may be several of one address (SO_REUSEPORT), and
// all of them have to be accepted from. They listen already; Listen makes them listeners.
func (h *Heritage) Take(key, address string) (bound []*Bound) {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.left = slices.DeleteFunc(h.mu.left, func(one heirloom) bool {
		if one.key != key && (one.key != "" || !isAt(one.bound.addr, address)) {
			return false
		}
		bound = append(bound, one.bound)
		return true
	})
	if len(bound) > 0 {
		h.mu.taken = append(h.mu.taken, key)
	}
	return bound
}

// AddPart takes a copy of a descriptor; fd stays the caller's.
func (h *Heritage) AddPart(fd int, key, name string) error {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot take over descriptor %d: %w", fd, os.NewSyscallError("fcntl", err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.parts == nil {
		h.mu.parts = map[string][]Part{}
	}
	h.mu.parts[key] = append(h.mu.parts[key], Part{name, own})
	return nil
}

// TakeParts gives away what a key has, in the order of AddPart. The descriptors are the
// caller's.
func (h *Heritage) TakeParts(key string) []Part {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	parts := h.mu.parts[key]
	if len(parts) > 0 {
		delete(h.mu.parts, key)
		h.mu.taken = append(h.mu.taken, key)
	}
	return parts
}

// Taken are the keys that Take and TakeParts were successful with.
func (h *Heritage) Taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.mu.taken)
}

// packetsPrefix stands in front of the address of a UDP port.
const packetsPrefix = "udp "

// PacketsKey is what the UDP port of an address is known by.
func PacketsKey(address string) string { return packetsPrefix + address }

// IsPackets reports that a key, or what Close returns, is a UDP port.
func IsPackets(key string) bool { return strings.HasPrefix(key, packetsPrefix) }

// Close gives up the copies that nobody has taken, and returns their addresses.
func (h *Heritage) Close() (addresses []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.mu.left {
		addresses = append(addresses, one.bound.addr.String())
		_ = one.bound.Close()
	}
	h.mu.left = nil
	for _, one := range h.mu.packets {
		addresses = append(addresses, PacketsKey(one.at.String()))
		_ = unix.Close(one.fd)
	}
	h.mu.packets = nil
	for key, parts := range h.mu.parts {
		addresses = append(addresses, key)
		for _, p := range parts {
			_ = unix.Close(p.FD)
		}
	}
	h.mu.parts = nil
	return addresses
}

// isAt reports that a socket is bound to an address as configurations write it. All
// addresses of this machine are the same whatever the family, and a port that the kernel
// chooses is nobody's.
func isAt(bound net.Addr, address string) bool {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return bound.Network() == NetworkUnix && bound.String() == path
	}
	var has *net.TCPAddr
	switch at := bound.(type) {
	case *net.TCPAddr:
		has = at
	case *net.UDPAddr:
		has = (*net.TCPAddr)(at)
	default:
		return false
	}
	want, err := net.ResolveTCPAddr("tcp", address)
	if err != nil || want.Port == 0 || want.Port != has.Port {
		return false
	}
	return want.IP.Equal(has.IP) || isAny(want.IP) && isAny(has.IP)
}

func isAny(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }

package pool

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// eventsAddress is the array's address for epoll_pwait; the array belongs to a
// Loop, which the caller keeps alive.
func eventsAddress(e *[eventsMax]unix.EpollEvent) uintptr {
	return uintptr(unsafe.Pointer(e))
}

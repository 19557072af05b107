// Package socket is what the hot path knows of the kernel: event loops, connections on
// them, their buffers, clocks and deadlines, TLS inside of a connection. It knows bytes,
// and neither HTTP nor backends.
//
//	loop.go       one epoll set and one goroutine: calls handlers, runs what was posted
//	conn.go       a connection: two ways to wait, a goroutine's and the loop's;
//	              connread.go reads, connwrite.go and connpipe.go write, netconn.go
//	              closes and names it, raw.go asks the kernel
//	half.go       one direction of it: the bits that the loop and its owner share
//	stream.go     a connection that is no socket: one of HTTP/2 or HTTP/3, and who
//	              opens such to a backend
//	secure.go     TLS inside a connection; secureidle.go (no memory while idle,
//	              by securelayout.go), securequiet.go (what a session says between two requests)
//	kept.go       what it takes to use a connection again; rest.go: how it waits for
//	              that, and what came meanwhile
//	buffer.go     pooled memory for what was read (fifo.go: between two sides); mangle.go
//	              overwrites it under the race detector; pipe.go: the kernel's
//	bind.go       listening sockets, in two steps; claim.go all those of an address, which
//	              must be free; accept.go accepts from one
//	dial.go       the way to a backend's address; congestion.go, quick.go: system calls
//	patience.go   waits for what no socket tells; errand.go: dials that outlive them
//	clock.go      Nanos, a monotonic clock in one word, and Pace: who is too slow
//
// One goroutine owns a connection at a time, or its loop does: see Conn. It imports the
// standard library, x/sys and pool/safely.
package socket

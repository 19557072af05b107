package socket

import (
	"bytes"
	"syscall"
	"unsafe"
)

// Found is what a look at a connection finds on which nothing should happen.
type Found uint8

const (
	// FoundSilence is a connection that may carry another request.
	FoundSilence Found = iota
	// FoundEnd is a backend that has closed it, as it was idle for too long. Some
	// say so with a 408 first.
	FoundEnd
	// FoundStray are bytes that nobody asked for.
	FoundStray
	// FoundAborted is our own doing.
	FoundAborted
)

// wordBytes is as much of what a backend says on an idle connection as tells a 408.
const wordBytes = statusBytes

// statusBytes is the length of "HTTP/1.1 408".
const statusBytes = 12

// Look says what has come on a connection to a backend that waits for another
// request. Only its owner may call it, once, unless it finds silence: over TLS it
// takes what was said.
//
// Usually nothing is there, which costs one recvfrom.
func (c *Conn) Look() Found {
	var word [wordBytes]byte
	switch state := c.rd.state.Load(); {
	case state&bitAborted != 0 || c.wr.state.Load()&bitAborted != 0:
		return FoundAborted
	case state&bitHung != 0:
	case c.secure == nil && c.silent(), c.secure != nil && c.secure.undisturbed():
		return FoundSilence
	}
	var n int
	if c.secure == nil {
		n = c.peek(&word)
	} else {
		said, quiet := c.secure.spoken(wordBytes)
		if quiet && !c.Ended() {
			return FoundSilence
		}
		if n = copy(word[:], said); n == 0 && c.secure.begun() && !c.Ended() {
			return FoundStray // the begin of a record
		}
	}
	if n == 0 || isTimeoutWord(word[:n]) {
		return FoundEnd
	}
	return FoundStray
}

// isTimeoutWord reports that b begins a 408, the last word of a backend to whom a
// connection was idle for too long (RFC 9110 section 15.5.9).
func isTimeoutWord(b []byte) bool {
	return len(b) == wordBytes && bytes.HasPrefix(b, []byte("HTTP/1.")) && string(b[8:]) == " 408"
}

// peek is what the socket has to read, which stays there.
func (c *Conn) peek(word *[wordBytes]byte) int {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(word)), wordBytes,
			syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		switch errno { //nolint:exhaustive // every other number is the end of the connection
		case 0:
			return int(n)
		case syscall.EINTR:
			continue
		}
		return 0
	}
}

// hungIdle is the end of a connection in the pool, in the loop's goroutine. It
// is closed here and now: the pool would keep its descriptor until it is taken.
func (c *Conn) hungIdle() {
	if c.Wake() { // else it was taken in this very moment
		c.endIdle()
	}
}

// spokeIdle is called by the loop when something has come on a connection in the
// pool. Over TLS it may be a ticket, and whoever takes the connection looks.
func (c *Conn) spokeIdle() {
	if c.secure == nil && !c.silent() && c.Wake() { // else what was announced is read already
		c.endIdle()
	}
}

// endIdle draws the conclusion from the end of an idle connection, and closes it.
// Whoever finds it in the keeper's pool meanwhile closes it too: see Close.
func (c *Conn) endIdle() {
	k := c.kept
	k.looking.Lock()
	if !c.gone.Load() {
		k.keeper.Met(c.Look(), Nanos())
	}
	k.looking.Unlock()
	_ = c.Close()
}

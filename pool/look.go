package pool

import (
	"bytes"
	"syscall"
	"unsafe"
)

// found is what a look at a connection finds on which nothing should happen.
type found uint8

const (
	foundSilence found = iota
	// foundEnd is a backend that has closed it, as it was idle for too long. Some
	// say so with a 408 first.
	foundEnd
	// foundStray are bytes that nobody asked for.
	foundStray
	// foundAborted is our own doing.
	foundAborted
)

// wordBytes is as much of what a backend says on an idle connection as tells a 408.
const wordBytes = statusBytes

// statusBytes is the length of "HTTP/1.1 408".
const statusBytes = 12

// look says what has come on a connection to a backend that waits for another
// request. Only its owner may call it, once, unless it finds silence: over TLS it
// takes what was said.
//
// Usually nothing is there, which costs one recvfrom.
func (c *Conn) look() found {
	var word [wordBytes]byte
	switch state := c.rd.state.Load(); {
	case state&bitAborted != 0 || c.wr.state.Load()&bitAborted != 0:
		return foundAborted
	case state&bitHung != 0:
	case c.secure == nil && c.silent(), c.secure != nil && c.secure.undisturbed():
		return foundSilence
	}
	var n int
	if c.secure == nil {
		n = c.peek(&word)
	} else {
		said, quiet := c.secure.spoken(wordBytes)
		if quiet && !c.Ended() {
			return foundSilence
		}
		if n = copy(word[:], said); n == 0 && c.secure.begun() && !c.Ended() {
			return foundStray // the begin of a record
		}
	}
	if n == 0 || isTimeoutWord(word[:n]) {
		return foundEnd
	}
	return foundStray
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

// learn draws the conclusion from what was found on an idle connection at a time.
// prompt says that it has come just then, and was not only found.
func (r *reuse) learn(f found, nowNanos int64, prompt bool) {
	switch f {
	case foundEnd:
		r.home.ages.observe(nowNanos, nowNanos-r.idleNanos, r.roundTripNanos)
	case foundStray:
		late := int64(0)
		if prompt {
			late = nowNanos - r.idleNanos
		}
		r.home.strays.met(r.ending, late)
	case foundSilence, foundAborted:
	}
}

// hungIdle is the end of a connection in the pool, in the loop's goroutine. It
// is closed here and now: the pool would keep its descriptor until it is taken.
func (c *Conn) hungIdle() {
	if c.wake() { // else it was taken in this very moment
		c.endIdle()
	}
}

// spokeIdle is called by the loop when something has come on a connection in the
// pool. Over TLS it may be a ticket, and whoever takes the connection looks.
func (c *Conn) spokeIdle() {
	if c.secure == nil && !c.silent() && c.wake() { // else what was announced is read already
		c.endIdle()
	}
}

// endIdle draws the conclusion from the end of an idle connection, and closes it.
// Whoever finds it in the HostClient's pool meanwhile closes it too: see Close.
func (c *Conn) endIdle() {
	r := c.reuse
	r.looking.Lock()
	if !c.gone.Load() {
		r.learn(c.look(), Nanos(), true)
	}
	r.looking.Unlock()
	_ = c.Close()
}

package load

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/bench/scan"
)

// conn is one client connection and the request it is busy with. It belongs to
// one worker. Legal transitions:
//
//	closed --start, open--> connecting --connected--> [handshaking -->] [sending, waiting: the opening
//	       handshake of WebSocket -->] sending, or idle when there is no call
//	idle   --start--> sending --all written--> waiting --answered--> idle or closed
//	any    --failed--> closed (connect failed: resting, then closed)
type conn struct {
	next, prev *conn // in the worker's list of busy, resting or idle ones
	call       *call
	tls        *session // nil: clear text
	scan       scan.Scanner
	message    scan.Messages // of WebSocket
	out        []byte        // what is sent: the call, or the opening handshake of WebSocket
	head       []byte        // of the answer to that, as far as it has come
	opening    bool          // it is under way
	carried    int           // requests since the connection was opened
	fd         int           // -1: closed
	index      int           // in the worker's conns, and in epoll events
	written    int           // bytes of out
	state      connState
	watched    uint32 // epoll events asked for
	from       int64  // when the request was due: its latency counts from here
	sent       int64  // when it was begun: its timeout counts from here
	free       int64  // idle or closed since
	wakeAt     int64  // resting: until
}

type connState uint8

const (
	connClosed connState = iota
	connConnecting
	connHandshaking
	connSending
	connWaiting
	connIdle
	connResting
)

// list is a doubly linked list of connections. A connection is in one at most.
// The zero value is empty.
type list struct {
	first, last *conn
	n           int
}

func (l *list) push(c *conn) {
	c.prev, c.next = l.last, nil
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
	l.n++
}

// pushFront puts a connection where first takes it from next.
func (l *list) pushFront(c *conn) {
	c.prev, c.next = nil, l.first
	if l.first != nil {
		l.first.prev = c
	} else {
		l.last = c
	}
	l.first = c
	l.n++
}

func (l *list) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	c.next, c.prev = nil, nil
	l.n--
}

// errAgain is no error of a connection, but an answer of read and write.
var errAgain = errors.New("not ready")

// read reads into b: at least one byte, or errAgain, io.EOF or another error.
func (c *conn) read(b []byte) (int, error) {
	if c.tls != nil {
		return c.tls.read(b)
	}
	return readSocket(c.fd, b)
}

// write sends what is left of the call. It reports whether all is written.
func (c *conn) write() (done bool, err error) {
	if c.tls != nil {
		return c.tls.write(c)
	}
	n, err := writeSocket(c.fd, c.out[c.written:])
	c.written += n
	return c.written == len(c.out), err
}

// connectCause sorts the error of a connect.
func connectCause(err error) Cause {
	switch {
	case errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT):
		return CauseRefused
	case noSocket(err):
		return CauseNoSocket
	}
	return CauseConnect
}

// noSocket reports whether this machine, not the target, is at its end.
func noSocket(err error) bool {
	for _, errno := range []unix.Errno{unix.EMFILE, unix.ENFILE, unix.EADDRNOTAVAIL, unix.ENOBUFS, unix.ENOMEM} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// ioCause sorts the error of a read or write while a request was under way.
func (c *conn) ioCause(err error) Cause {
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		if c.scan.Started() || c.message.Started() {
			return CauseCut
		}
		return CauseClosed
	case errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE):
		return CauseReset
	}
	return CauseOther
}

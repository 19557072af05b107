package attempt

import (
	"errors"
	"os"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// pipedMin is the content still to come from which on it goes through a pipe,
// pipedMinPaced the same where the kernel paces what is sent to the client: the
// proxy, faster than the client is allowed to be, then sleeps and wakes for each
// piece. bench/README.md has what was measured against copies of 256 KiB.
const (
	pipedMin      = 512 << 10
	pipedMinPaced = 3 << 20
)

// errNoPipe means that content has to be copied.
var errNoPipe = errors.New("no pipe is left")

// NextPiped is Next without a copy: the next bytes of the content, in a pipe
// that to.WritePipe has to empty before the Attempt is used again. No pipe and
// OK means that Next is the way: a chunked, short or undelimited content, one
// that has begun to come into the buffer, TLS on either side, or no pipe is
// left. It waits until byNanos, as Next does.
func (a *Attempt) NextPiped(to *socket.Conn, byNanos int64) (*socket.Pipe, Outcome) {
	if !a.pipes(to) {
		return nil, OK
	}
	a.in.Release()
	c := a.conn
	c.SetReadBy(byNanos)
	for {
		n, err := a.fillPipe()
		if n == 0 && err == nil {
			if a.fresh > 0 {
				a.acknowledge()
			}
			if err = c.AwaitRead(); err == os.ErrDeadlineExceeded { //nolint:errorlint // our own, unwrapped
				n, err = a.fillPipeLast()
			}
		}
		switch {
		case n > 0:
			a.body.Moved(n)
			return a.pipe, OK
		case err == errNoPipe: //nolint:errorlint // our own, unwrapped
			return nil, OK
		case err != nil:
			return nil, a.bodyOutcome(err)
		}
	}
}

// fillPipe moves what the socket has into a fresh pipe, without waiting; 0 and
// nil mean that nothing is there, and then there is no pipe either.
func (a *Attempt) fillPipe() (int, error) {
	if !a.conn.MayRead() {
		a.dropPipe()
		return 0, nil
	}
	if a.pipe == nil {
		if a.pipe = socket.TakePipe(); a.pipe == nil {
			return 0, errNoPipe
		}
	}
	n, err := a.conn.ReadPipe(a.pipe, a.body.Raw())
	if n == 0 {
		a.dropPipe()
	}
	return n, err
}

// fillPipeLast is for a deadline that has passed, as Conn.Read does it then.
func (a *Attempt) fillPipeLast() (int, error) {
	a.conn.Suspect()
	n, err := a.fillPipe()
	if n == 0 && err == nil {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// pipes decides on the way of the rest. What has begun in a pipe ends in one.
func (a *Attempt) pipes(to *socket.Conn) bool {
	left, least := a.body.Raw(), int64(pipedMin)
	if to.Paced() {
		least = pipedMinPaced
	}
	a.piped = left >= least || (a.piped && left > 0)
	return a.piped && a.in.Len() == 0 && to.IsBare() && a.conn.IsBare()
}

func (a *Attempt) dropPipe() {
	if a.pipe != nil {
		a.pipe.Release()
		a.pipe = nil
	}
}

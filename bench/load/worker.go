package load

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readBytes  = 64 << 10
	discardMin = 32 << 10     // of a body: a copy costs more than another system call
	readsMax   = 16           // of one connection before the others have their turn
	restNanos  = int64(10e6)  // after a failed connect, so that a dead target is not a busy loop
	dialingMax = 128          // connects under way at the start, below the usual accept queue
	lookNanos  = int64(250e6) // longest wait, so that a run's end is never missed
)

// worker owns a share of the connections and drives them from one goroutine.
type worker struct {
	t        *target
	poll     *poller
	address  sockaddr
	schedule schedule
	record   *recorder
	stop     *atomic.Bool // read once a loop: the run is cancelled
	begin    time.Time    // time 0 of the run
	buf      []byte
	conns    []conn

	idle     list  // connected ones first, both kinds last in, first out
	busy     list  // ordered by sent: the first one times out first
	resting  list  // ordered by wakeAt
	nextOf   int   // index of the next call
	pending  []int // indexes of connections whose session holds unread bytes
	discards bool  // the kernel can throw bodies away: TCP without TLS
	opening  bool  // connections are opened, no request is sent yet
	until    int64 // answers count for the rate before this time
	openErr  error // why a connection could not be opened before the run

	meter meter
}

func newWorker(t *target, i int, stop *atomic.Bool, budget *atomic.Int64) (*worker, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	n := t.Connections / t.Threads
	if i < t.Connections%t.Threads {
		n++
	}
	w := &worker{
		t: t, poll: p, address: t.dial(), schedule: newSchedule(t, i, budget), record: newRecorder(int64(t.Warmup)),
		stop: stop, buf: make([]byte, readBytes), conns: make([]conn, n), pending: make([]int, 0, n),
		nextOf: i * len(t.calls) / t.Threads, until: never,
	}
	w.discards = t.Unix == "" && t.tls == nil
	if t.Duration > 0 {
		w.until = int64(t.Warmup + t.Duration)
	}
	for j := range w.conns {
		c := &w.conns[j]
		c.fd, c.index = -1, j
		w.idle.push(c)
	}
	return w, nil
}

func (w *worker) close() {
	for i := range w.conns {
		w.hangUp(&w.conns[i])
	}
	w.poll.close()
}

func (w *worker) now() int64 { return int64(time.Since(w.begin)) }

// run sends requests until the schedule is over and every answer is in or has
// timed out. Time 0 is begin.
func (w *worker) run(begin time.Time) {
	w.begin = begin
	for i := range w.conns {
		w.conns[i].free = 0
	}
	for !w.stop.Load() {
		now := w.now()
		w.meter.start(now, w.schedule.warm)
		w.timeOut(now)
		w.wakeUp(now)
		w.dispatch(now)
		if w.busy.n == 0 && w.schedule.over(now) {
			break
		}
		w.turn(now)
		w.record.publish()
	}
	now := w.now()
	w.meter.stop(now)
	w.leftOver()
	w.record.advance(now)
	w.record.publish()
}

// open connects all connections before the run, so that it does not begin with
// a storm of connects. One that fails stays closed and is dialed by its first
// request.
func (w *worker) open(begin time.Time) {
	w.begin, w.opening = begin, true
	for next := 0; !w.stop.Load(); {
		now := w.now()
		for ; next < len(w.conns) && w.busy.n < dialingMax; next++ {
			c := &w.conns[next]
			w.idle.remove(c)
			c.call, c.sent = nil, now
			w.busy.push(c)
			w.dial(c)
		}
		if w.busy.n == 0 {
			break
		}
		w.turn(now)
		w.timeOut(w.now())
	}
	w.opening = false
	w.wakeUp(never)
}

// turn waits for events and handles them.
func (w *worker) turn(now int64) {
	// A connection may go back into the list, never ahead of where we read it.
	pending := w.pending
	w.pending = w.pending[:0]
	for _, i := range pending {
		if c := &w.conns[i]; c.state == connWaiting || c.state == connSending {
			w.receive(c)
		}
	}
	for _, e := range w.poll.wait(w.pause(now)) {
		if e.Fd == wakeIndex {
			w.poll.rest()
			continue
		}
		w.event(&w.conns[e.Fd], e.Events)
	}
}

// pause is how long to wait for events: until the next request is due and can
// be sent, a request times out, or a connection has rested.
func (w *worker) pause(now int64) time.Duration {
	if len(w.pending) > 0 {
		return 0
	}
	at := now + lookNanos
	if c := w.busy.first; c != nil {
		at = min(at, c.sent+int64(w.t.Timeout))
	}
	if !w.opening {
		if w.idle.n > 0 {
			at = min(at, w.schedule.next(now))
		}
		if c := w.resting.first; c != nil {
			at = min(at, c.wakeAt)
		}
		if !w.meter.running {
			at = min(at, w.schedule.warm)
		}
	}
	return time.Duration(max(at-now, 0))
}

// timeOut ends what takes too long.
func (w *worker) timeOut(now int64) {
	for c := w.busy.first; c != nil && now-c.sent >= int64(w.t.Timeout); c = w.busy.first {
		w.failed(c, CauseTimeout, nil)
	}
}

// wakeUp lets the connections that have rested be used again.
func (w *worker) wakeUp(now int64) {
	for c := w.resting.first; c != nil && c.wakeAt <= now; c = w.resting.first {
		w.resting.remove(c)
		c.state = connClosed
		w.idle.push(c)
	}
}

// dispatch gives what is due to connections that are free.
func (w *worker) dispatch(now int64) {
	for c := w.idle.first; c != nil; c = w.idle.first {
		from, ok := w.schedule.take(now)
		if !ok {
			return
		}
		if w.schedule.open() && c.free <= from && from >= w.schedule.warm {
			w.record.lag.Record(now - from)
		}
		w.idle.remove(c)
		w.start(c, from, now)
	}
}

// start begins a request on a connection that is in no list.
func (w *worker) start(c *conn, from, now int64) {
	c.call = &w.t.calls[w.nextOf]
	w.nextOf++
	if w.nextOf == len(w.t.calls) {
		w.nextOf = 0
	}
	c.from, c.sent, c.written = from, now, 0
	c.scan.Reset(c.call.head)
	w.busy.push(c)
	if c.fd < 0 {
		w.dial(c)
		return
	}
	c.state = connSending
	w.send(c)
}

// dial opens a connection for the request c has, or for its first one.
func (w *worker) dial(c *conn) {
	c.state = connConnecting
	fd, err := w.address.open()
	if err != nil {
		w.failed(c, connectCause(err), err)
		return
	}
	c.fd, c.watched = fd, unix.EPOLLIN|unix.EPOLLOUT
	if err := w.poll.add(fd, c.index, c.watched); err != nil {
		w.failed(c, CauseOther, err)
	}
}

// watch asks for events on the connection's socket: always for bytes to read,
// and for room to write when more is set.
func (w *worker) watch(c *conn, more bool) {
	events := uint32(unix.EPOLLIN)
	if more {
		events |= unix.EPOLLOUT
	}
	if events == c.watched {
		return
	}
	c.watched = events
	if err := w.poll.change(c.fd, c.index, events); err != nil {
		w.failed(c, CauseOther, err)
	}
}

// event handles what epoll tells of a connection.
func (w *worker) event(c *conn, events uint32) {
	switch c.state {
	case connConnecting:
		w.connected(c)
	case connHandshaking:
		w.shake(c)
	case connSending:
		if events&unix.EPOLLIN != 0 {
			w.receive(c) // an answer before the request is through
			return
		}
		w.send(c)
	case connWaiting:
		w.receive(c)
	case connIdle:
		w.idleEvent(c)
	case connClosed, connResting: // an event of the socket that was just closed
	}
}

// connected ends a connect.
func (w *worker) connected(c *conn) {
	if err := connectError(c.fd); err != nil {
		w.failed(c, connectCause(err), err)
		return
	}
	w.record.opened++
	if w.t.tls != nil {
		c.state, c.tls = connHandshaking, newSession(c.fd, w.t.tls)
		w.shake(c)
		return
	}
	w.ready(c)
}

// shake goes on with a TLS handshake.
func (w *worker) shake(c *conn) {
	done, err := c.tls.handshake()
	switch {
	case err != nil:
		w.failed(c, CauseTLS, err)
	case done:
		w.ready(c)
	default:
		w.watch(c, c.tls.unwritten())
	}
}

// ready goes on with a connection that is open for requests.
func (w *worker) ready(c *conn) {
	now := w.now()
	w.record.connect.Record(now - c.sent)
	if c.call == nil {
		w.busy.remove(c)
		c.state = connIdle
		w.idle.pushFront(c)
		w.watch(c, false)
		return
	}
	c.state = connSending
	w.send(c)
}

// send writes what is left of the request.
func (w *worker) send(c *conn) {
	done, err := c.write()
	if err != nil && err != errAgain { //nolint:errorlint // our own value, never wrapped
		// The peer may have answered before it closed: that answer counts.
		w.receiveLast(c, err)
		return
	}
	if done {
		c.state = connWaiting
	}
	w.watch(c, !done)
}

// receive reads what has come of the answer.
func (w *worker) receive(c *conn) {
	for range readsMax {
		if left := c.scan.Skippable(); left >= discardMin && w.discards {
			if !w.discard(c, left) {
				return
			}
			continue
		}
		n, err := c.read(w.buf)
		if n > 0 {
			done, bad := c.scan.Feed(w.buf[:n])
			w.record.bytesIn += uint64(n)
			if bad != nil {
				w.failed(c, CauseFraming, bad)
				return
			}
			if done {
				w.answered(c)
				return
			}
		}
		if err != nil {
			w.readEnded(c, err)
			return
		}
		if n < len(w.buf) && c.tls == nil {
			return
		}
	}
	if c.tls != nil { // epoll does not know of bytes that are decrypted already
		w.pending = append(w.pending, c.index)
	}
}

// discard throws away the next bytes of a long body. It reports whether there may be
// more of the answer to read.
func (w *worker) discard(c *conn, left int64) (more bool) {
	n, err := discardSocket(c.fd, left)
	if err != nil {
		w.readEnded(c, err)
		return false
	}
	w.record.bytesIn += uint64(n)
	if c.scan.Skip(n) {
		w.answered(c)
		return false
	}
	return true
}

// readEnded sorts a read that brought nothing.
func (w *worker) readEnded(c *conn, err error) {
	switch {
	case err == errAgain: //nolint:errorlint // our own value, never wrapped
	case c.ioCause(err) == CauseCut && c.scan.Close():
		w.answered(c)
	default:
		w.failed(c, c.ioCause(err), err)
	}
}

// receiveLast reads what a peer sent before a write to it failed.
func (w *worker) receiveLast(c *conn, cause error) {
	for range readsMax {
		n, err := c.read(w.buf)
		if n == 0 || err != nil {
			break
		}
		done, bad := c.scan.Feed(w.buf[:n])
		if bad != nil {
			break
		}
		if done {
			w.answered(c)
			return
		}
	}
	w.failed(c, c.ioCause(cause), cause)
}

// answered counts a complete answer and lets the connection go on.
func (w *worker) answered(c *conn) {
	now := w.now()
	w.busy.remove(c)
	w.record.handled++
	if now >= w.schedule.warm && now < w.until {
		w.record.inTime++
	}
	if c.from >= w.schedule.warm {
		w.record.bytesOut += uint64(c.written)
		w.record.answer(c.scan.Status(), now-c.from, now)
	}
	if w.t.NoKeepAlive || !c.scan.KeepAlive() || c.written < len(c.call.bytes) {
		w.hangUp(c)
	}
	w.proceed(c, now)
}

// failed counts the request as an error and closes the connection.
func (w *worker) failed(c *conn, cause Cause, err error) {
	now := w.now()
	w.busy.remove(c)
	switch {
	case c.call == nil:
		w.openErr = err
	case c.from >= w.schedule.warm:
		w.record.fail(cause, err, now-c.from, now)
	}
	rest := c.state == connConnecting || c.state == connHandshaking
	w.hangUp(c)
	if rest {
		c.state, c.wakeAt = connResting, now+restNanos
		w.resting.push(c)
		return
	}
	w.proceed(c, now)
}

// proceed gives a connection that is in no list its next request, if one is due.
func (w *worker) proceed(c *conn, now int64) {
	c.free = now
	// A closed connection goes through dispatch: a failing one must not recurse.
	if c.fd >= 0 {
		if from, ok := w.schedule.take(now); ok {
			w.start(c, from, now)
			return
		}
		c.state = connIdle
		w.idle.pushFront(c)
		return
	}
	c.state = connClosed
	w.idle.push(c)
}

// idleEvent handles a connection that tells something while no request is under
// way: the peer closes it (no error), or it sends what nobody asked for.
func (w *worker) idleEvent(c *conn) {
	n, err := c.read(w.buf)
	now := w.now()
	switch {
	case n > 0 && c.call != nil && now >= w.schedule.warm:
		w.record.fail(CauseFraming, errUnasked, 0, now)
	case err == errAgain: //nolint:errorlint // our own value, never wrapped
		return
	}
	w.idle.remove(c)
	w.hangUp(c)
	w.proceed(c, now)
}

// hangUp closes the socket, if there is one.
func (w *worker) hangUp(c *conn) {
	if c.tls != nil {
		c.tls.close()
		c.tls = nil
	}
	if c.fd >= 0 {
		unix.Close(c.fd)
	}
	c.fd, c.state = -1, connClosed
}

// leftOver counts the requests that were due before the end but found no free
// connection.
func (w *worker) leftOver() {
	if w.stop.Load() {
		return
	}
	now := w.now()
	w.schedule.leftOver(func(due int64) { w.record.late(now - due) })
}

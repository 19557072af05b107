package load

import (
	"sync/atomic"
	"time"
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

// leftOver counts the requests that were due before the end but found no free
// connection.
func (w *worker) leftOver() {
	if w.stop.Load() {
		return
	}
	now := w.now()
	w.schedule.leftOver(func(due int64) { w.record.late(now - due) })
}

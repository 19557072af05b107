package inquiry

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Pool is a pool as inquiries use it. It never changes.
type Pool struct {
	*pool.Pool

	Limiter     *pool.Limiter // nil where nothing limits what is in progress
	Read, Write time.Duration // as timeouts of the pool; 0 is none
	Backends    []*observe.BackendStats
}

// Inquiry is one request to a pool. Its goroutine owns it until Ask has returned.
type Inquiry struct {
	Pool   *Pool
	Shard  int    // whose connections are used
	Head   []byte // of the request, with all of its content; Host is its first field
	ToHEAD bool
	// KeepsHost says that Host stays whatever the pool says of it: a stage has set it.
	KeepsHost bool

	Hash    uint64 // where the pool hashes
	Reuse   attempt.Reuse
	ByNanos int64 // the deadline
	To      Answer

	bell    *socket.Bell
	conn    atomic.Pointer[socket.Conn] // for whoever ends it
	attempt attempt.Attempt
}

// Answer takes an answer. The bytes are valid until the function returns.
type Answer interface {
	// Met takes the head, once for each attempt that gets one; false: it is not wanted.
	Met(h *wire.ResponseHead) bool
	// Took takes a piece of the content; false: there is too much of it.
	Took(data []byte) bool
}

const (
	// triesMax bounds the attempts of one inquiry.
	triesMax = 3
	// interimMax bounds the 1xx answers of one attempt.
	interimMax = 32
)

// Prepare makes End possible, which any goroutine may call from then on.
func (q *Inquiry) Prepare() { q.bell = socket.NewBell() }

// Ask makes the attempts. OK: an answer was taken whole, and its status is returned.
func (q *Inquiry) Ask() (status int, out attempt.Outcome) {
	if l := q.Pool.Limiter; l != nil {
		if !l.Enter() {
			return 0, attempt.NoFreeConn
		}
		defer l.Leave()
	}
	out = attempt.NoFreeConn
	query := pool.Query{Hash: q.Hash}
	for range triesMax {
		query.Random, query.NowNanos = rand.Uint64(), socket.Nanos()
		m, index := q.Pool.Pick(query)
		if m == nil {
			break
		}
		permit, ok := m.Acquire(query.NowNanos)
		if !ok {
			query.Tried.Add(index)
			continue
		}
		status, out = q.try(m, permit)
		switch out.Retry() {
		case attempt.RetryNeverSent:
			query.Tried.Add(index)
		case attempt.RetryReusedIdle, attempt.RetryNeverReceived:
			q.Reuse = attempt.ReuseNone
		default:
			return status, out
		}
	}
	return status, out
}

// try makes one attempt.
func (q *Inquiry) try(m *pool.Member, permit pool.Permit) (status int, out attempt.Outcome) {
	a, began, latency := &q.attempt, socket.Nanos(), int64(-1)
	if host := m.Host(); host != "" && !q.KeepsHost {
		q.Head = wire.ReplaceHost(q.Head, host)
	}
	a.Patience = socket.Patience{ByNanos: q.ByNanos, Bell: q.bell}
	if out = a.Open(m.Client(q.Shard), q.Reuse); out == attempt.OK {
		q.conn.Store(a.Conn())
		if q.isOver() { // whoever ends it may not have seen the connection
			a.Conn().Abort()
		}
		if out = q.awaitHead(); out == attempt.OK {
			status, latency = a.Response.Status, socket.Nanos()-began
			out = q.takeContent()
		}
		q.conn.Store(nil)
		a.Close(out == attempt.OK, socket.Nanos())
	}
	if q.isOver() {
		out = attempt.ClientGone
	}
	known := 0
	if out == attempt.OK {
		known = status
	}
	b := q.Pool.Backends[m.Index()]
	b.Codes.Add(q.Shard, known)
	if out != attempt.OK && out.Side() != end.SideClient {
		b.Failed(q.Shard, out.End())
	}
	m.Release(permit, out, known, socket.Nanos(), latency)
	return status, out
}

// awaitHead sends the request, and reads heads until that of the final answer.
func (q *Inquiry) awaitHead() attempt.Outcome {
	a := &q.attempt
	if out := a.Send(q.Head, q.Pool.Write); out != attempt.OK {
		return out
	}
	for range interimMax + 1 { // the last one has to be final
		if out := a.Head(q.ToHEAD, q.readBy()); out != attempt.OK {
			return out
		}
		if a.Response.Status >= http.StatusOK {
			return attempt.OK
		}
		if a.Response.Status == http.StatusSwitchingProtocols {
			break
		}
	}
	return attempt.BadResponse
}

// takeContent hands the answer over.
func (q *Inquiry) takeContent() attempt.Outcome {
	a := &q.attempt
	if !q.To.Met(&a.Response) {
		return attempt.Outrun
	}
	for !a.Done() {
		data, out := a.Next(q.readBy())
		if out != attempt.OK {
			return out
		}
		if !q.To.Took(data) {
			return attempt.Outrun
		}
	}
	return attempt.OK
}

// readBy is until when the backend may be silent.
func (q *Inquiry) readBy() int64 {
	if q.Pool.Read <= 0 {
		return q.ByNanos
	}
	return socket.Earlier(q.ByNanos, socket.After(socket.Nanos(), q.Pool.Read))
}

func (q *Inquiry) isOver() bool {
	select {
	case <-q.bell.Rung():
		return true
	default:
		return false
	}
}

// End ends the inquiry, wherever it stands.
func (q *Inquiry) End() {
	q.bell.Ring()
	if c := q.conn.Load(); c != nil {
		c.Abort()
	}
}

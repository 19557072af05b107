package engine

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/isame-lb/isame-lb/engine/accesslog"
	"github.com/isame-lb/isame-lb/engine/answer"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/engine/websocket"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/stat"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// tunnel is what becomes of an exchange whose backend has agreed to switch to
// another protocol (RFC 9110 section 7.8): bytes go both ways until both sides
// have ended. It lives in the loop of its connection, so one that is silent has
// neither goroutine nor buffer.
//
// It keeps what the exchange held of its pool, the place in the limiter and the
// permit of the backend: a balancer sees it as a request in flight.
type tunnel struct {
	c       *conn
	policy  *listenerPolicy
	route   *routeEntry
	fwd     forwarding      // member, permit, pool and limiter of the exchange
	attempt attempt.Attempt // has the backend's connection
	up      passage         // to the backend
	down    passage         // to the client

	startNanos int64
	lastNanos  int64 // when bytes were last seen
	idle       time.Duration
	begun      bool // the backend's connection is in the loop
	goodbye    goodbye
	access     *accessLog
	held       stage.Held // of the route's stages
	client     netip.Addr // the address of the client that is believed, for the log
	id         []byte     // of the request, and of its trace, where the log wants them
	traceID    []byte
	generation uint64
	logged     bool // the exchange has a line
	record     *records.Record
	why        end.End
}

// tunnelRoom is the buffer of one direction, while it has bytes.
const tunnelRoom = 32 << 10

// tunnelPiecesMax is how many pieces one turn of the loop moves in one direction.
const tunnelPiecesMax = 8

// switches reports that an answer is that of a tunnel: the backend has switched, or
// has not and calls that a success, which a client of HTTP/2 would take for it.
func (x *exchange) switches() bool {
	status := x.attempt.Response.Status
	return status == statusSwitched || status/100 == 2 && x.c.stream != nil && x.c.stream.IsTunnel()
}

// openTunnel passes the 101 on and makes a tunnel of the exchange, whose rest is given
// back then: atTunnel.
func (x *exchange) openTunnel() phase {
	if x.attempt.Response.Status != statusSwitched {
		x.release(attempt.OK)
		return x.reject(answer.UpgradeIgnored)
	}
	if s := x.c.stream; s != nil && !s.Accepts(x.attempt.Response.Lookup("sec-websocket-accept")) {
		x.release(attempt.BadResponse)
		return x.reject(answer.ForOutcome(attempt.BadResponse)) // who is there does not speak WebSocket
	}
	x.c.forgetLeaving()
	x.status = x.attempt.Response.Status
	h := &x.attempt.Response
	if x.staged {
		if next := x.unwrapTunnel(); next != atTunnel {
			return next
		}
	}
	b := h.AppendFields(answer.BeginAs(x.answer[:0], h.Status, h.Reason, nil))
	if x.staged {
		b = append(b, x.call.Answer.Added()...)
	}
	x.answer = answer.End(answer.Field(x.appendProxyStatus(b), "Upgrade", h.UpgradeTo), answer.Unsized, answer.Upgrade)
	x.answered, x.keep = true, false
	early := x.attempt.Early()
	if out := x.written(x.c.Writev(x.answer, early, nil)); out != attempt.OK {
		x.release(out)
		return atFinish
	}
	x.reached = end.PhaseTunnel
	client := x.clientAddr()
	id, traceID := x.namesForLog()
	x.count() // before the head's buffer goes to the tunnel
	t := &tunnel{
		c: x.c, policy: x.policy, route: x.route, fwd: x.fwd, attempt: x.attempt,
		startNanos: x.startNanos, lastNanos: socket.Nanos(), idle: x.fwd.pool.timeouts.Tunnel, access: x.table.access,
		client: client, id: id, traceID: traceID, generation: x.table.generation, logged: x.logged,
	}
	t.record, x.kept = x.kept, nil
	if x.staged {
		t.held = x.call.Held.Take()
	}
	x.fwd, x.attempt = forwarding{}, attempt.Attempt{}
	backend := t.attempt.Conn()
	t.up, t.down = newPassage(t.c.Conn, backend), newPassage(backend, t.c.Conn)
	t.up.count, t.down.count = x.policy.stats.BytesIn, x.policy.stats.BytesOut
	t.up.shard, t.down.shard = x.c.shard.index, x.c.shard.index
	t.up.in.Sized(max(tunnelRoom, t.c.in.Len())) // the buffer of the head may be larger
	t.up.in.Append(t.c.in.Bytes())
	t.up.in.Sized(tunnelRoom)
	t.c.in.Release()
	if wire.EqualFold(t.attempt.Response.UpgradeTo, "websocket") {
		t.goodbye.speaks = true
		t.down.frames.Follow(early)
	}
	t.attempt.Switched()
	t.c.tunnel = t
	t.c.state.Store(stateTunnel)
	t.tally(1)
	return atSwitched
}

// tally counts the tunnel where people ask how many there are.
func (t *tunnel) tally(n int64) {
	t.c.shard.ln.tunnels.Add(n)
	t.route.tunnels.Add(n)
	t.fwd.pool.tunnels.Add(n)
}

// Room is called by the loop when the client takes bytes again.
func (c *conn) Room() {
	switch {
	case c.session != nil:
		c.session.Room()
	case c.tunnel != nil:
		c.tunnel.turn()
	}
}

// tunnelEnd is a tunnel as the handler of its backend's connection.
type tunnelEnd tunnel

// Ready is called by the loop when the backend has sent something.
func (e *tunnelEnd) Ready() { (*tunnel)(e).turn() }

// Room is called by the loop when the backend takes bytes again.
func (e *tunnelEnd) Room() { (*tunnel)(e).turn() }

// turn moves what there is to move; the loop calls it for every event.
func (t *tunnel) turn() {
	defer t.rescue()
	safely.Enter("tunnel")
	backend := t.attempt.Conn()
	if !t.begun {
		t.begun = true
		t.setDeadlines()
		backend.Wait(false)
		backend.Watch((*tunnelEnd)(t))
	}
	upErr, downErr := t.up.pump(), t.down.pump()
	if t.up.moved || t.down.moved {
		t.up.moved, t.down.moved = false, false
		t.lastNanos = socket.Nanos()
		t.setDeadlines()
	}
	switch {
	case upErr != nil && t.stays(upErr), downErr != nil && t.stays(downErr):
		t.setDeadlines()
		t.c.Again()
	case upErr != nil:
		t.end(t.up.why(upErr, end.ClientGone, end.BackendGone), backend)
	case errors.Is(downErr, os.ErrDeadlineExceeded): // whose timer is first is chance
		t.end(end.Idle, backend)
	case downErr != nil:
		t.end(t.down.why(downErr, end.BackendGone, end.ClientGone), t.c.Conn)
	case t.up.ended && t.down.ended:
		t.end(end.OK, nil)
	case t.c.leaveTunnel.Load() && t.goodbye.say(t):
		t.end(end.Drained, nil)
	}
}

// rescue turns a panic into the end of this tunnel.
func (t *tunnel) rescue() {
	if safely.Caught("tunnel", recover()) && t.c.tunnel == t {
		t.end(end.InternalError, t.attempt.Conn())
	}
}

// stays reports a deadline that passed although bytes have moved since it was set.
func (t *tunnel) stays(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !t.c.Aborted() && (t.idle <= 0 || socket.Nanos() < t.lastNanos+int64(t.idle))
}

func (t *tunnel) setDeadlines() {
	by := deadline(t.lastNanos, t.idle)
	t.c.SetReadBy(by)
	t.attempt.Conn().SetReadBy(by)
}

// end closes both connections; one that did not cause the end is reset, so that
// nobody takes a broken conversation for a whole one.
func (t *tunnel) end(why end.End, reset *socket.Conn) {
	c := t.c
	if why != end.OK && c.wasCut() {
		why = end.Drained
	}
	t.why = why
	c.shard.engine.registry.Ends.Add(c.shard.index, why, end.PhaseTunnel)
	if reset != nil {
		reset.ResetOnClose()
	}
	if reset != c.Conn {
		_ = c.CloseWrite() // a stream without its end is a broken one
	}
	t.up.in.Release()
	t.down.in.Release()
	c.backend.Store(nil)
	t.attempt.Close(false, 0)
	t.release()
	if !t.route.unlogged {
		t.log()
	}
	t.keepRecord()
	c.tunnel = nil
	t.tally(-1)
	c.end()
}

// release gives back what the exchange held.
func (t *tunnel) release() {
	f, shard := &t.fwd, t.c.shard.index
	f.pool.backends[f.member.Index()].Codes.Add(shard, statusSwitched)
	f.member.Release(f.permit, attempt.OK, statusSwitched, socket.Nanos(), f.headNanos-f.beganNanos)
	if f.entered {
		f.pool.limiter.Leave()
	}
	t.held.Release()
}

// passage is one direction of a tunnel. The loop owns it.
type passage struct {
	from, to *socket.Conn
	in       socket.Buffer
	frames   websocket.Border // of WebSocket, towards to
	bytes    int64
	count    *stat.Counter // of the listener, by shard
	shard    int
	taken    int  // of the write under way
	rest     bool // to has the rest of a write that would have blocked
	ended    bool // the end of from was passed on
	moved    bool // bytes, since the tunnel looked
	deaf     bool // what comes is dropped: to was told the end already
	faulty   bool // the last error was of a write
}

func newPassage(from, to *socket.Conn) passage {
	p := passage{from: from, to: to}
	p.in.Sized(tunnelRoom)
	return p
}

// pump moves bytes until there is nothing to move, or no room for it. An error is
// the end of the tunnel; the end of one side alone is none.
func (p *passage) pump() error {
	for range tunnelPiecesMax {
		switch {
		case p.ended:
			return nil
		case p.rest, p.in.Len() > 0:
			if done, err := p.write(); !done || err != nil {
				return err
			}
		default:
			if done, err := p.read(); !done || err != nil {
				return err
			}
		}
	}
	p.from.Again() // there is more, but others have their turn
	return nil
}

// write passes on what was read; false: there is no room now.
func (p *passage) write() (bool, error) {
	var taken int
	var err error
	switch {
	case p.rest:
		taken, err = p.to.Flush()
	case p.deaf:
		p.frames.Follow(p.in.Bytes())
		p.in.Discard(p.in.Len())
		return true, nil
	default:
		p.frames.Follow(p.in.Bytes())
		p.taken = 0
		taken, err = p.to.Writev(p.in.Bytes(), nil, nil)
	}
	p.bytes += int64(taken - p.taken)
	p.count.Add(p.shard, int64(taken-p.taken))
	p.moved = p.moved || taken > p.taken
	p.taken = taken
	p.rest = errors.Is(err, socket.ErrWouldBlock)
	switch {
	case p.rest:
		p.to.AwaitRoom()
		return false, nil
	case err != nil:
		p.faulty = true
		return false, err
	}
	p.in.Discard(p.in.Len())
	return true, nil
}

// read takes what from has; false: nothing is there now.
func (p *passage) read() (bool, error) {
	_, err := p.in.ReadFrom(p.from, tunnelRoom)
	switch {
	case err == nil:
		p.moved = true
		return true, nil
	case errors.Is(err, socket.ErrWouldBlock):
		return false, nil
	case errors.Is(err, io.EOF):
		p.ended = true
		_ = p.to.CloseWrite() // who has gone is noticed by the other direction
		return false, nil
	}
	return false, err
}

// why says what ended a tunnel: that one of its ends has gone, or nobody spoke.
func (p *passage) why(err error, from, to end.End) end.End {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return end.Idle
	case p.faulty:
		return to
	}
	return from
}

// goodbye ends the conversation of a tunnel from our side, when the proxy drains:
// both ends of a WebSocket get a close frame (RFC 6455 section 5.5.1), at a border
// between two frames, and then have as long as the drain lasts to close. Other
// protocols are cut.
type goodbye struct {
	speaks              bool // the tunnel is a WebSocket
	toClient, toBackend bool // the close frame is on its way
	frames              [2][websocket.CloseFrameMax]byte
}

// say does what can be done now, and reports that the tunnel is over.
func (g *goodbye) say(t *tunnel) bool {
	if !g.speaks {
		return true
	}
	g.toClient = g.toClient || t.down.tell(websocket.CloseFrame(&g.frames[0], false))
	g.toBackend = g.toBackend || t.up.tell(websocket.CloseFrame(&g.frames[1], true))
	return g.toClient && g.toBackend && t.up.isOver() && t.down.isOver()
}

// tell writes a frame of our own, if it may stand here, and lets nothing follow it.
// False: not yet.
func (p *passage) tell(frame []byte) bool {
	if p.ended || p.frames.Closed {
		return true // the other side has said it
	}
	if p.rest || p.in.Len() > 0 || !p.frames.IsHere() {
		return false
	}
	_, err := p.to.Writev(frame, nil, nil)
	if p.rest = errors.Is(err, socket.ErrWouldBlock); p.rest {
		p.to.AwaitRoom()
	}
	p.deaf = true
	return true
}

// isOver reports that the side where the passage begins has said its last word.
func (p *passage) isOver() bool { return !p.rest && (p.frames.Closed || p.ended) }

// namesForLog are copies of the ids of the request and of its trace, for a line that comes
// when the request is long gone.
func (x *exchange) namesForLog() (id, traceID []byte) {
	l := x.table.access
	if l == nil || x.route.unlogged {
		return nil, nil
	}
	if l.program.Wants()&accesslog.WantsID != 0 {
		id = bytes.Clone(x.requestID())
	}
	if l.program.Wants()&accesslog.WantsTraceID != 0 {
		traceID = bytes.Clone(x.traceID())
	}
	return id, traceID
}

// log writes the line of a tunnel that has ended. The exchange that it began as has had its
// own.
func (t *tunnel) log() {
	l := t.access
	if l == nil || !l.program.TakesTunnel(t.logged, t.why) {
		return
	}
	nowNanos := socket.Nanos()
	line := l.program.Append(nil, &accesslog.Entry{
		NowNanos: nowNanos, TookNanos: nowNanos - t.startNanos, BytesIn: t.up.bytes, BytesOut: t.down.bytes, Generation: t.generation,
		Status: statusSwitched, Client: t.client, IsPeer: t.client == t.c.ip, Peer: t.c.peerName(), Listener: t.policy.name,
		ID: t.id, TraceID: t.traceID, Route: t.route.name, Pool: t.fwd.pool.Name(), Backend: t.fwd.member.Address(),
		End: t.why, Phase: end.PhaseTunnel, Tunnel: true,
	})
	_, _ = l.lanes[t.c.shard.index].Write(line) // a lane that is full counts what it drops
}

// keepRecord keeps what became of the tunnel, and of the exchange that it began as.
func (t *tunnel) keepRecord() {
	r := t.record
	if r == nil {
		return
	}
	t.record = nil
	nowNanos := socket.Nanos()
	r.Took = nowNanos - t.startNanos
	r.In, r.Out = records.SizeOf(r.In.Bytes()+t.up.bytes), records.SizeOf(r.Out.Bytes()+t.down.bytes)
	r.End, r.Reached = t.why, end.PhaseTunnel
	names := &t.c.shard.engine.recorder.Names
	r.Listener, r.Route, r.Pool = names.Number(t.policy.recorded), names.Number(t.route.recorded), names.Number(t.fwd.pool.recorded)
	r.SetBackend(t.fwd.pool.recordedAs(t.fwd.member, names))
	t.c.shard.engine.recorder.Put(t.c.shard.index, nowNanos, r)
}

package engine

import (
	"github.com/isame-lb/isame-lb/config"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// What the recorder learns of an exchange: while it runs its attempts, and when it has
// ended everything else.

// recorderLimits are those of a configuration.
func recorderLimits(c *config.Recorder) records.Limits {
	if !c.Enabled {
		return records.Limits{}
	}
	return records.Limits{Records: c.Records, Errors: c.KeepErrors, Slow: c.KeepSlow}
}

// backendNumber is what records call a member of the exchange's pool.
func (x *exchange) backendNumber(m *pool.Member) uint32 {
	return x.c.shard.engine.recorder.Names.Number(x.fwd.pool.members[m.Index()])
}

// noteAttempt notes that an attempt begins. What is done before the first one takes time
// only where the head came in parts, or a goroutine may have waited for something.
func (x *exchange) noteAttempt(m *pool.Member) {
	nowNanos := x.fwd.beganNanos
	if nowNanos == x.startNanos && (x.waits || x.slowHead) {
		nowNanos = socket.Nanos()
	}
	x.trail.Begin(x.backendNumber(m), x.startNanos, nowNanos)
}

// noteConnection notes what the attempt has got. The loop takes what is there, at once.
func (x *exchange) noteConnection() {
	c := records.Connection{Reused: x.attempt.Reused()}
	if x.waits {
		c.TookNanos = socket.Nanos() - x.trail.BeganNanos()
	}
	c.MadeNanos, c.IdledNanos = x.attempt.Past()
	x.trail.Opened(c)
}

// noteRival notes a rival that begins.
func (x *exchange) noteRival(v *rival) {
	v.place = x.trail.Rival(x.backendNumber(v.member), x.startNanos, v.beganNanos)
}

// noteWinner notes that a rival's attempt, whose connection is the exchange's now, has
// taken the place of its own.
func (x *exchange) noteWinner(v *rival) {
	x.trail.Won(v.place, x.backendNumber(v.member), x.startNanos, v.beganNanos)
	c := records.Connection{TookNanos: v.openedNanos - v.beganNanos, Reused: x.attempt.Reused()}
	c.MadeNanos, c.IdledNanos = x.attempt.Past()
	x.trail.Opened(c)
}

// noteRivals notes how those of a race have ended that nobody has won. Where the client has
// left, some have not.
func (x *exchange) noteRivals(r *race) {
	if r.heard < len(r.rivals) {
		return
	}
	for _, v := range r.rivals {
		x.trail.Failed(v.place, v.out.End())
	}
}

// record keeps what became of the exchange. What it becomes a tunnel of is described now,
// while there is a request, and kept when that ends.
func (x *exchange) record(nowNanos int64) {
	c := x.c.shard.engine.recorder
	switch {
	case !c.On():
	case x.reached == end.PhaseTunnel:
		x.trail.Ended(end.OK, x.status, x.fwd.headNanos, nowNanos)
		x.kept = new(records.Record)
		x.describe(x.kept, nowNanos)
		x.kept.Flags |= records.Tunnel
	default:
		var r records.Record
		x.describe(&r, nowNanos)
		c.Put(x.c.shard.index, nowNanos, &r)
	}
}

// describe says what the exchange was. The query of its target is left out.
func (x *exchange) describe(r *records.Record, nowNanos int64) {
	names := &x.c.shard.engine.recorder.Names
	r.Started, r.Took = x.startNanos, nowNanos-x.startNanos
	r.In, r.Out = records.SizeOf(x.bytesIn), records.SizeOf(x.bytesOut)
	r.Generation, r.Listener = uint32(x.table.generation), names.Number(x.policy.recorded)
	if x.route != nil {
		r.Route = names.Number(x.route.recorded)
	}
	if x.fwd.pool != nil {
		r.Pool = names.Number(x.fwd.pool.recorded)
	}
	r.Status, r.End, r.Reached = uint16(x.status), x.end, x.reached
	r.SetRequest(x.head.Method, x.head.Host, x.head.Path)
	r.SetID(x.requestID())
	r.SetClient(x.clientAddr())
	if x.c.Secure() {
		r.Flags |= records.Secure
	}
	r.Speaks(x.version(), uint8(x.refused))
	x.trail.Into(r)
}

// version is that of HTTP, as protocol says it.
func (x *exchange) version() records.Version {
	switch {
	case x.c.stream != nil && x.c.via == via30:
		return records.HTTP3
	case x.c.stream != nil:
		return records.HTTP2
	case x.head.Minor == 0:
		return records.HTTP10
	}
	return records.HTTP11
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
	r.SetBackend(names.Number(t.fwd.pool.members[t.fwd.member.Index()]))
	t.c.shard.engine.recorder.Put(t.c.shard.index, nowNanos, r)
}

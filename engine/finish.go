package engine

import (
	"cmp"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/accesslog"
	"github.com/isame-lb/isame-lb/engine/observe"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// finish counts the exchange: atFinish. Counting comes first: what follows moves the
// bytes of the head.
func (x *exchange) finish() phase {
	x.keep = x.keep && x.upload.isClean(x)
	x.leavePool()
	if x.staged {
		x.call.Held.Release()
	}
	x.count()
	if x.keep {
		x.upload.settle(x)
		if x.body.Done() {
			return atOver
		}
		return atTail
	}
	if x.mustLinger() {
		return atTail
	}
	return atOver
}

// dropTail reads what the client still sends and nobody wants: the rest of a body, or
// whatever comes until it knows that this was the end. atTail.
func (x *exchange) dropTail() phase {
	if x.keep && x.dropBody() {
		return atOver
	}
	x.keep = false
	if x.mustLinger() {
		x.c.linger()
	}
	return atOver
}

// mustLinger reports that the end of the connection could reach the client before the
// answer does.
func (x *exchange) mustLinger() bool { return x.answered && !x.broken && x.mayStillCome() }

// mayStillCome reports that the client, which does not know yet that the
// connection ends, may be sending: the rest of its body or another request.
func (x *exchange) mayStillCome() bool {
	return x.c.stream == nil && (!x.body.Done() || x.head.KeepAlive || x.c.in.Len() > 0)
}

// dropBody reads the rest of the request's body and reports success. The answer
// is out: bytes are read over the head.
func (x *exchange) dropBody() bool {
	in := &x.c.in
	x.c.SetReadBy(deadline(socket.Nanos(), x.policy.bodyGap))
	for dropped := 0; dropped < bodyDropMax; {
		data, err := x.body.Take(in)
		if err != nil {
			return false
		}
		dropped += len(data)
		if x.body.Done() {
			return true
		}
		if in.Len() > 0 {
			continue
		}
		if _, err := in.ReadFrom(x.c.Conn, min(x.body.Limit(), pipelineMax)); err != nil {
			return false
		}
	}
	return false
}

// count is what metrics and access log learn of the exchange, once. It is the last
// that reads the text of the request: from then on nothing of it is left, and its
// buffer may be used for what comes next.
func (x *exchange) count() {
	if x.counted {
		return
	}
	x.counted = true
	if x.end == end.ClientGone && x.c.wasCut() { // it has not left: we have
		x.end = end.Drained
		if x.status == attempt.ClientGone.Status() {
			x.status = fasthttp.StatusServiceUnavailable
		}
	}
	nowNanos := socket.Nanos()
	stats := x.policy.unrouted
	if x.route != nil {
		stats = x.route.stats[x.policy.number]
	}
	shard := x.c.shard.index
	stats.Observe(shard, x.status, time.Duration(nowNanos-x.startNanos))
	stats.Used(shard, nowNanos)
	if x.reached != end.PhaseTunnel { // that one has not ended
		x.c.shard.engine.registry.Ends.Add(shard, x.end, x.reached)
	}
	x.measure(nowNanos)
	x.policy.stats.BytesIn.Add(shard, x.bytesIn)
	x.policy.stats.BytesOut.Add(shard, x.bytesOut)
	if l := x.table.access; l != nil && (x.route == nil || !x.route.unlogged) {
		x.log(l, nowNanos)
	}
	x.record(nowNanos)
	x.sample(nowNanos)
	if x.traced && x.traceSpan.Sampled() {
		x.export(stats, nowNanos)
	}
	x.head.DropText()
	x.path, x.target = nil, nil
	x.c.in.Unpin()
}

// log writes the line of the exchange, if it is wanted. It allocates nothing.
func (x *exchange) log(l *accessLog, nowNanos int64) {
	took := nowNanos - x.startNanos
	cut := x.broken || !x.answered || x.end == end.ClientGone || x.end == end.Drained
	if !l.program.Takes(x.status, cut, took) {
		return
	}
	x.logged = true
	wants := l.program.Wants()
	if x.entry == nil {
		x.entry = &accesslog.Entry{}
	}
	e := x.entry
	*e = accesslog.Entry{
		NowNanos: nowNanos, TookNanos: took, BytesIn: x.bytesIn, BytesOut: x.bytesOut, Generation: x.table.generation,
		Status: x.status, Peer: x.c.peerName(), Head: &x.head, Listener: x.policy.name, Protocol: x.protocol(),
		NoRetry: x.refused.String(), SNI: (*callFacts)(x).ServerName(), End: x.end, Phase: x.reached,
	}
	e.Client = x.clientAddr()
	e.IsPeer = e.Client == x.c.ip
	if wants&accesslog.WantsID != 0 {
		e.ID = x.requestID()
	}
	if wants&accesslog.WantsScheme != 0 {
		e.Scheme = x.scheme()
	}
	if wants&accesslog.WantsTraceID != 0 {
		e.TraceID = x.traceID()
	}
	if wants&accesslog.WantsTLS != 0 && x.c.Secure() {
		s := (*callFacts)(x).TLSState()
		e.TLS, e.Cipher = s.Version, s.CipherSuite
	}
	if x.fwd.headNanos > x.fwd.beganNanos && x.attempts > 0 {
		e.BackendNanos = x.fwd.headNanos - x.fwd.beganNanos
	}
	if x.route != nil {
		e.Route = x.route.name
	}
	if x.backendName != "" {
		e.Pool, e.Backend, e.Attempts = x.fwd.pool.Name(), x.backendName, x.attempts
	}
	if wants&accesslog.WantsParts != 0 {
		e.Parts = x.shares(nowNanos)
	}
	x.line = l.program.Append(x.line[:0], e)
	*e = accesslog.Entry{}                        // its bytes are the request's
	_, _ = l.lanes[x.c.shard.index].Write(x.line) // a lane that is full counts what it drops
	if cap(x.line) > roomMax {
		x.line = nil
	}
}

// shares is what the time of the exchange was spent with, as records say it.
func (x *exchange) shares(nowNanos int64) records.Shares {
	var r records.Record
	x.describe(&r, nowNanos)
	return r.Shares()
}

// requestID is the value of X-Request-Id that the backend was given, or that a
// trusted peer has sent; nil is none.
func (x *exchange) requestID() []byte {
	switch {
	case x.staged && x.call.ID != nil:
		return x.call.ID
	case x.idEnd > 0:
		return x.out[x.idEnd-requestIDBytes : x.idEnd]
	case x.head.Has(wire.FieldXRequestID) && x.policy.trusted.Trusts(x.c.ip):
		return x.head.Value(wire.FieldXRequestID)
	}
	return nil
}

// protocol is the version of HTTP that the client speaks.
func (x *exchange) protocol() string {
	switch {
	case x.c.stream != nil && x.c.via == via30:
		return "HTTP/3"
	case x.c.stream != nil:
		return "HTTP/2"
	case x.head.Minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// record keeps what became of the exchange, and shows it to whoever looks on. What it
// becomes a tunnel of is described now, while there is a request, and kept when that ends.
func (x *exchange) record(nowNanos int64) {
	c := x.c.shard.engine.recorder
	switch {
	case !c.Wanted():
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

// export hands the exchange to who exports spans, with all that is to be known of it: what
// becomes a tunnel ends for this where it does. It is an example of what stats count.
func (x *exchange) export(stats *observe.RouteStats, nowNanos int64) {
	e, r, h := x.c.shard.engine, records.Record{}, &x.head
	x.describe(&r, nowNanos)
	r.Started = time.Now().UnixNano() - r.Took
	out := &trace.Exchange{
		Span: x.traceSpan, View: e.recorder.View(&r), Path: string(h.Path), Query: string(h.Query), Secure: x.c.Secure(),
		UserAgent: string(h.Lookup("user-agent")), Peer: x.c.ip,
	}
	if x.route != nil {
		at := x.table.cfg.Routes[x.route.name]
		out.Template = cmp.Or(at.Path, at.PathPrefix)
	}
	if x.fwd.pool != nil {
		out.BackendsTLS = x.fwd.pool.overTLS
	}
	stats.Traced(&observe.Example{Trace: string(x.traceSpan.Trace()), ID: out.ID, Took: out.Took, Ended: out.Started.Add(out.Took)})
	e.tracer.Offer(out)
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
	host, id := x.head.Host, x.requestID()
	if len(host) > 0 && x.table.redaction.Hides(nameHost) {
		host = hidden
	}
	if len(id) > 0 && x.table.redaction.Hides(nameRequestID) {
		id = nil
	}
	r.SetRequest(x.head.Method, host, x.head.Path)
	r.SetID(id)
	r.SetClient(x.clientAddr())
	if x.c.Secure() {
		r.Flags |= records.Secure
	}
	r.Speaks(x.version(), uint8(x.refused))
	x.trail.Into(r)
	sendNanos := x.sendNanos
	if x.relayNanos > 0 && !x.awaiting { // what has come last went to the client until now
		sendNanos += nowNanos - x.relayNanos
	}
	r.Waited(x.upload.lateNanos, sendNanos)
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

// sample keeps the head of the exchange, where it is its turn: one comparison where it is
// not. A head that was refused half-way is none.
func (x *exchange) sample(nowNanos int64) {
	s := x.c.shard.engine.sampler
	if len(x.head.Method) == 0 || !s.Due(x.c.shard.index, nowNanos) {
		return
	}
	to := s.Take(x.c.shard.index)
	if to == nil {
		return
	}
	to.AtNanos, to.Listener, to.Peer, to.Secure = nowNanos, x.c.shard.ln.key, x.c.ip, x.c.Secure()
	to.ServerName = (*callFacts)(x).ServerName()
	switch {
	case x.c.stream == nil:
		to.Version = sample.HTTP1
	case x.c.via == via30:
		to.Version = sample.HTTP3
	default:
		to.Version = sample.HTTP2
	}
	if x.writeHead(&to.Head) {
		to.Keep()
	} else {
		to.Drop()
	}
}

// What stands for a value that is redacted, and names of fields that are no others here.
var hidden, nameHost, nameRequestID = []byte(accesslog.Hidden), []byte("Host"), []byte("X-Request-Id")

// writeHead writes the head as it came: also the lines that were dropped since. False: it
// is too long.
func (x *exchange) writeHead(to *sample.Head) bool {
	h, host := &x.head, x.head.Host
	if len(host) > 0 && x.table.redaction.Hides(nameHost) {
		host = hidden
	}
	to.Begin(h.Method, h.Path, h.Query, host, h.Minor)
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.ID == wire.FieldHost {
			continue
		}
		value := h.FieldValue(f)
		if x.table.redaction.Hides(h.Name(f)) {
			value = hidden
		}
		to.Field(h.Name(f), value)
	}
	return to.End()
}

// measure counts what was asked, and where the time of the exchange went; its attempts have
// counted theirs. For the usual exchange, whose client and backend are quick, that is the
// relay alone.
func (x *exchange) measure(nowNanos int64) {
	r, shard := x.c.shard.engine.registry, x.c.shard.index
	r.Methods.Add(shard, uint8(x.version()), x.head.Method)
	if waited := int64(x.trail.Read.Duration()) + x.upload.lateNanos; waited > 0 {
		r.Phases.Add(shard, observe.PhaseClient, waited)
	}
	if x.fwd.headNanos > 0 && x.fwd.outcome == attempt.OK && x.attempts > 0 && x.reached != end.PhaseTunnel {
		r.Phases.Add(shard, observe.PhaseRelay, nowNanos-x.fwd.headNanos)
	}
}

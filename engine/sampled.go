package engine

import (
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/pool/wire"
)

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

// writeHead writes the head as it came: also the lines that were dropped since. False: it
// is too long.
func (x *exchange) writeHead(to *sample.Head) bool {
	h := &x.head
	to.Begin(h.Method, h.Path, h.Query, h.Host, h.Minor)
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID != wire.FieldHost {
			to.Field(h.Name(f), h.FieldValue(f))
		}
	}
	return to.End()
}

package engine

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool"
)

// accessLog writes a line for finished exchanges: a sample of them, and every
// one that was slow.
type accessLog struct {
	out       zerolog.Logger
	threshold uint64 // of 64 random bits; below it the exchange is in the sample
	all       bool
	slowNanos int64 // 0 is off
}

func newAccessLog(c *config.AccessLog, log zerolog.Logger) *accessLog {
	if !c.Enabled {
		return nil
	}
	return &accessLog{
		out: log.With().Str("log", "access").Logger(), all: c.Sample >= 1,
		threshold: uint64(c.Sample * (1 << 63) * 2 * (1 - 1e-15)), slowNanos: int64(c.Slow),
	}
}

// log writes the line of x, if it is wanted. It allocates nothing.
func (l *accessLog) log(x *exchange, nowNanos int64) {
	took := nowNanos - x.startNanos
	if !l.all && random() >= l.threshold && (l.slowNanos == 0 || took < l.slowNanos) {
		return
	}
	e := l.out.Log().Str("client", x.c.peerName()).Bytes("method", x.head.Method).Bytes("host", x.head.Host).
		Bytes("target", x.head.Target).Int("status", x.status).Dur("took_ms", time.Duration(took)).
		Int64("bytes_in", x.bytesIn).Int64("bytes_out", x.bytesOut).Str("listener", x.policy.name).
		Str("protocol", x.protocol())
	if x.route != nil {
		e = e.Str("route", x.route.name)
	}
	if x.backendName != "" {
		e = e.Str("backend", x.backendName).Int("attempts", x.attempts)
	}
	if x.refused != refusalNone {
		e = e.Str("no_retry", x.refused.String())
	}
	if x.end != pool.EndOK {
		e = e.Str("cause", x.end.Word())
	}
	e.Send()
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

// logTunnel writes the line of a tunnel that has ended. The exchange that it began
// as has had its own.
func (l *accessLog) logTunnel(t *tunnel) {
	e := l.out.Log().Str("client", t.c.peerName()).Str("listener", t.policy.name).Str("route", t.route.name).
		Str("backend", t.fwd.member.Address()).Int("status", statusSwitched).
		Dur("took_ms", time.Duration(pool.Nanos()-t.startNanos)).
		Int64("bytes_in", t.up.bytes).Int64("bytes_out", t.down.bytes).Bool("tunnel", true)
	if t.why != pool.EndOK {
		e = e.Str("cause", t.why.Word())
	}
	e.Send()
}

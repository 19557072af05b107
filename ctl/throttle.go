package ctl

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Bounds of how often somebody may try. No honest client meets them.
const (
	// loginsFailedMax is how many wrong tokens an address may send at once, and in
	// each minute after that.
	loginsFailedMax = 20
	loginsFailedPer = time.Minute / loginsFailedMax
	// changesMax is how many changes an address may make at once with one token;
	// another one is given each changesPer.
	changesMax = 1000
	changesPer = 10 * time.Millisecond
	// throttledMax bounds the addresses that are remembered, for each kind.
	throttledMax = 10_000
)

// throttle lets burst events through at once for each key, and one more in each per. A
// key is full again at its until (GCRA: that moment is all that has to be kept of a key;
// one that has ended may be forgotten). Its owner locks it.
type throttle struct {
	burst int
	per   time.Duration
	full  shelf[struct{}]
}

func newThrottle(burst int, per time.Duration) throttle {
	return throttle{burst: burst, per: per, full: shelf[struct{}]{max: throttledMax}}
}

// wait is how long a key has to wait for its next event; 0 is not at all.
func (t *throttle) wait(key string, now time.Time) time.Duration {
	ahead := t.full.until(key, now).Sub(now)
	return max(0, ahead-time.Duration(t.burst-1)*t.per)
}

// take counts an event of a key, unless it has to wait.
func (t *throttle) take(key string, now time.Time) time.Duration {
	if wait := t.wait(key, now); wait > 0 {
		return wait
	}
	t.full.put(key, shelved[struct{}]{until: t.full.until(key, now).Add(t.per)}, now)
	return 0
}

// throttled is 429 with the seconds after which to try again.
func throttled(ctx *fasthttp.RequestCtx, wait time.Duration, what string) *api.Problem {
	seconds := int64((wait + time.Second - 1) / time.Second)
	ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.FormatInt(seconds, 10))
	return api.NewProblem(fasthttp.StatusTooManyRequests, what+": try again in "+strconv.FormatInt(seconds, 10)+"s")
}

// clientKey is whom limits count: an address, or for version 6 its network of 64 bits,
// which one client has to itself. All clients of a unix socket are one.
func clientKey(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "socket"
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil { // the zero address
		return netip.Addr{}.String()
	}
	return network.String()
}

// Package pool connects: it knows the backends, decides together with package
// algo which one takes an attempt, keeps the connections to them, and watches
// their health.
//
// # Facts and policy
//
// A [Backend] is what is known about one address: requests in flight, latency,
// breaker, health, counters, warm connections. It is shared by every pool and
// every generation that names the address, and outlives a reload. A [Member] is
// a backend as one [Pool] of one generation sees it: weight, limits, thresholds.
// A [Set] is all pools of a generation.
//
//	Build -> (the caller stores its table) -> Start -> ... -> Retire
//
// # One attempt
//
//	m, i := p.Pick(query)             one pointer load; an immutable view
//	permit, ok := m.Acquire(now)      breaker, max_requests, in-flight + 1
//	a.Open(m.Client(shard), which)    one attempt on the wire: Attempt
//	m.Release(permit, outcome, ...)   in-flight - 1, latency, breaker, counters
//
// A refused Acquire and a retry both add i to query.Tried and pick again. An
// [Outcome] says whose fault an attempt was and whether another is allowed;
// the retry loop itself is the engine's.
//
// # Who may be picked
//
// Whatever changes that (a probe, a breaker, the operator, a timer) asks for a
// new view, which is built beside the traffic and stored with one pointer. The
// rules stand in choose (view.go):
//
//   - Primaries before backups. A retry that has tried all primaries gets a backup.
//   - A backend that no probe has judged yet is usable when the proxy starts. One
//     that a reload adds waits for its first good probe, and starts slowly when
//     slow_start says so.
//   - Below panic_threshold percent healthy primaries, and when nobody at all is
//     healthy, health is ignored.
//   - Open breakers are never picked. At most max_ejected_percent of the
//     primaries open, rounded down: a single backend is never ejected, unless a
//     backup stands by or the section says 100. After open_for, or after a good
//     probe that follows a bad one, trials begin.
//
// # Where to start reading
//
// pool.go (Pick, rebuild), member.go (Acquire, Release), view.go (the rules),
// breaker.go with window.go, prober.go with health.go, definition.go and
// probe.go, build.go and set.go (a reload), clients.go (HostClients), then
// transport.go (the wire). Package pool/wire parses HTTP/1.1, pool/stat counts.
//
// Engine, ctl and cmd may import this package. It imports algo, config and
// fasthttp.
package pool

// Package pool connects: it knows the backends, decides together with package
// algo which one takes an attempt. How an attempt is carried, and how health is seen,
// stands in packages below.
//
// # Facts and policy
//
// A [Backend] is what is known about one address, whoever asks: its name, its
// connections, what probes of one definition see. It is shared by every pool and
// every generation that names the address. A standing is what one pool has met
// there: requests in flight, latency, breaker, counters; an opinion is what that
// pool holds of its health. Pools read nothing of each other's: what one of them
// calls a failure, or too slow, is its own matter. All of these are facts and
// outlive a reload that keeps the pool's name and the address. A [Member] is a
// backend as one [Pool] of one generation sees it: weight, limits, thresholds. A
// [Set] is all pools of a generation.
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
// [attempt.Outcome] says whose fault an attempt was and whether another is allowed;
// the retry loop itself is the engine's.
//
// # Who may be picked
//
// Whatever changes that (a probe, a breaker, the operator, a timer) asks for a
// new view, which is built beside the traffic and stored with one pointer. The
// rules stand in choose (view.go):
//
//   - Primaries before backups, and backups by rank. A retry that has tried all of
//     one tier gets the next.
//   - The proxy's own zone before others of its rank, while enough of it is there.
//   - A backend that no probe has judged yet is usable when the proxy starts. One
//     that a reload or a discovery adds to others waits for its first good probe, and
//     starts slowly when slow_start says so.
//   - Below panic_threshold percent healthy primaries, and when nobody at all is
//     healthy, health is ignored; but backends where nobody answers are dead, and
//     stay out. When all are, there is nobody to pick: Unavailable.
//   - Open breakers are never picked. At most max_ejected_percent of the
//     primaries open, rounded down: a single backend is never ejected, unless a
//     backup stands by or the section says 100. After open_for, or after a good
//     probe that follows a bad one, trials begin.
//   - Live traffic feeds the pool's health through its breaker: refused connections
//     make a backend dead at once, an ejected one is unhealthy until probes are
//     good. For other pools that share the check it only hurries the next probe.
//
// # Discovery
//
// What the DNS says of a name is a fact, too: a [Set] is built with what is known
// then, and Options.Changed tells when a name leads elsewhere ([Set.Stale]). The
// caller builds the next Set of the same configuration, which is a reload: the
// members that stay keep everything, the others are retired.
//
// # Overload
//
// A [Limiter] bounds the exchanges of a pool that are in progress, where its
// concurrency section says so. The engine takes a slot before the first attempt
// and gives it back after the last byte:
//
//	l.Enter()                         a free slot: one compare-and-swap
//	l.Join(w), w.Sleep(bell)          no free slot: the queue
//	l.JoinPlace(w), w.Sleep(bell)     a slot, and all backends at their max_requests
//	l.Leave()                         wakes the next
//
// With adaptive the limit follows the latencies that Release is told: gradient.go.
//
// # Below
//
// Package attempt carries one attempt on the wire, and says how connections begin;
// package health probes; package socket has loops and connections, package wire parses
// HTTP/1.1, wire/frame and wire/hpack frames and header blocks of HTTP/2, package stat
// counts, package end lists how exchanges end, package lookup asks the DNS. None of them
// knows this one.
//
// # Where to start reading
//
// pool.go (Pick), query.go and hash.go (what a pick depends on), member.go (Acquire,
// Release), view.go (the rules) with rebuild.go (when they are applied anew) and overseen.go
// (algorithms that a program has registered), standing.go, breaker.go with
// window.go, backend.go with account.go, operator.go with status.go;
// options.go, set.go, kept.go, build.go, listed.go, overlay.go and arrivals.go (a reload),
// imagine.go (one that is only thought of), discovery.go with await.go, limiter.go with queue.go and gradient.go (overload).
//
// Engine, ctl and cmd may import this package. It imports algo, config and the packages
// below; of fasthttp it knows the HostClient that an attempt begins with.
package pool

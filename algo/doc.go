// Package algo decides which member of a pool takes the next attempt. It holds
// pure decisions on plain numbers: no I/O, no goroutine, no clock (the time is
// passed in), no lock, and no allocation in a pick. It imports the standard
// library only; pool picks with it, and bench/sim simulates it.
//
// Start reading at algo.go (Member, Query, Balancer, New), then one file a law;
// register.go takes those of programs that run the proxy themselves.
//
// # Which algorithm to take
//
//	round_robin           All backends are alike and requests cost about the same. The default.
//	weighted_round_robin  The same law under the name people look for when backends differ in size.
//	least_connections     Requests differ a lot in duration: uploads, reports, long polls, WebSockets.
//	p2c                   As least_connections, with many backends or many proxies in front of them:
//	                      two random candidates, the less busy one wins, so that no herd forms.
//	peak_ewma             Backends differ in speed, or one may turn slow without failing: latency decides.
//	                      The best default when the tail (p99) matters and traffic is steady.
//	random                Very many proxies with little traffic each, where turns would coincide.
//	ip_hash               A client stays on its backend without a cookie; even shares, exact weights.
//	consistent_hash       Caches behind the proxy: a key stays where it is when backends come and go,
//	                      a hot key spills over to its neighbours (bounded load), and the placement is
//	                      that of nginx's `hash KEY consistent`.
//	maglev                As consistent_hash with almost equal shares and the cheapest pick; a change of
//	                      members moves a few keys more, and a hot key stays on one backend.
//
// Weight is obeyed by all of them, and so are slow start (Member.Ramp) and
// Query.Tried. A member of weight 0 takes nothing new, unless all have weight 0.
// Retries and hedges, whose Tried is not empty, take no turn: the picks of first
// attempts come in the same order with and without them.
//
// # One rule for concurrency
//
// A balancer is an immutable view of the members that may be picked now; the
// pool builds a new one when health, state or weight of a member changes. All
// that changes under a pick are counters: the turn of the view, and the Load of
// each backend. They are read without ordering between them. A stale or torn
// combination of these numbers can make one pick less than ideal, never wrong:
// every value leads to a member of the view that was not tried, and the next
// pick reads again.
package algo

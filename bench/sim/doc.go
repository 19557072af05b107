// Package sim shows what the balancing algorithms do to many backends, in
// virtual time: no clock, no socket, one goroutine a run. The same plan gives
// the same figures, to the bit, on one processor architecture.
//
// It runs the balancers of package algo themselves, and feeds them as the pool
// does: Begin when a request goes to a backend, End with the latency when its
// answer is there, a timeout as the time it took; a new balancer over the
// members that are left when a breaker opens. Requests of all algorithms are
// the same ones: they arrive at the same times with the same work.
//
// The model, and what it leaves out:
//   - Requests arrive as a Poisson stream (open loop: they come however slow
//     the answers are) and go to one of the proxies at random. Each proxy knows
//     its own requests only.
//   - A backend is a queue in order of arrival before some workers. A request
//     takes an exponential time of a worker, divided by the backend's speed.
//     One backend with one worker is M/M/1, with c workers M/M/c; the tests
//     check both against the textbook.
//   - A client waits for Plan.Timeout. A request that times out while it waits
//     leaves the queue; one that runs keeps its worker to the end.
//   - An answer that is an error takes a twentieth of the work: backends that
//     fail mostly fail fast, which is what draws traffic to them.
//   - There are no retries, health checks, connections or network: the figures
//     are those of the choice alone.
//   - The breaker (breaker.go) follows the rules and defaults of the pool's in
//     a simpler form: its window is two halves instead of a ring, and a view is
//     rebuilt at once.
//
// The first half of the requests warms up. What goes wrong does so half-way,
// and figures are those of the second half.
//
// Start reading in world.go: run is the loop over events.
package sim

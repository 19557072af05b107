package headroom

import (
	"fmt"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/origin"
)

// example is one configuration, and what runs out first with it.
type example struct {
	name   string
	about  string
	first  string // the limit that has to be named first
	target time.Duration
	path   string
	delay  string // of the origin
	header []string
	route  string // more of the route
	more   string // further sections
	pool   string // more of the pool
	// listener is more of the listener. With it connections run out: load is connections.
	listener    string
	connections int
}

const (
	limitProcessors = "processors"
	limitPool       = "pool_requests"
	limitClients    = "connections"
)

// The connections case: so many of so many.
const (
	clientsMost = 100
	clientsUse  = 60
)

// examples are all cases. Requests of the first two cost the proxy more than load and origin
// together, which share a core.
func examples() []example {
	return []example{
		{
			name: "gzip", about: "16 KiB of JSON by gzip", first: limitProcessors, target: 5 * time.Millisecond, path: "/json",
			header: []string{"Accept-Encoding: gzip"}, route: "middleware: [small]",
			more: "middleware: {small: {type: compress, encodings: [gzip]}}\n",
		},
		{
			name: "regex", about: "a small request with regular expressions over a field of 1 KiB", first: limitProcessors,
			target: 3 * time.Millisecond, path: "/", header: []string{"X-Long: " + strings.Repeat("abc def ", 128)}, route: "middleware: [edit]",
			more: "middleware: {edit: {type: headers, request: {replace: [{name: X-Long, regex: \"(d[a-f]+) *x\", with: \"$1\"}, " +
				"{name: X-Long, regex: \"c +(e[f-h]*)z\", with: \"$1\"}]}}}\n",
		},
		{
			name: "pool", about: "20 ms at the origin, 50 places in the pool and a queue", first: limitPool,
			target: 50 * time.Millisecond, path: "/", delay: "uniform:15ms,25ms",
			pool: "concurrency: {max_requests: 50, max_queue: 2000, queue_timeout: 5s}",
		},
		{
			name: "connections", about: fmt.Sprintf("%d connections of %d", clientsUse, clientsMost), first: limitClients,
			target: 50 * time.Millisecond, path: "/", listener: fmt.Sprintf("limits: {connections: %d}", clientsMost), connections: clientsUse,
		},
	}
}

// Names are those of all cases.
func Names() (names []string) {
	for _, e := range examples() {
		names = append(names, e.name)
	}
	return names
}

// configure is the configuration of the proxy.
func (e *example) configure(listen, admin, backend string) string {
	part := func(text string) string {
		if text == "" {
			return ""
		}
		return ", " + text
	}
	return fmt.Sprintf("listeners: {web: {address: %q%s}}\nroutes: {all: {pool: origin%s}}\npools: {origin: {backends: [{address: %q}]%s}}\n"+
		"headroom: {target_p99: %s}\nadmin: {address: %q}\nlog: {level: error}\n%s",
		listen, part(e.listener), part(e.route), backend, part(e.pool), e.target, admin, e.more)
}

// plan is the load, but for its rate.
func (e *example) plan(url string, d time.Duration) load.Plan {
	n := e.connections
	if n == 0 {
		n = connections
	}
	return load.Plan{
		URL: url + e.path, Header: e.header, Connections: n, Threads: 1, Duration: d, Warmup: time.Second,
		Poisson: true, Seed: 1, Timeout: 10 * time.Second,
	}
}

// origin is what stands behind the proxy.
func (e *example) origin() (o origin.Options, err error) {
	o.Delay, err = origin.ParseDelay(e.delay)
	return o, err
}

// connections are enough that a queue stands before the proxy, not in the generator.
const connections = 512

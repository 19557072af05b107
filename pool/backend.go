package pool

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/valyala/fasthttp"
)

// windowsMax bounds the window lengths a backend keeps results for.
const windowsMax = 8

// Backend is what is known about one address: a fact, shared by every pool and
// every generation that names it, and kept over a reload. What a pool wants of
// it (weight, limits, thresholds) is policy and stays in Member.
//
// A Backend lives as long as a Set refers to it.
type Backend struct {
	identity string
	place    string
	address  string

	// Written at the start and end of every attempt, by all shards.
	_       [64]byte
	load    algo.Load
	breaker breaker     // read at every attempt, written when something is wrong
	crowded atomic.Bool // an exchange may wait for a place: see makeRoom
	_       [64]byte

	mu struct {
		sync.Mutex
		windows  []*window
		tallies  map[string]*tally
		clients  []*clients
		checks   map[string]*check
		watchers map[*Pool]struct{}
	}
}

// tally counts what a pool saw of a backend. It is never reset.
type tally struct {
	// byClass counts attempts by the first digit of the status; [0] are those
	// without an answer.
	byClass  [6]atomic.Uint64
	failures atomic.Uint64
}

func (t *tally) requests() uint64 {
	var n uint64
	for i := range t.byClass {
		n += t.byClass[i].Load()
	}
	return n
}

// identityOf names the facts of an address: two members with the same identity
// are the same backend. What is known of one that is spoken to by TLS says nothing
// of the same address in clear text.
func identityOf(address string, d *dialing) string { return d.scheme() + "+" + placeOf(address) }

// placeOf names an address, however it is spelled and spoken to.
func placeOf(address string) string {
	network, addr := splitAddress(address)
	return network + "://" + addr
}

func newBackend(address string, d *dialing) *Backend {
	b := &Backend{identity: identityOf(address, d), place: placeOf(address), address: address}
	b.mu.tallies = map[string]*tally{}
	b.mu.checks = map[string]*check{}
	b.mu.watchers = map[*Pool]struct{}{}
	return b
}

// Identity is what tells backends apart: scheme, network and address.
func (b *Backend) Identity() string { return b.identity }

// Place is Identity without the scheme: a reload that turns to TLS leaves it as
// it is.
func (b *Backend) Place() string { return b.place }

// Address is the address as the configuration spells it.
func (b *Backend) Address() string { return b.address }

// InFlight is the number of attempts that began and did not end, over all pools.
func (b *Backend) InFlight() int64 { return b.load.InFlight.Load() }

// Client returns a shard's connections under the options of the youngest pool;
// an exchange uses Member.Client, which are its own pool's.
func (b *Backend) Client(shard int) *fasthttp.HostClient {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.clients[len(b.mu.clients)-1].shards[shard]
}

// window returns the results of the last length. Pools that judge by the same
// length share it, so it is kept over a reload.
func (b *Backend) window(length time.Duration) *window {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.mu.windows {
		if w.length == length {
			return w
		}
	}
	w := newWindow(length)
	if len(b.mu.windows) == windowsMax {
		b.mu.windows = slices.Delete(b.mu.windows, 0, 1)
	}
	b.mu.windows = append(b.mu.windows, w)
	return w
}

func (b *Backend) tally(pool string) *tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.mu.tallies[pool]
	if t == nil {
		t = &tally{}
		b.mu.tallies[pool] = t
	}
	return t
}

// goOn makes a pool count on where it has counted before, with another backend at
// the same address.
func (b *Backend) goOn(pool string, t *tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.tallies[pool] = t
}

// holdClients returns the connections under o and counts the caller's set as a user.
func (b *Backend) holdClients(o connOptions, d *dialing, opts *Options) *clients {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.mu.clients {
		if c.options == o {
			c.refs++
			return c
		}
	}
	c := newClients(b.address, o, d, opts)
	c.refs = 1
	b.mu.clients = append(b.mu.clients, c)
	return c
}

// dropClients takes one use back and reports whether it was the last one.
func (b *Backend) dropClients(c *clients) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.refs--
	if c.refs > 0 {
		return false
	}
	b.mu.clients = slices.DeleteFunc(b.mu.clients, func(o *clients) bool { return o == c })
	return true
}

// holdCheck returns the health check with this definition and counts one more use.
func (b *Backend) holdCheck(d *definition) *check {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.mu.checks[d.key]
	if c == nil {
		c = newCheck(b, d)
		b.mu.checks[d.key] = c
	}
	c.refs++
	return c
}

// dropCheck takes one use back and reports whether it was the last one.
func (b *Backend) dropCheck(c *check) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.refs--
	if c.refs > 0 {
		return false
	}
	delete(b.mu.checks, c.def.key)
	return true
}

// watch makes p rebuild its view when something changes that decides whether
// the backend may be picked.
func (b *Backend) watch(p *Pool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.watchers[p] = struct{}{}
}

func (b *Backend) unwatch(p *Pool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.mu.watchers, p)
}

// changed tells every pool that names the backend. It is cheap, may be called
// by any goroutine, and must not be called with mu held.
func (b *Backend) changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.mu.watchers {
		p.kick()
	}
}

// makeRoom wakes one exchange of each pool that waits for a place, after one became free. The
// mark goes first: an exchange that joins later sets it again and looks for
// itself, one that has joined before is found.
func (b *Backend) makeRoom() {
	b.crowded.Store(false)
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.mu.watchers {
		if p.limits != nil && p.limits.PlaceFreed() {
			b.crowded.Store(true) // there may be more
		}
	}
}

// forgive clears the windows after the breaker closed, so that failures from
// before it opened do not open it again.
func (b *Backend) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.mu.windows {
		w.clear()
	}
}

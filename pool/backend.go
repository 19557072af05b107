package pool

import (
	"sync"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/health"
)

// Backend is what is known about one address, whoever asks it: how it is named,
// its connections and its probes. Pools and generations that name the address
// share it, and it is kept over a reload. What a pool has met there is the pool's
// own (standing), and so are the connections it made: sets of connections are
// told apart by ConnOptions, which name the pool. What a pool wants of it
// (weight, limits, thresholds) is policy and stays in Member.
//
// A Backend lives as long as a Set refers to it.
type Backend struct {
	identity string
	place    string
	address  string

	mu struct {
		sync.Mutex
		clients map[*attempt.Clients]int // generations that use each
		checks  map[string]*health.Check
	}
}

// identityOf names the facts of an address: two members with the same identity
// are the same backend. What is known of one that is spoken to by TLS says nothing
// of the same address in clear text.
func identityOf(address string, d *attempt.Dialing) string {
	return d.Scheme() + "+" + placeOf(address)
}

func newBackend(address string, d *attempt.Dialing) *Backend {
	b := &Backend{identity: identityOf(address, d), place: placeOf(address), address: address}
	b.mu.clients, b.mu.checks = map[*attempt.Clients]int{}, map[string]*health.Check{}
	return b
}

// Identity is what tells backends apart: scheme, network and address.
func (b *Backend) Identity() string { return b.identity }

// Place is Identity without the scheme: a reload that turns to TLS leaves it as
// it is.
func (b *Backend) Place() string { return b.place }

// holdClients returns the connections under o and counts the caller's set as a user.
func (b *Backend) holdClients(o attempt.ConnOptions, d *attempt.Dialing, opts *Options) *attempt.Clients {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.mu.clients {
		if c.Options == o {
			b.mu.clients[c]++
			return c
		}
	}
	c := attempt.NewClients(b.address, o, d, opts.means())
	b.mu.clients[c] = 1
	return c
}

// dropClients takes one use back and reports whether it was the last one.
func (b *Backend) dropClients(c *attempt.Clients) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.clients[c]--
	if b.mu.clients[c] > 0 {
		return false
	}
	delete(b.mu.clients, c)
	return true
}

// holdOpinion returns what a pool's standing makes of the health check with this
// definition, and counts one more use of it.
func (b *Backend) holdOpinion(d *health.Definition, s *standing, pool string) *health.Opinion {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.mu.checks[d.Key]
	if c == nil {
		c = health.NewCheck(b.address, d)
		b.mu.checks[d.Key] = c
	}
	return c.Hold(s, pool)
}

// dropOpinion takes one use back. With the last one of its check the probes end,
// which this waits for.
func (b *Backend) dropOpinion(o *health.Opinion) {
	b.mu.Lock()
	c := o.Check()
	unused := c.Drop(o)
	if unused {
		delete(b.mu.checks, c.Key())
	}
	b.mu.Unlock()
	if unused {
		c.Stop()
	}
}

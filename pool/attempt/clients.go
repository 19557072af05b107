package attempt

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
)

// ConnOptions are the settings of connections that are fixed when a HostClient
// is made. Generations of a pool with equal ones share connections to a backend;
// changing one in a reload begins with fresh connections and keeps the backend's
// facts. The pool's name is one, so that connections.max counts what the pool has
// dialled, and no pool waits for connections that another one holds.
type ConnOptions struct {
	pool        string
	protocol    string
	connections config.PoolConnections
	headerBytes int // of an answer, at most
	timeouts    config.PoolTimeouts
	dial        DialingKey
}

// OptionsOf are the options of connections that a pool of this name makes as d says.
func OptionsOf(pool string, cfg *config.Pool, d *Dialing) ConnOptions {
	return ConnOptions{
		pool: pool, connections: cfg.Connections, headerBytes: headerBytes(cfg), timeouts: cfg.Timeouts, protocol: cfg.Protocol, dial: d.Key(),
	}
}

// headerBytes bounds the head of a backend's answer; what was made without the
// configuration's defaults gets the default.
func headerBytes(c *config.Pool) int { return int(cmp.Or(c.Limits.HeaderBytes, headerBytesDefault)) }

const headerBytesDefault = 64 << 10

// Clients are the connections of one backend under one set of ConnOptions: one
// HostClient for each shard, so that shards share no lock.
type Clients struct {
	address string
	Options ConnOptions
	dialing *Dialing
	tls     *tls.Config // nil for clear text
	faults  tlsFaults
	errands *socket.Errands // dials under way
	shards  []*fasthttp.HostClient
	gate    gate
	single  atomic.Int64 // connections that no HostClient counts: they carry one request, or streams
	// onlyHTTP1 is set when the backend, asked by ALPN, has chosen HTTP/1.1.
	onlyHTTP1 atomic.Bool
	ages      idleAges
	strays    strays
	// deaths are connections in use again that died of a request, as it seems, since
	// one of them has answered.
	deaths atomic.Int32
}

// gate bounds the connections of all shards together. A bound divided by the
// number of shards would refuse on a busy shard while others have room; so each
// shard may go up to the whole bound, and the dial, which is rare, looks at all
// of them.
type gate struct {
	max int // 0 is no limit
	mu  struct {
		sync.Mutex
		pending  int // dials that entered and did not leave
		admitted int // of these, those that were let through
	}
}

// Means are what a process decides once for all connections to backends.
type Means struct {
	// Shards is the number of HostClients of each backend; Loops are the shards' event
	// loops, which new connections belong to: without them none can be made.
	Shards int
	Loops  []*socket.Loop
	// Logger gets a line for what is odd about a backend.
	Logger zerolog.Logger
	// Errands are where connections are dialled; nil is a place of their own.
	Errands *socket.Errands
	// Multiplex makes what opens streams of HTTP/2 to a backend, from a shard; nil:
	// that protocol is not spoken.
	Multiplex func(shard int, m socket.Multiplexing) socket.Multiplexer
}

// NewClients returns the connections to a backend under these options; it has none yet.
func NewClients(address string, o ConnOptions, d *Dialing, by *Means) *Clients {
	c := &Clients{address: address, Options: o, dialing: d, tls: d.tls(), errands: by.Errands, gate: gate{max: o.connections.Max}}
	if c.errands == nil {
		c.errands = socket.NewErrands()
	}
	c.faults.log = by.Logger.With().Str("backend", address).Logger()
	c.strays.begin(c.faults.log)
	c.shards = make([]*fasthttp.HostClient, by.Shards)
	for i := range c.shards {
		k := &link{clients: c}
		if i < len(by.Loops) {
			k.loop = by.Loops[i]
		}
		k.hc = newHostClient(c, k)
		k.park.release = safely.New("park", k.releaseParked, k.releaseParked)
		k.shelf.sweep = safely.New("shelf", k.sweep, k.sweep)
		c.shards[i] = k.hc
		if speaksStreams(o.protocol, c.tls != nil) && by.Multiplex != nil {
			k.streams = by.Multiplex(i, k.multiplexing(c.shards[i]))
		}
	}
	return c
}

// link is what one HostClient knows beside its options: the loop of its shard,
// and whether somebody asks for a connection just now who does not wait for a dial.
type link struct {
	clients *Clients
	hc      *fasthttp.HostClient
	loop    *socket.Loop
	noDial  atomic.Int32 // how many of them there are
	park    park
	shelf   shelf
	streams socket.Multiplexer // where the backend is spoken to in HTTP/2
}

// errWouldDial is the answer to who asked for a pooled connection alone when there is
// none: the loop, which cannot wait for a dial, or a goroutine before it sends an errand.
var errWouldDial = errors.New("cannot dial from the event loop")

// linkOf is the link of a HostClient made by newHostClient.
func linkOf(hc *fasthttp.HostClient) *link {
	k, ok := hc.Transport.(*link)
	if !ok {
		panic("BUG: a HostClient that was not made by newHostClient")
	}
	return k
}

// RoundTrip refuses: exchanges use an Attempt.
func (*link) RoundTrip(*fasthttp.HostClient, *fasthttp.Request, *fasthttp.Response) (bool, error) {
	return false, errors.New("cannot use a backend's HostClient for a round trip of its own")
}

// dial is HostClient.Dial: for connections of no client in particular.
func (k *link) dial(address string) (net.Conn, error) {
	nc, err := k.dialFor(k.clients.errands.Context(), address, &wire.ProxyHeader{})
	if c, ok := nc.(*socket.Conn); ok && !k.speaksHTTP1(c) {
		_ = c.Close()
		return nil, errNoHTTP1
	}
	return nc, err
}

// dialFor makes a connection for requests of a client, unless ctx ends before.
func (k *link) dialFor(ctx context.Context, address string, client *wire.ProxyHeader) (net.Conn, error) {
	if k.noDial.Load() > 0 {
		return nil, errWouldDial
	}
	if k.loop == nil {
		return nil, fmt.Errorf("cannot connect to backend %q: the pool was built without event loops", address)
	}
	return k.clients.dial(func(address string) (net.Conn, error) {
		c, err := k.connect(ctx, address, client)
		if err != nil {
			return nil, err
		}
		return c, nil
	}, address)
}

// dialSingle makes a connection outside the pool, which carries one request of a
// client. It counts against connections.max; endSingle takes it back.
func (k *link) dialSingle(ctx context.Context, hc *fasthttp.HostClient, client *wire.ProxyHeader) (*socket.Conn, error) {
	k.clients.single.Add(1)
	nc, err := k.dialFor(ctx, hc.Addr, client)
	for errors.Is(err, errWouldDial) { // somebody asked at the same moment who never waits
		nc, err = k.dialFor(ctx, hc.Addr, client)
	}
	if err != nil {
		k.clients.single.Add(-1)
		return nil, err
	}
	c, ok := nc.(*socket.Conn)
	if !ok {
		panic("BUG: the dialer of a backend did not make a *Conn")
	}
	return c, nil
}

func (k *link) endSingle(c *socket.Conn) {
	_ = c.Close()
	k.clients.single.Add(-1)
}

// newHostClient is the only place that makes one. It dials and counts the connections of
// a shard to a backend; the idle ones are ours (shelf), but for those that its user gives
// back to the HostClient itself. The options are those that AcquireConn, ReleaseConn and its
// cleaner read, also where the value is the default. What its own round trip would read
// is not set: nobody makes one.
func newHostClient(c *Clients, k *link) *fasthttp.HostClient {
	o := c.Options
	return &fasthttp.HostClient{
		Addr:                c.address,
		Transport:           k,
		Dial:                k.dial,
		MaxConns:            orNoLimit(o.connections.Max),
		MaxIdleConnDuration: orForever(o.connections.Idle), // 0 would be ten seconds
		MaxConnWaitTimeout:  0,                             // refused at once: queueing is the pool's matter
		ConnPoolStrategy:    fasthttp.LIFO,                 // default FIFO keeps every connection warm, and old
	}
}

func orNoLimit(n int) int {
	if n <= 0 {
		return math.MaxInt32
	}
	return n
}

func orForever(d time.Duration) time.Duration {
	if d <= 0 {
		return 365 * 24 * time.Hour
	}
	return d
}

// dial runs in the goroutine of an errand.
func (c *Clients) dial(dial fasthttp.DialFunc, address string) (net.Conn, error) {
	if c.gate.max <= 0 {
		return dial(address)
	}
	admitted := c.enter()
	if !admitted { // idle connections of other shards hold the places
		c.leave(false)
		c.CloseIdle()
		admitted = c.enter()
	}
	defer c.leave(admitted)
	if !admitted {
		return nil, fasthttp.ErrNoFreeConns
	}
	return dial(address)
}

// enter decides on one dial. HostClient counts a connection from before its
// dial begins, so those pending here are taken off. A dial on its way into
// enter is counted as established: two shards that dial in the same
// microsecond at the bound may both be refused, never both be let in.
func (c *Clients) enter() bool {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.mu.pending++
	open, _ := c.Counts()
	admitted := open-c.gate.mu.pending+c.gate.mu.admitted < c.gate.max
	if admitted {
		c.gate.mu.admitted++
	}
	return admitted
}

func (c *Clients) leave(admitted bool) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.mu.pending--
	if admitted {
		c.gate.mu.admitted--
	}
}

// Counts are the connections of all shards, those being dialed included.
func (c *Clients) Counts() (open, idle int) {
	open = int(c.single.Load())
	for _, hc := range c.shards {
		open += hc.ConnsCount()
		k := linkOf(hc)
		idle += hc.IdleConnsCount() + k.shelf.len() + k.park.len()
		if m := k.streams; m != nil {
			_, quiet := m.Counts() // single has them all
			idle += quiet
		}
	}
	return open, idle
}

// Shard is the HostClient of a shard.
func (c *Clients) Shard(i int) *fasthttp.HostClient { return c.shards[i] }

// TLSFault says why the last handshake failed that a request needed; empty when an
// answer has come since.
func (c *Clients) TLSFault() string { return c.faults.reason() }

// CloseIdle closes every connection that no request is on.
func (c *Clients) CloseIdle() {
	for _, hc := range c.shards {
		hc.CloseIdleConnections()
		k := linkOf(hc)
		k.clearShelf()
		for k.closeParked() {
		}
		if m := k.streams; m != nil {
			m.CloseIdle()
		}
	}
}

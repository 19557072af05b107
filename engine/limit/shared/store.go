package shared

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// Verdict says who has decided.
type Verdict uint8

const (
	// Shared is the server.
	Shared Verdict = iota
	// Local is the table of this process, since the server did not answer.
	Local
	// Open is nobody: the request passes.
	Open
	// Closed is nobody: the request is refused.
	Closed
)

var verdicts = [...]string{"shared", "local", "open", "closed"}

func (v Verdict) String() string { return verdicts[v] }

// What keeps a request from the server's answer. Other errors are those of the server or
// of the connection.
var (
	// ErrDown: the server did not answer lately, and was not asked.
	ErrDown = errors.New("the store of the limits is down")
	// ErrLate: no answer in time.
	ErrLate = errors.New("the store of the limits did not answer in time")
	// ErrLeft: nobody waits for the answer any more.
	ErrLeft = errors.New("nobody waits for it any more")
	// ErrBusy: more requests wait than fit.
	ErrBusy = errors.New("too many requests wait for the store of the limits")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store of the limits is closed")
)

// closedFor is the Retry-After of a request that is refused since nobody can decide.
const closedFor = time.Second

// Options are all that a Store is made of.
type Options struct {
	Address  string // host:port, or unix:/path
	Username string
	Password string
	DB       int
	TLS      *tls.Config // nil: none
	// Timeout bounds how long a request waits, whatever the server does.
	Timeout time.Duration
	// Prefix begins each key of the server.
	Prefix string
	// OnFailure is Local, Open or Closed.
	OnFailure Verdict
	// Table has the limits. Its keys are used where OnFailure is Local; one of a single
	// key does otherwise.
	Table *rate.Table
	// Lanes is how many connections requests are spread over, such as one a shard.
	Lanes int
}

// Store asks one server. It is made by New, and ends by Close. Any goroutine may use it.
type Store struct {
	table   *rate.Table
	laws    []law
	prefix  string
	timeout time.Duration
	fails   Verdict

	client  *redis.Client
	sha     string
	lanes   []lane
	breaker breaker
	counts  counts
	done    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

// counts only grow.
type counts struct{ taken, failed, batches atomic.Uint64 }

// Counts are how many requests the server has decided, how many it has not, and how
// many writes that took.
func (s *Store) Counts() (taken, failed, batches uint64) {
	return s.counts.taken.Load(), s.counts.failed.Load(), s.counts.batches.Load()
}

var silence sync.Once

// New makes a store. It connects when it is first asked.
func New(o Options) (*Store, error) {
	if o.Timeout <= 0 || o.Lanes < 1 || o.OnFailure < Local || o.OnFailure > Closed {
		return nil, fmt.Errorf("cannot share limits with a timeout of %v, %d lanes, and on failure %d", o.Timeout, o.Lanes, o.OnFailure)
	}
	s := &Store{
		table: o.Table, prefix: o.Prefix, timeout: o.Timeout, fails: o.OnFailure,
		sha: redis.NewScript(script).Hash(), done: make(chan struct{}), lanes: make([]lane, o.Lanes),
	}
	for i := range o.Table.Limits() {
		w, err := compile(&o.Table.Limits()[i])
		if err != nil {
			return nil, fmt.Errorf("limits[%d]: %w", i, err)
		}
		s.laws = append(s.laws, w)
	}
	// The library writes what it cannot connect to into standard error, once a try.
	silence.Do(logging.Disable)
	s.client = redis.NewClient(s.options(&o))
	for i := range s.lanes {
		l := &s.lanes[i]
		l.wake = make(chan struct{}, 1)
		safely.GoIn(&s.running, "lane of shared limits", func() { s.serve(l) })
	}
	return s, nil
}

// slow bounds what no request waits for: a probe and its connection.
const slow = time.Second

// options are the library's. Everything that we rely on is set.
func (s *Store) options(o *Options) *redis.Options {
	address, socket := strings.CutPrefix(o.Address, "unix:")
	network := "tcp"
	if socket {
		network = "unix"
	}
	return &redis.Options{
		Network: network, Addr: address, Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLS,
		// One try: the library's three more would run the script again for a request
		// that has got its answer elsewhere by then, and count it again.
		MaxRetries: -1, DialerRetries: 1,
		// A context ends reads and writes only with this. The times below are
		// those of probes; requests have contexts of their own.
		ContextTimeoutEnabled: true, DialTimeout: slow, ReadTimeout: max(slow, o.Timeout), WriteTimeout: max(slow, o.Timeout),
		// Each lane has one connection, a probe another one. A lane whose connection
		// is being dialled waits no longer than its context, and dials no second one.
		PoolSize: poolSize, MaxActiveConns: o.Lanes + 1, MaxConcurrentDials: o.Lanes + 1,
		PoolTimeout: o.Timeout, PipelinePoolSize: -1,
		ConnMaxIdleTime: -1,
		// RESP2 has no pushes to look for before each command; what else the library
		// would say on each new connection but HELLO nobody needs.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		ReadBufferSize:           bufferBytes, WriteBufferSize: bufferBytes,
	}
}

const (
	// bufferBytes is the size of a connection's buffers: of fifty requests or so.
	bufferBytes = 16 << 10
	// poolSize is above the connections that there can be: after so many failed dials
	// the library leaves dialling to a loop of its own, of one a second.
	poolSize = 1024
)

// Close ends the store: whoever waits hears ErrClosed. Once is enough.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		close(s.done)
		s.running.Wait()
		if err = s.client.Close(); err != nil {
			err = fmt.Errorf("cannot close the store of the limits: %w", err)
		}
	})
	return err
}

// Wait is how a request waits.
type Wait struct {
	// NowNanos is the clock of the local table.
	NowNanos int64
	// AtMost bounds the wait where it is shorter than the store's timeout; 0 does not.
	AtMost time.Duration
	// Left is closed when nobody wants the answer any more; nil never is.
	Left <-chan struct{}
	// Lane is any number; the same one shares a connection.
	Lane int
}

// Take asks all limits for one request: it passes all of them or none. keys are the
// server's names of the keys of asks, which have those of the local table. It returns
// when the server has answered, or the wait is over. Where the server has not decided,
// err says why, and somebody else has, as OnFailure says; after Open and Closed the asks
// say nothing. A request whose client has left, ErrLeft, is Closed whatever it says.
func (s *Store) Take(w Wait, keys []Key, asks []rate.Ask) (r rate.Result, by Verdict, err error) {
	reply, err := s.ask(w, keys, asks)
	if err == nil {
		if r, err = s.tell(asks, reply); err == nil {
			s.counts.taken.Add(1)
			return r, Shared, nil
		}
	}
	s.counts.failed.Add(1)
	switch {
	case errors.Is(err, ErrLeft):
	case s.fails == Local:
		return s.table.Take(w.NowNanos, asks), Local, err
	case s.fails == Open:
		return rate.Result{Allowed: true}, Open, err
	}
	return rate.Result{RetryAfter: closedFor}, Closed, err
}

// ask is the reply of the script.
func (s *Store) ask(w Wait, keys []Key, asks []rate.Ask) ([]int64, error) {
	if s.breaker.isOpen() {
		return nil, ErrDown
	}
	c := s.call(keys, asks)
	if err := s.lanes[uint(w.Lane)%uint(len(s.lanes))].put(c); err != nil {
		return nil, err
	}
	atMost := s.timeout
	if w.AtMost > 0 {
		atMost = min(atMost, w.AtMost)
	}
	late := time.NewTimer(atMost)
	defer late.Stop()
	select {
	case <-c.done:
		return c.reply, c.err
	case <-late.C:
		return c.leave(ErrLate)
	case <-w.Left:
		return c.leave(ErrLeft)
	case <-s.done:
		return c.leave(ErrClosed)
	}
}

// call is what the asks are for the script.
func (s *Store) call(keys []Key, asks []rate.Ask) *call {
	c := &call{done: make(chan struct{}), keys: make([]string, 0, len(asks)), args: make([]any, 0, argsOf*len(asks))}
	for i := range asks {
		l := &s.laws[asks[i].Limit]
		c.keys = append(c.keys, s.prefix+":"+l.sign+":"+keys[i].String())
		for _, arg := range l.args {
			c.args = append(c.args, arg)
		}
	}
	return c
}

package shared

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/isame-lb/isame-lb/pool/safely"
)

const (
	// batchMax is how many requests go out in one write.
	batchMax = 128
	// waitingMax is how many requests wait for a lane: several times what a server
	// answers within a timeout.
	waitingMax = 4096
)

// lane sends requests one batch at a time: what comes while a batch is on its way is the
// next one. So the busier a server is the larger batches are, and none is held up for
// the sake of others.
type lane struct {
	wake chan struct{} // holds one when somebody has come
	mu   struct {
		sync.Mutex
		waiting []*call
	}
}

// call is one request on its way. Its goroutine may leave at any time; from the moment
// that the lane has taken it, reply and err are the lane's until done is closed.
type call struct {
	keys  []string
	args  []any
	state atomic.Uint32
	done  chan struct{}
	reply []int64
	err   error
}

// States of a call: it waits until either its lane takes it, or its goroutine leaves.
// One that has left is not sent: its request is decided elsewhere. One that was taken is
// given its answer once.
const (
	callWaits = iota
	callTaken
	callLeft
	callGiven
)

// leave is the end of a wait that was too long, unless the answer has come meanwhile.
func (c *call) leave(why error) ([]int64, error) {
	if !c.state.CompareAndSwap(callWaits, callLeft) {
		select {
		case <-c.done:
			return c.reply, c.err
		default:
		}
	}
	return nil, why
}

// put makes a call wait.
func (l *lane) put(c *call) error {
	l.mu.Lock()
	full := len(l.mu.waiting) >= waitingMax
	if !full {
		l.mu.waiting = append(l.mu.waiting, c)
	}
	l.mu.Unlock()
	if full {
		return ErrBusy
	}
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// take is the next batch, into a slice that is used again. Nobody may be in it.
func (l *lane) take(batch []*call) []*call {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch = batch[:0]
	n := 0
	for _, c := range l.mu.waiting {
		if len(batch) == batchMax {
			break
		}
		n++
		if c.state.CompareAndSwap(callWaits, callTaken) {
			batch = append(batch, c)
		}
	}
	l.mu.waiting = slices.Delete(l.mu.waiting, 0, n)
	return batch
}

// serve is the goroutine of a lane.
func (s *Store) serve(l *lane) {
	batch := make([]*call, 0, batchMax)
	for {
		select {
		case <-s.done:
			return
		case <-l.wake:
		}
		for batch = l.take(batch); len(batch) > 0; batch = l.take(batch) {
			safely.Do("batch of shared limits", func() { s.send(batch) }, func() { s.give(batch, nil, ErrDown) })
			clear(batch)
		}
	}
}

// send asks for a batch, within one timeout.
func (s *Store) send(batch []*call) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	s.counts.batches.Add(1)
	replies, err := s.pipeline(ctx, batch)
	s.breaker.note(err, s.revive)
	s.give(batch, replies, err)
}

// give hands each call its reply, or err.
func (s *Store) give(batch []*call, replies []*redis.Cmd, err error) {
	for i, c := range batch {
		if !c.state.CompareAndSwap(callTaken, callGiven) {
			continue // a panic came between
		}
		if i < len(replies) {
			c.reply, c.err = replies[i].Int64Slice()
		} else {
			c.err = err
		}
		close(c.done)
	}
}

// pipeline runs the script for each call. A server that does not have it, since it has
// just begun or somebody has cleared its scripts, is given it with the first of the
// calls that are made again: those have counted nothing. err is that of all calls: one
// that fails alone has it in its reply.
func (s *Store) pipeline(ctx context.Context, batch []*call) (replies []*redis.Cmd, err error) {
	pipe := s.client.Pipeline()
	for _, c := range batch {
		replies = append(replies, pipe.EvalSha(ctx, s.sha, c.keys, c.args...))
	}
	if _, err = pipe.Exec(ctx); err == nil {
		return replies, nil
	}
	var again []int
	for i, r := range replies {
		if redis.HasErrorPrefix(r.Err(), "NOSCRIPT") {
			again = append(again, i)
		}
	}
	for n, i := range again {
		if n == 0 {
			replies[i] = pipe.Eval(ctx, script, batch[i].keys, batch[i].args...)
		} else {
			replies[i] = pipe.EvalSha(ctx, s.sha, batch[i].keys, batch[i].args...)
		}
	}
	if len(again) > 0 {
		_, err = pipe.Exec(ctx)
	}
	for _, r := range replies {
		if r.Err() == nil {
			return replies, nil
		}
	}
	return replies, fmt.Errorf("cannot ask the store of the limits: %w", err)
}

// probe asks for a key that nobody has, the way requests do. The connection, which may
// have to be made, has more time than a request, the script has no more.
func (s *Store) probe() error {
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("cannot reach the store of the limits: %w", err)
	}
	c := &call{keys: []string{s.prefix + ":probe"}}
	for _, arg := range s.laws[0].args {
		c.args = append(c.args, arg)
	}
	// The first one may have to bring the script.
	if _, err := s.pipeline(ctx, []*call{c}); err != nil {
		return err
	}
	within, stop := context.WithTimeout(ctx, s.timeout)
	defer stop()
	_, err := s.pipeline(within, []*call{c})
	return err
}

// revive probes until the server answers again.
func (s *Store) revive() {
	safely.GoIn(&s.running, "probe of shared limits", func() {
		wait := probeFirst
		for {
			timer := time.NewTimer(jittered(wait))
			select {
			case <-s.done:
				timer.Stop()
				return
			case <-timer.C:
			}
			err := s.probe()
			if s.breaker.probed(err) {
				return
			}
			wait = min(2*wait, probeMost)
		}
	})
}

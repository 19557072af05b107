package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var errUnasked = errors.New("bytes on an idle connection")

const progressEvery = 250 * time.Millisecond

// Run sends the plan's requests and returns what came back. It blocks until all
// answers are in or have timed out; when ctx ends it stops at once and returns
// what was counted so far, marked Interrupted. The error says why nothing could be
// measured at all: a bad plan, or a target that accepts no connection.
func Run(ctx context.Context, p Plan) (*Result, error) {
	t, err := resolve(p)
	if err != nil {
		return nil, err
	}
	r := &run{t: t}
	r.budget.Store(t.Count)
	defer r.close()
	for i := range t.Threads {
		w, err := newWorker(t, i, &r.stop, &r.budget)
		if err != nil {
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	defer spareCore(t.Threads)()
	began, err := r.drive(ctx)
	if err != nil {
		return nil, err
	}
	out := gather(t, r.workers)
	out.Began, out.Interrupted = began.Add(t.Warmup), r.stop.Load()
	return out, nil
}

// run is one run of several workers.
type run struct {
	t       *target
	workers []*worker
	stop    atomic.Bool
	budget  atomic.Int64
}

func (r *run) close() {
	for _, w := range r.workers {
		w.close()
	}
}

// drive runs the workers to the end and returns when they began to send. The
// error says why none of them has a connection.
func (r *run) drive(ctx context.Context) (time.Time, error) {
	// The run starts for all workers when the last one has its connections.
	var opened, done sync.WaitGroup
	opened.Add(len(r.workers))
	start := make(chan time.Time)
	for _, w := range r.workers {
		done.Go(func() {
			preciseThread()
			defer runtime.UnlockOSThread()
			if !r.t.NoKeepAlive {
				w.open(time.Now())
			}
			opened.Done()
			w.run(<-start)
		})
	}
	release := context.AfterFunc(ctx, func() {
		r.stop.Store(true)
		for _, w := range r.workers {
			w.poll.wakeUp()
		}
	})
	defer release()
	opened.Wait()
	err := r.unreachable()
	if err != nil {
		r.stop.Store(true)
	}
	if r.t.Begin != nil && err == nil {
		r.t.Begin()
	}
	began := time.Now()
	for range r.workers {
		start <- began
	}
	finished := make(chan struct{})
	var watch sync.WaitGroup
	if r.t.Progress != nil {
		watch.Go(func() { r.watch(began, finished) })
	}
	done.Wait()
	if r.t.End != nil && err == nil {
		r.t.End()
	}
	close(finished)
	watch.Wait()
	return began, err
}

// unreachable is the error of the workers when none could connect.
func (r *run) unreachable() (err error) {
	for _, w := range r.workers {
		if w.record.opened > 0 {
			return nil
		}
		if w.openErr != nil {
			err = fmt.Errorf("cannot connect to %q: %w", r.t.address, w.openErr)
		}
	}
	return err
}

// spareCore gives the runtime one more P than there are workers, until the
// returned function is called. Without an idle P its monitor takes the workers'
// away whenever they wait and wakes every 20 us, which costs up to 5 % of a core.
func spareCore(threads int) (restore func()) {
	before := runtime.GOMAXPROCS(0)
	if before > threads {
		return func() {}
	}
	runtime.GOMAXPROCS(threads + 1)
	return func() { runtime.GOMAXPROCS(before) }
}

// preciseThread locks the goroutine to its thread and asks the kernel to wake
// it on time; by default a timer may be 50 us late.
func preciseThread() {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// watch reports progress until finished is closed.
func (r *run) watch(began time.Time, finished <-chan struct{}) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	last, lastAt := uint64(0), began
	for {
		select {
		case <-finished:
			return
		case now := <-tick.C:
			p := r.progress(now.Sub(began))
			p.Rate = float64(p.Requests-last) / now.Sub(lastAt).Seconds()
			last, lastAt = p.Requests, now
			r.t.Progress(p)
		}
	}
}

func (r *run) progress(elapsed time.Duration) Progress {
	p := Progress{Elapsed: elapsed, Warm: elapsed >= r.t.Warmup, Count: r.t.Count}
	if r.t.Duration > 0 {
		p.Total = r.t.Warmup + r.t.Duration
	}
	for _, w := range r.workers {
		l := &w.record.live
		p.Requests += l.answers.Load()
		p.Errors += l.errors.Load()
		p.P50 = max(p.P50, time.Duration(l.p50.Load()))
		p.P99 = max(p.P99, time.Duration(l.p99.Load()))
	}
	return p
}

// Package overlay keeps what operators change of backends at run time: who asked for what,
// until when, over reloads and, with state.dir, over restarts. It says what a configuration
// file would have to say for the same.
//
// Start reading at Keeper (changes), then time.go (what ends by itself), disk.go (what a restart
// finds) and write.go (into a document). What pools obey is pool.Overlay; this package
// changes it, and tells the engine by plain functions.
//
// Imported by ctl and cmd/run; imports config, ctl/api, ctl/store, pool and pool/safely.
package overlay

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// Options are what a keeper gets from the process.
type Options struct {
	// Overlay is what the pools obey.
	Overlay *pool.Overlay
	// Pools are those that serve; nil before the first ones.
	Pools func() *pool.Set
	// Add, Remove and Settle are those of the engine.
	Add    func(poolName string, c config.Backend, author string) error
	Remove func(poolName, address, author string) error
	Settle func(changed []pool.Override) error
	// Tell is told of each change, in words of api.OverlayEvent; nil is nobody.
	Tell func(change string, v pool.Override, author string)
	// Dir is state.dir; empty keeps nothing on disk.
	Dir string
	// Handed is what the process before has handed over (Handover), which is newer than
	// what the disk has; empty is nothing.
	Handed []byte
	Logger zerolog.Logger
}

// Keeper makes changes of backends at run time, and remembers them. Any goroutine may call
// its methods.
type Keeper struct {
	opts Options

	// gate is held for reading by changes, and for writing by whoever holds them off.
	gate struct {
		sync.RWMutex
		held bool
	}

	mu struct { // held while the disk is written; changes do not wait for it
		sync.Mutex
		saved  []byte // what the disk has
		failed error  // why it has not what it should
		timer  *time.Timer
		closed bool
	}
}

// Open restores what a process before has left in Options.Dir. It is called before the
// first pools are built.
func Open(o Options) *Keeper {
	if o.Tell == nil {
		o.Tell = func(string, pool.Override, string) {}
	}
	k := &Keeper{opts: o}
	k.restore()
	return k
}

// Start begins to watch the time, once the first pools serve.
func (k *Keeper) Start() { k.keep() }

// Close ends that. What is changed later is obeyed, and not written any more: the process
// that comes next has the folder.
func (k *Keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.closed = true
	if k.mu.timer != nil {
		k.mu.timer.Stop()
	}
}

// ErrHeld is why nothing is changed while another process is about to take over: it would
// not hear of it.
var ErrHeld error = api.NewProblem(http.StatusConflict,
	"not now: another process is about to take over, which would not hear of the change").WithCode(api.CodeBusy)

// Handover holds changes off until Resume, and returns what the next process is to have.
func (k *Keeper) Handover() []byte {
	k.gate.Lock()
	defer k.gate.Unlock()
	k.gate.held = true
	return encode(k.List())
}

// Resume takes Handover back: there is no next process.
func (k *Keeper) Resume() {
	k.gate.Lock()
	k.gate.held = false
	k.gate.Unlock()
	k.keep()
}

// change makes one change, unless changes are held off.
func (k *Keeper) change(f func() error) error {
	k.gate.RLock()
	defer k.gate.RUnlock()
	if k.gate.held {
		return ErrHeld
	}
	return f()
}

func (k *Keeper) isHeld() bool {
	k.gate.RLock()
	defer k.gate.RUnlock()
	return k.gate.held
}

// Ask changes state or weight of a backend. When it returns, the next pick obeys. Errors
// are pool.ErrNoPool, pool.ErrNoBackend, and of the wish.
func (k *Keeper) Ask(poolName, address string, w pool.Wish) error {
	set := k.opts.Pools()
	if set == nil || set.Pool(poolName) == nil {
		return fmt.Errorf("cannot change pool %q: %w", poolName, pool.ErrNoPool)
	}
	if err := k.change(func() error { return set.Pool(poolName).Ask(address, w) }); err != nil {
		return err
	}
	asked := pool.Override{Pool: poolName, Address: address}
	if w.State != "" {
		asked.State = w.State
		if !w.Until.IsZero() {
			asked.Until = &w.Until
		}
		k.opts.Tell(api.OverlayState, asked, w.Author)
	}
	if w.Weight != nil {
		k.opts.Tell(api.OverlayWeight, pool.Override{Pool: poolName, Address: address, Weight: w.Weight}, w.Author)
	}
	k.keep()
	return nil
}

// Add puts a backend into a pool, and returns when it is there. c must be valid. Errors are
// those of pool.Set.Add.
func (k *Keeper) Add(poolName string, c config.Backend, author string) error {
	if err := k.change(func() error { return k.opts.Add(poolName, c, author) }); err != nil {
		return err
	}
	k.opts.Tell(api.OverlayAdd, pool.Override{Pool: poolName, Address: c.Address}, author)
	k.keep()
	return nil
}

// Remove takes a backend out of a pool, and returns when it gets nothing new. Errors are
// those of pool.Set.Remove.
func (k *Keeper) Remove(poolName, address, author string) error {
	if err := k.change(func() error { return k.opts.Remove(poolName, address, author) }); err != nil {
		return err
	}
	k.opts.Tell(api.OverlayRemove, pool.Override{Pool: poolName, Address: address}, author)
	k.keep()
	return nil
}

// List is what is asked for, by pool and address.
func (k *Keeper) List() []pool.Override { return k.opts.Overlay.All() }

// At is what is asked of one backend; ok is false where nothing is.
func (k *Keeper) At(poolName, address string) (v pool.Override, ok bool) {
	return k.opts.Overlay.At(poolName, address)
}

// Clear takes back what is asked of one backend, so that the configuration alone says how
// it is; ok is false where nothing is.
func (k *Keeper) Clear(poolName, address, author string) (was pool.Override, ok bool, err error) {
	err = k.change(func() error {
		was, ok = k.opts.Overlay.Drop(poolName, address)
		return nil
	})
	if ok {
		k.opts.Tell(api.OverlayClear, was, author)
		err = k.settle([]pool.Override{was})
	}
	return was, ok, err
}

// ClearAll is Clear for every backend.
func (k *Keeper) ClearAll(author string) ([]pool.Override, error) {
	var all []pool.Override
	err := k.change(func() error {
		for _, v := range k.List() {
			if was, ok := k.opts.Overlay.Drop(v.Pool, v.Address); ok {
				all = append(all, was)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		k.opts.Tell(api.OverlayClear, all[i], author)
	}
	return all, k.settle(all)
}

// Trouble is why the disk has not what is asked for; nil is that it has, or is not to have it.
func (k *Keeper) Trouble() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.failed
}

// settle has the pools obey, and keeps what is left.
func (k *Keeper) settle(changed []pool.Override) error {
	err := k.opts.Settle(changed)
	k.keep()
	return err
}

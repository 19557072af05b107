package live

import (
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Interval is the time between two looks at the files. One that has changed is read
// by the first look that finds it as the look before has: half a list is not taken
// for a list. settleLooksMax bounds that for a file that changes all the time.
const (
	Interval       = time.Second
	settleLooksMax = 5
)

// Event is what became of the files of a value: they were read again, or could not be.
type Event struct {
	Name string // of the value, as Open was told
	Err  error  // nil: a changed file was read and is in force
}

// Keeper reads the files of one generation again when they change. Values are opened
// while the generation is built, and Start is called when it begins to serve.
type Keeper struct {
	tell func(Event)
	mu   struct {
		sync.Mutex // held while a look goes on, never by a request
		watched    []*watched
	}
	once sync.Once
	end  chan struct{}
}

// NewKeeper makes a keeper that looks after nothing yet. tell is called by its
// goroutine when a changed file was read, and once when files become bad, or bad in
// another way; it must not wait. It may be nil.
func NewKeeper(tell func(Event)) *Keeper {
	if tell == nil {
		tell = func(Event) {}
	}
	return &Keeper{tell: tell, end: make(chan struct{})}
}

// Start begins to look. It does nothing where no value has files. It is called once.
func (k *Keeper) Start() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.mu.watched) > 0 {
		safely.Go("files of stages", k.run)
	}
}

// Stop ends the looking. It does not wait for a look under way, which a file system
// may hold up: that one may still put a value in force, which then nobody reads.
// It may be called more than once, and without Start.
func (k *Keeper) Stop() { k.once.Do(func() { close(k.end) }) }

func (k *Keeper) run() {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.Look()
		case <-k.end:
			return
		}
	}
}

// Look asks for the state of all files once, and reads those that have settled. The
// goroutine calls it; tests may, in its place.
func (k *Keeper) Look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.mu.watched {
		if !w.due() {
			continue
		}
		err := w.again()
		switch {
		case err == nil:
			k.tell(Event{Name: w.name})
		case err.Error() != w.said:
			k.tell(Event{Name: w.name, Err: err})
		}
		w.said = ""
		if err != nil {
			w.said = err.Error()
		}
	}
}

// add has a value looked after.
func (k *Keeper) add(w *watched) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.watched = append(k.mu.watched, w)
}

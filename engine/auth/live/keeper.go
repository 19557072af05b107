package live

import (
	"slices"
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

// Keeper reads files again when they change. It has a goroutine while a value is open.
type Keeper struct {
	tell    func(Event)
	looking sync.Mutex // held while a look goes on, which a file system may hold up
	mu      struct {
		sync.Mutex
		watched []*watched
		end     chan struct{} // of the goroutine, nil while there is none
	}
}

// NewKeeper makes a keeper that looks after nothing yet. tell is called by its
// goroutine when a changed file was read, and once when files become bad, or bad in
// another way; it must not wait. It may be nil.
func NewKeeper(tell func(Event)) *Keeper {
	if tell == nil {
		tell = func(Event) {}
	}
	return &Keeper{tell: tell}
}

func (k *Keeper) run(end <-chan struct{}) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.Look()
		case <-end:
			return
		}
	}
}

// Look asks for the state of all files once, and reads those that have settled. The
// goroutine calls it; tests may, in its place.
func (k *Keeper) Look() {
	k.looking.Lock()
	defer k.looking.Unlock()
	k.mu.Lock()
	all := slices.Clone(k.mu.watched)
	k.mu.Unlock()
	for _, w := range all {
		if !w.due() {
			continue
		}
		err := w.again()
		if err == nil || err.Error() != w.said {
			k.say(w, err)
		}
		w.said = ""
		if err != nil {
			w.said = err.Error()
		}
	}
}

// say tells of a value, unless it was closed meanwhile: who closes it waits for that.
func (k *Keeper) say(w *watched, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(k.mu.watched, w) {
		k.tell(Event{Name: w.name, Err: err})
	}
}

// add has a value looked after.
func (k *Keeper) add(w *watched) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.watched = append(k.mu.watched, w)
	if k.mu.end == nil {
		end := make(chan struct{})
		k.mu.end = end
		safely.Go("files of stages", func() { k.run(end) })
	}
}

// remove is add undone. A look that is under way may still read the files.
func (k *Keeper) remove(w *watched) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.watched = slices.DeleteFunc(k.mu.watched, func(other *watched) bool { return other == w })
	if len(k.mu.watched) == 0 && k.mu.end != nil {
		close(k.mu.end)
		k.mu.end = nil
	}
}

package token

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// Floor is the time between the beginnings of two fetches of one URL, whoever asks for
// them: unknown keys of tokens that somebody makes up cost the issuer no more than that.
// It is also the time after which one that failed is tried again.
const Floor = 10 * time.Second

// firstAfter is the time after which a source that was opened is fetched for the first
// time where no token asks for it before: one that is opened to see whether a
// configuration is good is closed by then, and costs the issuer nothing.
const firstAfter = time.Second

// Sources are the URLs of a process, so that a reload keeps the keys that were fetched,
// and two stages with one URL fetch it once.
type Sources struct {
	tell func(url string, err error)
	get  getter
	mu   struct {
		sync.Mutex
		fetchers map[place]*fetcher
	}
}

type place struct {
	url     string
	refresh time.Duration
}

// getter gets the content of a URL within bounds.
type getter func(url string) ([]byte, error)

// NewSources makes an empty one. tell is called by a goroutine when keys were fetched
// that are others than before, and once when that fails, or fails in another way; it must
// not wait.
func NewSources(tell func(url string, err error)) *Sources {
	return newSources(tell, newClient(fetchTimeout).get)
}

func newSources(tell func(string, error), get getter) *Sources {
	s := &Sources{tell: tell, get: get}
	s.mu.fetchers = map[place]*fetcher{}
	return s
}

// Open is the source of a URL, whose fetching begins soon, unless it goes on already. Each
// has to be closed.
func (s *Sources) Open(url string, refresh time.Duration) (*Source, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{url, max(refresh, Floor)}
	f := s.mu.fetchers[at]
	if f == nil {
		f = &fetcher{place: at, sources: s}
		s.mu.fetchers[at] = f
		f.fetchAfter(firstAfter)
	}
	f.users++
	return &Source{url: f}, nil
}

// release gives a fetcher back. The last one who has it ends its fetching.
func (s *Sources) release(f *fetcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.users--
	if f.users == 0 {
		delete(s.mu.fetchers, f.place)
		f.stop()
	}
}

// fetcher fetches the keys of one URL, and keeps the last good ones.
type fetcher struct {
	place
	sources *Sources
	users   int // guarded by the mutex of sources
	set     atomic.Pointer[Set]
	trouble atomic.Pointer[error]
	mu      struct {
		sync.Mutex
		running chan struct{} // closed when the fetch that goes on ends; nil while there is none
		begun   time.Time     // of the last one
		timer   *time.Timer   // of the next one
		stopped bool
	}
	// Of the goroutine that fetches, of which there is one at a time.
	sum [sha256.Size]byte // of what set was made of
}

func (f *fetcher) troubled() error {
	if err := f.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// mayFetch reports that refresh would wait for something.
func (f *fetcher) mayFetch() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.running != nil || !f.mu.stopped && time.Since(f.mu.begun) >= Floor
}

// refresh waits for the fetch that goes on, or for a new one if the last is long enough ago.
func (f *fetcher) refresh(ctx context.Context) {
	done := f.begin()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// begin starts a fetch unless one goes on, has just begun or none may any more. It
// returns the end of the one that goes on, nil if there is none.
func (f *fetcher) begin() (done <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.running != nil {
		return f.mu.running
	}
	if f.mu.stopped || time.Since(f.mu.begun) < Floor {
		return nil
	}
	if f.mu.timer != nil {
		f.mu.timer.Stop() // the end of this one sets it again
	}
	f.mu.running, f.mu.begun = make(chan struct{}), time.Now()
	safely.GoThen("keys of tokens", f.fetch, f.ended)
	return f.mu.running
}

// ended lets those go who wait, and sets the time of the next fetch.
func (f *fetcher) ended() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.mu.running)
	f.mu.running = nil
	if f.mu.stopped {
		return
	}
	f.fetchAfterLocked(f.refreshAfter())
}

// fetchAfter has the keys fetched after a pause.
func (f *fetcher) fetchAfter(pause time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetchAfterLocked(pause)
}

func (f *fetcher) fetchAfterLocked(pause time.Duration) {
	f.mu.timer = safely.After(pause, "keys of tokens (timer)", func() { f.begin() })
}

// refreshAfter is the time to the next fetch. A tenth of it is drawn, so that the
// instances of a fleet do not all ask at once.
func (f *fetcher) refreshAfter() time.Duration {
	pause := f.place.refresh
	if f.troubled() != nil || f.set.Load() == nil {
		pause = Floor
	}
	return max(Floor, pause-time.Duration(rand.Int64N(int64(pause/10))))
}

// stop ends the fetching, beside one that goes on, which ends by itself.
func (f *fetcher) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.stopped = true
	if f.mu.timer != nil {
		f.mu.timer.Stop()
	}
}

// fetch fetches once. Keys that are the same as before stay the same set, so that the
// tokens verified with them stay verified.
func (f *fetcher) fetch() {
	body, err := f.sources.get(f.url)
	sum := sha256.Sum256(body)
	if err == nil && sum == f.sum {
		f.trouble.Store(nil)
		return
	}
	var set *Set
	if err == nil {
		set, err = parseSet(body, true)
	}
	if err != nil {
		f.failed(fmt.Errorf("cannot fetch the keys of %q: %w", nameOf(f.url), err))
		return
	}
	f.sum = sum
	f.set.Store(set)
	f.trouble.Store(nil)
	f.say(nil)
}

func (f *fetcher) failed(err error) {
	before := f.troubled()
	f.trouble.Store(&err)
	if before == nil || before.Error() != err.Error() {
		f.say(err)
	}
}

// say tells what became of a fetch, unless nobody is there any more: who closes the last
// source waits for that.
func (f *fetcher) say(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.mu.stopped {
		f.sources.tell(nameOf(f.url), err)
	}
}

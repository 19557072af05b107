package pool

import (
	"maps"
	"slices"
	"sync"
)

// State is what the operator asked of a member.
type State string

const (
	// Enabled members take part.
	Enabled State = "enabled"
	// Drain members finish what they have and take nothing new.
	Drain State = "drain"
	// Disabled members take nothing at all.
	Disabled State = "disabled"
)

// account is what a pool keeps of an address, however it is spoken to: what was
// counted, and who has to know. Every generation that has the pool and the address
// shares it, so that a wish which meets a reload is obeyed by the generation that
// serves and by the one that comes.
type account struct {
	tally tally

	mu struct {
		sync.Mutex
		watchers map[*Pool]struct{} // one for each generation that runs
		speaker  *Pool              // the one of these that others hear of; nil before there is one
		up       bool               // what they have heard
	}
}

func newAccount() *account {
	a := &account{}
	a.mu.watchers = map[*Pool]struct{}{}
	return a
}

// watch makes p rebuild its view when something changes that decides whether
// the backend may be picked.
func (a *account) watch(p *Pool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.watchers[p] = struct{}{}
}

func (a *account) unwatch(p *Pool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.mu.watchers, p)
}

// generations are those of the pool that run.
func (a *account) generations() []*Pool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Keys(a.mu.watchers))
}

// changed tells the pool, in every generation that runs. It is cheap, may be
// called by any goroutine, and must not be called with mu held.
func (a *account) changed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p := range a.mu.watchers {
		p.kick()
	}
}

// shows makes what p says about up what others know, and reports that it is news. Of the
// generations that run, the one that speaks alone is heard.
func (a *account) shows(p *Pool, up bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.speaker != p || a.mu.up == up {
		return false
	}
	a.mu.up = up
	return true
}

// speaks makes p the generation that is heard from now on, and reports that what it says
// is news.
func (a *account) speaks(p *Pool, up bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	news := a.mu.speaker != nil && a.mu.up != up
	a.mu.speaker, a.mu.up = p, up
	return news
}

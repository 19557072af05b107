package ctl

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// Bounds of what the gate remembers.
const (
	// sessionTime is how long a session lasts, used or not.
	sessionTime = 12 * time.Hour
	// sessionsMax bounds the sessions; the oldest one makes room.
	sessionsMax = 1000
	// passedTime is how long an address that has presented a right token may go on
	// with it while others at that address guess.
	passedTime = time.Hour
	// passedMax bounds these pairs of address and token.
	passedMax = 10_000
)

// gate remembers who tried what: wrong tokens and changes of each address, and sessions.
// Any goroutine may use it.
type gate struct {
	mu struct {
		sync.Mutex
		wrong   throttle        // by address
		changes throttle        // by address and author
		passed  shelf[struct{}] // by address and token
		// sessions are the tokens that sessions are bound to, by the hash of the cookie:
		// whoever reads the memory of the process finds no cookie there.
		sessions shelf[[sha256.Size]byte]
	}
}

func newGate() *gate {
	g := &gate{}
	g.mu.wrong = newThrottle(loginsFailedMax, loginsFailedPer)
	g.mu.changes = newThrottle(changesMax, changesPer)
	g.mu.passed.max, g.mu.sessions.max = passedMax, sessionsMax
	return g
}

// try counts an attempt with a token, right or wrong, and returns how long the address
// has to wait instead. After too many wrong ones a right one waits as well, so that
// guesses are not answered, unless it was right from there before: the mistakes of
// others behind the same address lock nobody out.
func (g *gate) try(from string, t *knownToken, isRight bool, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !isRight {
		return g.mu.wrong.take(from, now)
	}
	pair := from + " " + string(t.sum[:])
	if _, known := g.mu.passed.get(pair, now); !known {
		if wait := g.mu.wrong.wait(from, now); wait > 0 {
			return wait
		}
	}
	g.mu.passed.put(pair, shelved[struct{}]{until: now.Add(passedTime)}, now)
	return 0
}

// change counts a change, and returns how long its author has to wait instead.
func (g *gate) change(from, author string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.changes.take(from+" "+author, now)
}

// open begins a session bound to a token, and returns its cookie.
func (g *gate) open(t *knownToken, now time.Time) string {
	cookie := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.sessions.put(shelfKey(cookie), shelved[[sha256.Size]byte]{t.sum, now.Add(sessionTime)}, now)
	return cookie
}

// session is the token that a cookie is bound to, as long as it is one of a.
func (g *gate) session(cookie []byte, a *access, now time.Time) (knownToken, bool) {
	if len(cookie) == 0 {
		return knownToken{}, false
	}
	g.mu.Lock()
	sum, ok := g.mu.sessions.get(shelfKey(string(cookie)), now)
	g.mu.Unlock()
	if !ok {
		return knownToken{}, false
	}
	return a.find(sum)
}

// end ends the session of a cookie.
func (g *gate) end(cookie []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.sessions.drop(shelfKey(string(cookie)))
}

func shelfKey(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return string(sum[:])
}

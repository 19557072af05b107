package passwd

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/engine/auth/live"
	"github.com/isame-lb/isame-lb/engine/auth/verified"
)

// Lifetime is how long a password that was verified is not hashed again, and
// rememberedMax how many of them there are. A user whose hash is changed or gone is
// asked for it at once.
const (
	Lifetime      = time.Minute
	rememberedMax = 4096
)

// Verdict says what is known of a name and a password.
type Verdict uint8

// The verdicts. Unknown says that it must be hashed, Busy that there was no place for it.
const (
	Unknown Verdict = iota
	Good
	Wrong
	Busy
)

// Checker checks names and passwords. Any goroutine may use it.
type Checker struct {
	users   *live.Value[Users]
	hashers *Hashers
	secret  [32]byte
	good    *verified.Cache[struct{}]
	mu      struct {
		sync.Mutex
		flights map[sum]*flight
	}
}

// sum stands for a user, the hash that is in force and a password. It is keyed, so that
// memory that gets into wrong hands is no list of fast hashes of passwords alone.
type sum [sha256.Size]byte

// flight is a password that is being hashed: a browser asks for thirty things at once.
type flight struct {
	done    chan struct{}
	verdict Verdict // once done is closed
}

// NewChecker makes a checker of users that may change.
func NewChecker(users *live.Value[Users], hashers *Hashers) *Checker {
	c := &Checker{users: users, hashers: hashers, good: verified.New[struct{}](rememberedMax)}
	c.mu.flights = map[sum]*flight{}
	_, _ = rand.Read(c.secret[:]) // it cannot fail
	return c
}

// Lookup is what is known without hashing: Good where the same was verified within
// Lifetime, Wrong where there are no users at all, and else Unknown: Verify has to be
// called, by a goroutine. user is the name of one that is good, and stays as it is. It
// allocates nothing, and never waits.
func (c *Checker) Lookup(name, password []byte, nowNanos int64) (v Verdict, user []byte) {
	users := c.users.Load()
	if users.Len() == 0 || len(password) > PasswordBytesMax {
		return Wrong, nil
	}
	found, known := users.find(name)
	s := c.sumOf(found, known, name, password)
	if c.good.Get(s.start(), s[:], nowNanos) != nil && known {
		return Good, found.name
	}
	return Unknown, nil
}

// Verify hashes the password, which takes up to two seconds when it has a place, and
// waits for that until ctx ends. The same asked for at once is hashed once. It keeps
// nothing of name and password. now is of the clock that Lookup is told.
func (c *Checker) Verify(ctx context.Context, name, password []byte, nowNanos int64) (v Verdict, user []byte) {
	users := c.users.Load()
	if users.Len() == 0 || len(password) > PasswordBytesMax {
		return Wrong, nil
	}
	found, known := users.find(name)
	v = c.verify(ctx, c.sumOf(found, known, name, password), attempt{found, known, password, nowNanos})
	if v != Good {
		return v, nil
	}
	return v, found.name
}

func (c *Checker) verify(ctx context.Context, s sum, a attempt) Verdict {
	for {
		f, first := c.join(s)
		if first {
			return c.hash(ctx, f, s, a)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Busy
		}
		if f.verdict != Busy { // else the one that was to hash had less time
			return f.verdict
		}
	}
}

// attempt is a password and whom it is tried for.
type attempt struct {
	user     *user
	known    bool
	password []byte
	nowNanos int64
}

// hash does the work of a flight.
func (c *Checker) hash(ctx context.Context, f *flight, s sum, a attempt) Verdict {
	f.verdict = Busy
	defer func() {
		c.mu.Lock()
		delete(c.mu.flights, s)
		c.mu.Unlock()
		close(f.done)
	}()
	fits, ok := c.hashers.fits(ctx, a.user.hash, a.password)
	switch {
	case !ok:
		return Busy
	case !fits || !a.known:
		f.verdict = Wrong
		return Wrong
	}
	f.verdict = Good
	c.good.Put(s.start(), s[:], struct{}{}, a.nowNanos+int64(Lifetime), a.nowNanos)
	return Good
}

// join is the flight of a sum; first is true for who has to do its work.
func (c *Checker) join(s sum) (f *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if under := c.mu.flights[s]; under != nil {
		return under, false
	}
	f = &flight{done: make(chan struct{})}
	c.mu.flights[s] = f
	return f, true
}

// sumOf is different for a name that is not known and for the user in its stead.
func (c *Checker) sumOf(found *user, known bool, name, password []byte) (s sum) {
	var head [3]byte
	if known {
		head[0] = 1
	}
	binary.BigEndian.PutUint16(head[1:], uint16(len(name)))
	h := sha256.New()
	h.Write(c.secret[:])
	h.Write(found.id[:])
	h.Write(head[:])
	h.Write(name)
	h.Write(password)
	h.Sum(s[:0])
	return s
}

func (s *sum) start() uint64 { return binary.BigEndian.Uint64(s[:8]) }

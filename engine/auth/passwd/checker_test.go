package passwd

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// slow is a hash that waits to be let go, and counts.
type slow struct {
	password string
	begun    atomic.Int64
	now      atomic.Int64 // how many are computed at once
	most     atomic.Int64
	release  chan struct{} // nil: it does not wait
	cores    int64
}

func (s *slow) threads() int64 { return max(1, s.cores) }

func (s *slow) fits(password []byte) bool {
	s.begun.Add(1)
	now := s.now.Add(s.threads())
	for {
		most := s.most.Load()
		if now <= most || s.most.CompareAndSwap(most, now) {
			break
		}
	}
	if s.release != nil {
		<-s.release
	}
	s.now.Add(-s.threads())
	return string(password) == s.password
}

// checkerOf makes one of users with hashes as they are.
func checkerOf(t *testing.T, places int, users map[string]hash) *Checker {
	t.Helper()
	u, err := NewUsers(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range users {
		added := &user{id: [32]byte{byte(len(u.all) + 1)}, name: []byte(name), hash: h}
		u.byName[name], u.all = added, append(u.all, added)
	}
	v, err := live.Open(live.NewKeeper(nil), "users", nil, func([]live.File) (*Users, error) { return u, nil })
	if err != nil {
		t.Fatal(err)
	}
	return NewChecker(v, newHashers(places))
}

func (c *Checker) tried(name, password string) Verdict {
	v, user := c.Verify(context.Background(), []byte(name), []byte(password), 0)
	return named(v, user, name)
}

// named is a verdict that has the name of the user where it is good, and no other.
func named(v Verdict, user []byte, name string) Verdict {
	if (v == Good) != (string(user) == name) {
		return v + 100
	}
	return v
}

func (c *Checker) lookup(name, password string, now time.Duration) Verdict {
	v, user := c.Lookup([]byte(name), []byte(password), int64(now))
	return named(v, user, name)
}

func TestAPasswordIsHashedOnceInItsLifetime(t *testing.T) {
	h := &slow{password: "secret"}
	c := checkerOf(t, 1, map[string]hash{"ann": h})
	for _, step := range []struct {
		name, password string
		at             time.Duration
		before, after  Verdict
	}{
		{"ann", "secret", 0, Unknown, Good},
		{"ann", "wrong", 0, Unknown, Wrong},
		{"bob", "secret", 0, Unknown, Wrong}, // ann is hashed in his stead
		{"anns", "ecret", 0, Unknown, Wrong}, // what is compared has a border
	} {
		if got := c.lookup(step.name, step.password, step.at); got != step.before {
			t.Errorf("%s %s: looked up: got %v; want %v", step.name, step.password, got, step.before)
		}
		if got := c.tried(step.name, step.password); got != step.after {
			t.Errorf("%s %s: verified: got %v; want %v", step.name, step.password, got, step.after)
		}
	}
	if h.begun.Load() != 4 {
		t.Errorf("%d hashes; want one for each try, whoever it is for", h.begun.Load())
	}
	for _, step := range []struct {
		name, password string
		at             time.Duration
		want           Verdict
	}{
		{"ann", "secret", Lifetime - 1, Good},
		{"ann", "secret", Lifetime, Unknown},
		{"ann", "wrong", 1, Unknown},
		{"bob", "secret", 1, Unknown},
	} {
		if got := c.lookup(step.name, step.password, step.at); got != step.want {
			t.Errorf("%s %s at %v: got %v; want %v", step.name, step.password, step.at, got, step.want)
		}
	}
}

func TestWithoutUsersNobodyIsHashed(t *testing.T) {
	c := checkerOf(t, 1, nil)
	if c.lookup("ann", "x", 0) != Wrong || c.tried("ann", "x") != Wrong {
		t.Error("without users somebody is not wrong")
	}
	c = checkerOf(t, 1, map[string]hash{"ann": &slow{}})
	if long := strings.Repeat("x", PasswordBytesMax+1); c.lookup("ann", long, 0) != Wrong || c.tried("ann", long) != Wrong {
		t.Error("a password that is too long is hashed")
	}
}

func TestTheSameIsHashedOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &slow{password: "secret", release: make(chan struct{})}
		c := checkerOf(t, 8, map[string]hash{"ann": h})
		var all sync.WaitGroup
		var good, wrong atomic.Int64
		for i := range 40 {
			all.Go(func() {
				switch c.tried([]string{"ann", "bob"}[i%2], "secret") {
				case Good:
					good.Add(1)
				case Wrong:
					wrong.Add(1)
				default:
				}
			})
		}
		synctest.Wait()
		if h.begun.Load() != 2 {
			t.Errorf("%d hashes; want one for each name", h.begun.Load())
		}
		close(h.release)
		all.Wait()
		if good.Load() != 20 || wrong.Load() != 20 {
			t.Errorf("%d good, %d wrong; want 20 each", good.Load(), wrong.Load())
		}
	})
}

func TestFewHashAtOnceAndFewWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &slow{release: make(chan struct{})}
		c := checkerOf(t, 2, map[string]hash{"ann": h})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		var busy, wrong atomic.Int64
		const tries = waitingMax + 12
		for i := range tries {
			all.Go(func() {
				switch v, _ := c.Verify(ctx, []byte("ann"), bytes.Repeat([]byte("x"), i+1), 0); v {
				case Busy:
					busy.Add(1)
				case Wrong:
					wrong.Add(1)
				default:
				}
			})
			if i < 2 {
				synctest.Wait() // these two hash
			}
		}
		synctest.Wait()
		if h.now.Load() != 2 || busy.Load() != tries-2-waitingMax {
			t.Errorf("%d hash, %d were sent away; want 2 and %d", h.now.Load(), busy.Load(), tries-2-waitingMax)
		}
		h.release <- struct{}{}
		h.release <- struct{}{}
		synctest.Wait()
		<-ctx.Done()
		synctest.Wait()
		if h.most.Load() != 2 || wrong.Load() != 2 || busy.Load() != tries-4 {
			t.Errorf("at most %d at once, %d wrong, %d busy; want 2, 2, %d", h.most.Load(), wrong.Load(), busy.Load(), tries-4)
		}
		close(h.release)
		all.Wait()
		if got := c.hashers.waiting.Load(); got != 0 {
			t.Errorf("%d wait; want 0", got)
		}
	})
}

func TestAHashOfManyThreadsTakesAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &slow{release: make(chan struct{}), cores: 8}
		c := checkerOf(t, 2, map[string]hash{"ann": h})
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { c.Verify(t.Context(), []byte("ann"), []byte{byte('a' + i)}, 0) })
		}
		synctest.Wait()
		if h.begun.Load() != 1 {
			t.Errorf("%d hash; want 1", h.begun.Load())
		}
		close(h.release)
		all.Wait()
	})
}

// Who waits for the hash of another one does not share the short time that one had.
func TestWhoseTimeEndsTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &slow{password: "secret", release: make(chan struct{})}
		c := checkerOf(t, 1, map[string]hash{"ann": h})
		var all sync.WaitGroup
		all.Go(func() { c.tried("ann", "other") }) // takes the only place
		synctest.Wait()
		short, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			if got, _ := c.Verify(short, []byte("ann"), []byte("secret"), 0); got != Busy {
				t.Errorf("who has left: got %v; want busy", got)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if got := c.tried("ann", "secret"); got != Good {
				t.Errorf("who waited with him: got %v; want good", got)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(h.release)
		all.Wait()
		if len(c.mu.flights) != 0 {
			t.Errorf("%d flights are left", len(c.mu.flights))
		}
	})
}

func TestAChangedHashIsAskedForAtOnce(t *testing.T) {
	users, err := NewUsers([]string{"ann:" + secretHash}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewUsers([]string{"ann:" + otherHash}, nil)
	if err != nil {
		t.Fatal(err)
	}
	made := []*Users{users, other, users}
	next := func([]live.File) (*Users, error) {
		u := made[0]
		made = made[1:]
		return u, nil
	}
	file := t.TempDir() + "/users"
	k := live.NewKeeper(nil)
	write(t, file, "1")
	v, err := live.Open(k, "users", []string{file}, next)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	c := NewChecker(v, NewHashers())
	if c.tried("ann", "secret") != Good || c.lookup("ann", "secret", 1) != Good {
		t.Fatal("the password is not good")
	}
	write(t, file, "22")
	k.Look()
	k.Look()
	if got := c.lookup("ann", "secret", 1); got != Unknown {
		t.Errorf("after the hash has changed: got %v; want unknown", got)
	}
	if c.tried("ann", "secret") != Wrong || c.tried("ann", "pässwörd") != Good {
		t.Error("the changed hash is not in force")
	}
	write(t, file, "333")
	k.Look()
	k.Look()
	if got := c.lookup("ann", "secret", 1); got != Good {
		t.Errorf("after it has changed back: got %v; want good", got)
	}
}

func BenchmarkLookup(b *testing.B) {
	users, err := NewUsers([]string{"ann:" + secretHash}, nil)
	if err != nil {
		b.Fatal(err)
	}
	v, err := live.Open(live.NewKeeper(nil), "users", nil, func([]live.File) (*Users, error) { return users, nil })
	if err != nil {
		b.Fatal(err)
	}
	c := NewChecker(v, NewHashers())
	c.tried("ann", "secret")
	value := []byte("Basic YW5uOnNlY3JldA==")
	b.ReportAllocs()
	for b.Loop() {
		var room Room
		name, password, _ := Credentials(value, &room)
		if v, _ := c.Lookup(name, password, 1); v != Good {
			b.Fatal("not good")
		}
	}
}

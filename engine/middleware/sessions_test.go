package middleware

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"
)

const second = int64(time.Second)

func TestSessionsAreFoundUntilTheyAreOver(t *testing.T) {
	s := newSessions()
	s.ttl.Store(60)
	a, b := s.session([]byte("a")), s.session([]byte("b"))
	s.learn(a, "one", 10*second)
	s.learn(b, "two", 10*second)
	for _, step := range []struct {
		at      int64
		session uint64
		want    string
	}{
		{11, a, "one"},
		{70, a, "one"},
		{71, b, ""}, // not seen for more than a minute
		{129, a, "one"},
		{190, a, ""},
	} {
		if got := s.find(step.session, step.at*second); got != step.want {
			t.Errorf("at %d: got %q; want %q", step.at, got, step.want)
		}
	}
	s.learn(a, "three", 200*second)
	if got := s.find(a, 200*second); got != "three" {
		t.Errorf("got %q; want the one that was learnt last", got)
	}
	s.forget(a)
	if got := s.find(a, 200*second); got != "" {
		t.Errorf("got %q; want it forgotten", got)
	}
}

// What is remembered is what a map would; only what was not seen for longest may be lost.
func TestSessionsAreLikeAMap(t *testing.T) {
	s, r := newSessions(), rand.New(rand.NewPCG(1, 2))
	s.ttl.Store(1 << 30)
	model := map[uint64]string{}
	for i := range 100_000 {
		session := s.session(strconv.AppendInt(nil, r.Int64N(20_000), 10))
		switch now := int64(i) * second; r.IntN(4) {
		case 0:
			name := strconv.Itoa(r.IntN(100))
			s.learn(session, name, now)
			model[session] = name
		case 1:
			s.forget(session)
			delete(model, session)
		default:
			if got := s.find(session, now); got != model[session] { // 20,000 of 131,072: no set is full
				t.Fatalf("step %d: got %q; want %q", i, got, model[session])
			}
		}
	}
}

// A flood of sessions takes the place of those that nobody uses, and the table stays as
// large as it is.
func TestSessionsInUseOutliveAFlood(t *testing.T) {
	s, used := newSessions(), make([]uint64, 100)
	s.ttl.Store(1 << 30)
	for i := range used {
		used[i] = s.session(fmt.Appendf(nil, "used %d", i))
		s.learn(used[i], "one", second)
	}
	for i := range 4 * sessionsMax {
		now := int64(2+i/1000) * second
		s.learn(s.session(strconv.AppendInt(nil, int64(i), 10)), "two", now)
		if i%1000 == 0 {
			for _, u := range used {
				if s.find(u, now) != "one" {
					t.Fatalf("a session in use is lost after %d others", i)
				}
			}
		}
	}
}

func TestSessionsAreForAllGoroutines(t *testing.T) {
	s := newSessions()
	s.ttl.Store(1 << 30)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				value := strconv.AppendInt(nil, int64(i), 10)
				want := strconv.Itoa(i % 50)
				s.learn(s.session(value), want, second)
				if got := s.find(s.session(value), second); got != want && got != "" {
					t.Errorf("goroutine %d: got %q; want %q", g, got, want)
				}
				if i%7 == g {
					s.forget(s.session(value))
				}
			}
		})
	}
	all.Wait()
}

func TestSessionsOfTooManyBackends(t *testing.T) {
	s := newSessions()
	s.ttl.Store(60)
	names := make([]string, sessionPlacesMax+1)
	s.names.Store(&names)
	session := s.session([]byte("a"))
	s.learn(session, "one more", second)
	if got := s.find(session, second); got != "" {
		t.Errorf("got %q; want nothing", got)
	}
}

func BenchmarkSessions(b *testing.B) {
	s := newSessions()
	s.ttl.Store(60)
	value := []byte("1868a90c-7a5d-4b6a-a0d6-1f5c1f2f9d0e")
	s.learn(s.session(value), "one", second)
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if s.find(s.session(value), second) == "" {
					b.Error("lost")
				}
			}
		})
	})
	b.Run("learn", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.learn(s.session(value), "one", second)
		}
	})
}

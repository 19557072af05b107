package pool

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/pool/attempt"
)

// told collects events.
type told struct {
	mu  sync.Mutex
	all []Event
}

func (l *told) tell(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

// take returns what has come since the call before.
func (l *told) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, e := range l.all {
		line := e.Address + " " + e.Kind.String()
		if !e.Kind.OfBreaker() {
			line += fmt.Sprintf(" (%v %s %d)", e.Up, e.State, e.Weight)
		}
		if e.Pool != "p" || e.At.IsZero() {
			line += " of nowhere"
		}
		lines = append(lines, line)
	}
	l.all = nil
	return strings.Join(lines, ", ")
}

func (l *told) want(t *testing.T, what, want string) {
	t.Helper()
	if got := l.take(); got != want {
		t.Errorf("%s: got %q; want %q", what, got, want)
	}
}

func TestChangesOfMembersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l told
		opts := Options{Shards: 1, now: bubbleClock(), Tell: l.tell}
		s, p := buildWith(t, poolOf("a:1", "b:1", "c:1"), nil, opts)
		s.Start()
		l.want(t, "the start", "")
		a := p.Member("a:1")
		for range 5 {
			try(a, attempt.ConnectRefused, 0)
		}
		synctest.Wait()
		if last := l.all[0].Reason; last != "connect_refused" {
			t.Errorf("it opened because of %q", last)
		}
		l.want(t, "failures", "a:1 opened, a:1 down (false enabled 1)")
		pass(10*time.Second + 2*time.Millisecond)
		synctest.Wait()
		l.want(t, "open_for", "a:1 half-open, a:1 up (true enabled 1)")
		try(a, attempt.ConnectRefused, 0)
		synctest.Wait()
		l.want(t, "a bad trial", "a:1 opened, a:1 down (false enabled 1)")
		pass(10*time.Second + 2*time.Millisecond)
		synctest.Wait()
		for range 3 {
			try(a, attempt.OK, 200)
		}
		synctest.Wait()
		l.want(t, "good trials", "a:1 half-open, a:1 up (true enabled 1), a:1 closed")
		if got := p.Status().Backends[0].Trips; got != 2 {
			t.Errorf("got %d trips; want those of the failures and of the bad trial", got)
		}

		if err := p.Ask("b:1", Wish{State: Drain}); err != nil {
			t.Fatal(err)
		}
		l.want(t, "a drain", "b:1 state (true drain 1), b:1 down (false drain 1)")
		if err := p.Ask("c:1", Wish{Weight: new(7)}); err != nil {
			t.Fatal(err)
		}
		l.want(t, "a weight", "c:1 weight (true enabled 7)")
		s.Retire(nil, 0)
	})
}

// A generation that never serves says nothing, the one that does says what it has
// changed, and the one before is not heard any more.
func TestGenerationsSpeakOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l told
		opts := Options{Shards: 1, now: bubbleClock(), Tell: l.tell}
		first, p := buildWith(t, poolOf("a:1", "b:1"), nil, opts)
		first.Start()
		heavier := poolOf("b:1", "c:1")
		heavier.Backends[0].Weight = 0
		unused, _ := buildWith(t, heavier, first, opts)
		unused.Retire(nil, 0)
		l.want(t, "a generation that does not serve", "")
		second, next := buildWith(t, heavier, first, opts)
		l.want(t, "before it serves", "")
		second.Start()
		l.want(t, "another generation", "a:1 removed (false enabled 1), b:1 down (false enabled 0), c:1 added (true enabled 1)")
		p.rebuild() // which had b up
		l.want(t, "the one before", "")
		first.Retire(second, 0)
		if err := next.Ask("c:1", Wish{State: Disabled}); err != nil {
			t.Fatal(err)
		}
		l.want(t, "the one that serves", "c:1 state (true disabled 1), c:1 down (false disabled 1)")
		third, _ := buildWith(t, heavier, second, opts) // the same pool
		third.Start()
		l.want(t, "the same again", "")
		second.Retire(third, 0)
		third.Retire(nil, 0)
	})
}

// What is told late of a breaker is not told.
func TestOlderNewsOfABreakerAreNone(t *testing.T) {
	s := &standing{}
	for i, step := range []struct {
		state breakerState
		stage uint32
		want  bool
	}{
		{breakerOpen, stageOf(1, false), true},
		{breakerHalfOpen, stageOf(1, true), true},
		{breakerHalfOpen, stageOf(2, false), false}, // they know
		{breakerClosed, stageOf(3, false), true},
		{breakerHalfOpen, stageOf(1, true), false},
		{breakerOpen, stageOf(generationMask, false), false}, // before the first one
		{breakerOpen, stageOf(4, false), true},
		{breakerHalfOpen, stageOf(generationMask/2, true), true},
		{breakerOpen, stageOf(generationMask, false), true},
		{breakerClosed, stageOf(generationMask+1, false), true}, // it has come round
	} {
		if got := s.shows(step.state, step.stage); got != step.want {
			t.Errorf("step %d: got %v; want %v", i, got, step.want)
		}
	}
}

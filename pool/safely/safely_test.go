package safely_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// gather collects the panics of a test.
func gather(t *testing.T) <-chan safely.Panic {
	t.Helper()
	met := make(chan safely.Panic, 16)
	t.Cleanup(safely.OnPanic(func(p safely.Panic) { met <- p }))
	return met
}

func take(t *testing.T, met <-chan safely.Panic, place string) {
	t.Helper()
	select {
	case p := <-met:
		if p.Place != place || p.Value == nil || len(p.Stack) == 0 {
			t.Errorf("got %q %v, stack of %d bytes; want one at %q", p.Place, p.Value, len(p.Stack), place)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("nobody was told of the panic at %q", place)
	}
}

func fail() { panic("injected") }

func TestPanicsEndOnlyWhatMetThem(t *testing.T) {
	met := gather(t)
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range []struct {
		name  string
		start func()
	}{
		{"go", func() { safely.Go("go", fail) }},
		{"after", func() { safely.After(0, "after", fail) }},
		{"done", func() { safely.AfterDone(ctx, "done", fail); cancel() }},
		{"new", func() { safely.New("new", fail, nil).Go() }},
		{"new after", func() { safely.New("new after", fail, nil).After(0) }},
		{"do", func() {
			if safely.Do("do", fail, nil) {
				t.Error("Do reports that a panic came to its end")
			}
		}},
		{"own", func() {
			safely.Own(func() {
				defer func() { safely.Caught("own", recover()) }()
				fail()
			}).Go()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.start()
			take(t, met, c.name)
		})
	}
}

func TestTheEndIsCalledAfterAPanicAlone(t *testing.T) {
	met := gather(t)
	ended := 0
	if !safely.Do("good", func() {}, func() { ended++ }) || ended != 0 {
		t.Errorf("a call without a panic was ended %d times; want 0", ended)
	}
	safely.Do("bad", fail, func() { ended++ })
	take(t, met, "bad")
	if ended != 1 {
		t.Errorf("a panic was ended %d times; want 1", ended)
	}
	safely.Do("worse", fail, fail)
	take(t, met, "worse")
	take(t, met, "worse (end)")
}

func TestWhoForgetsIsNotTold(t *testing.T) {
	met := gather(t)
	var mu sync.Mutex
	told := 0
	forget := safely.OnPanic(func(safely.Panic) {
		mu.Lock()
		defer mu.Unlock()
		told++
	})
	safely.Do("first", fail, nil)
	take(t, met, "first")
	forget()
	safely.Do("second", fail, nil)
	take(t, met, "second")
	if told != 1 {
		t.Errorf("a watcher that has left was told %d times; want 1", told)
	}
}

func TestInjectedPanicsAreMetByPlace(t *testing.T) {
	met := gather(t)
	t.Cleanup(safely.Inject(func(place string) {
		if place == "here" {
			fail()
		}
	}))
	reached := false
	if !safely.Do("there", func() { reached = true }, nil) || !reached {
		t.Error("a call at another place was not made")
	}
	safely.Do("here", func() { t.Error("the call was made behind the injected panic") }, nil)
	take(t, met, "here")
}

func TestWhoWaitsForATaskIsToldOfAnyEnd(t *testing.T) {
	met := gather(t)
	for _, c := range []struct {
		name string
		f    func()
	}{{"good", func() {}}, {"bad", fail}, {"not begun", func() {}}} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "not begun" {
				defer safely.Inject(func(place string) {
					if place == c.name {
						fail()
					}
				})()
			}
			ended := make(chan struct{})
			safely.GoThen(c.name, c.f, func() { close(ended) })
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Fatal("nobody was told of the end")
			}
			if c.name != "good" {
				take(t, met, c.name)
			}
		})
	}
}

// Package safely is the one place that turns a panic into the end of one exchange,
// one connection or one task, where it would end the process.
//
// Every goroutine the proxy starts, and every timer that calls a function of ours,
// goes through it; a test in ./cmd reads the source and fails for a go statement or a
// time.AfterFunc that does not. The forms:
//
//	safely.Go("probe", f)                     a task that ends with its panic
//	safely.GoThen("log writer", f, then)      likewise, and somebody waits for its end
//	safely.Do("upload", f, end)               end is called after a panic, and puts things right
//	safely.Func, made once by Own or New      for the hot path: its Go allocates nothing
//
// A function may panic before its first statement has run: what it owes to somebody
// (a WaitGroup, a channel that is to be closed, a timer that is to be set again) is not
// a defer of its own, but In, GoThen or end.
//
// What is caught is told to everybody who asked ([OnPanic]): the engine counts and
// logs it. Anybody may import this package; it imports the standard library only.
package safely

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Panic is a bug that was met.
type Panic struct {
	Place string // the kind of goroutine, or of event
	Value any
	Stack []byte
}

// Func is a function whose panics are caught. It is made once, by New or Own, and may
// be started as often as its function allows.
type Func struct{ run func() }

// New makes a Func of f. end, which may be nil, is called after a panic of f.
func New(place string, f, end func()) Func {
	return Func{run: func() { Do(place, f, end) }}
}

// Own makes a Func of an f that catches its panics itself: its first statement is a
// defer that ends in Caught.
func Own(f func()) Func { return Func{run: f} }

// Made reports that there is a function.
func (f Func) Made() bool { return f.run != nil }

// Go starts the function in a goroutine of its own.
func (f Func) Go() { go f.run() }

// After starts the function in a goroutine of its own after d.
func (f Func) After(d time.Duration) *time.Timer { return time.AfterFunc(d, f.run) }

// In is Go for a goroutine that group waits for.
func (f Func) In(group *sync.WaitGroup) { group.Go(f.run) }

// AfterDone starts the function in a goroutine of its own when ctx ends.
func (f Func) AfterDone(ctx context.Context) (stop func() bool) { return context.AfterFunc(ctx, f.run) }

// Go starts f in a goroutine of its own. A panic of f ends that goroutine alone.
func Go(place string, f func()) { New(place, f, nil).Go() }

// GoIn is Go for a goroutine that group waits for.
func GoIn(group *sync.WaitGroup, place string, f func()) { New(place, f, nil).In(group) }

// GoThen is Go for a goroutine that somebody waits for: then is called at its end,
// however that comes about, also where f has never begun.
func GoThen(place string, f, then func()) {
	Func{run: func() {
		defer Do(place+" (end)", then, nil)
		Do(place, f, nil)
	}}.Go()
}

// After is time.AfterFunc.
func After(d time.Duration, place string, f func()) *time.Timer { return New(place, f, nil).After(d) }

// AfterDone is context.AfterFunc.
func AfterDone(ctx context.Context, place string, f func()) (stop func() bool) {
	return New(place, f, nil).AfterDone(ctx)
}

// Do calls f, and reports whether it came to its end. After a panic of f it calls end,
// unless that is nil, and a panic of that is caught, too.
func Do(place string, f, end func()) (ok bool) {
	defer func() {
		if Caught(place, recover()) && end != nil {
			Do(place+" (end)", end, nil)
		}
	}()
	Enter(place)
	f()
	return true
}

// Caught tells of a panic whose value p is, as recover has returned it, and reports
// that it was one.
func Caught(place string, p any) bool {
	if p == nil {
		return false
	}
	tell(Panic{Place: place, Value: p, Stack: debug.Stack()})
	return true
}

// watchers are told of every panic.
var watchers struct {
	sync.Mutex
	list []*func(Panic)
}

// OnPanic has f told of every panic from now on, until forget. f is called by the
// goroutine that met it, and must not wait.
func OnPanic(f func(Panic)) (forget func()) {
	watchers.Lock()
	defer watchers.Unlock()
	watchers.list = append(slices.Clip(watchers.list), &f)
	return func() {
		watchers.Lock()
		defer watchers.Unlock()
		watchers.list = slices.DeleteFunc(slices.Clone(watchers.list), func(other *func(Panic)) bool { return other == &f })
	}
}

// tell calls the watchers. Where there is none, a bug must not pass unseen.
func tell(p Panic) {
	watchers.Lock()
	list := watchers.list
	watchers.Unlock()
	if len(list) == 0 {
		fmt.Fprintf(os.Stderr, "%s met a bug: %v\n%s", p.Place, p.Value, p.Stack)
	}
	for _, f := range list {
		(*f)(p)
	}
}

// entered is called at the beginning of whatever is run safely; see Inject.
var entered atomic.Pointer[func(place string)]

// Enter is called by an Own function behind its first statement.
func Enter(place string) {
	if f := entered.Load(); f != nil {
		(*f)(place)
	}
}

// Inject is for tests of what a panic does: f is called at the beginning of everything
// that runs safely, with its place, and may panic. Nothing else sets it; without it
// the cost is one load. There is one at a time.
func Inject(f func(place string)) (restore func()) {
	entered.Store(&f)
	return func() { entered.Store(nil) }
}

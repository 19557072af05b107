package safely

import (
	"sync/atomic"
	"time"
)

// awayFor is longer than the scheduler takes to look for something else to run. Where nothing else is there, it is 1 ms: the
// runtime's poller has no shorter wait.
const awayFor = 20 * time.Microsecond

// anywayEach is after how many calls the caller sleeps although no loop has something to do: others may, which
// nobody can be asked for.
const anywayEach = 10

var (
	loopsWait atomic.Pointer[func() bool]
	calls     atomic.Uint64
)

// WhenLoopsWait says how GiveWay finds out whether an event loop has something to do. It is for who makes loops, once.
func WhenLoopsWait(waits func() bool) { loopsWait.Store(&waits) }

// GiveWay is for long work beside event loops, each 100 us or so: it lets those run that have something to
// do. runtime.Gosched would not: whoever can run comes before the network, which Go then looks
// at every 10 ms only, and where all processors are in use a request waits as long. The work sleeps, if a loop
// waits, and each tenth time for everybody else: always would make it take ten times as long where it is alone.
func GiveWay() {
	if somebodyWaits() {
		time.Sleep(awayFor) //nolint:forbidigo // it waits for nothing, and is over before anybody could end it
	}
}

func somebodyWaits() bool {
	waits := loopsWait.Load()
	return waits == nil || calls.Add(1)%anywayEach == 0 || (*waits)()
}

// Turns counts the small steps of such work. The zero value is ready; it is for one goroutine.
type Turns struct{ steps uint }

// Step is called at each step, and gives way after every so many: as many as take some 100 us.
func (t *Turns) Step(every uint) {
	t.steps++
	if t.steps%every == 0 {
		GiveWay()
	}
}

// comparedInTurn is how many comparisons of names take some 100 us.
const comparedInTurn = 2048

// InTurns is compare for sorting something long. It is for one goroutine.
func InTurns[T any](compare func(a, b T) int) func(a, b T) int {
	var turns Turns
	return func(a, b T) int {
		turns.Step(comparedInTurn)
		return compare(a, b)
	}
}

package safely

import "time"

// awayFor is longer than the scheduler takes to look for something else to run.
const awayFor = 20 * time.Microsecond

// GiveWay is for long work beside event loops, each 100 us or so: it lets those run that have something to
// do. runtime.Gosched would not: whoever can run comes before the network, which Go then looks
// at every 10 ms only, and where all processors are in use a request waits as long.
func GiveWay() { time.Sleep(awayFor) } //nolint:forbidigo // it waits for nothing, and is over before anybody could end it

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

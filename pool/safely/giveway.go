package safely

import "time"

// awayFor is longer than the scheduler takes to look for something else to run.
const awayFor = 20 * time.Microsecond

// GiveWay is for long work beside event loops, each 100 us or so: it lets those run that have something to
// do. runtime.Gosched would not: whoever can run comes before the network, which Go then looks
// at every 10 ms only, and where all processors are in use a request waits as long.
func GiveWay() { time.Sleep(awayFor) } //nolint:forbidigo // it waits for nothing, and is over before anybody could end it

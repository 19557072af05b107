package engine

import (
	"flag"
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

// waitersAtOnce is how many of the tests that mostly wait (t.Parallel) run at a time, behind the others.
const waitersAtOnce = "4"

// TestMain fails the run when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	checksPhases = true // every test holds each step of each exchange against transitions
	registerHandlers()
	registerBug()
	flag.Parse()
	if err := flag.Set("test.parallel", waitersAtOnce); err != nil {
		panic(err)
	}
	leak.Main(m)
}

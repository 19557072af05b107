package engine

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

// TestMain fails the run when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	checksPhases = true // every test holds each step of each exchange against transitions
	registerHandlers()
	registerBug()
	leak.Main(m)
}

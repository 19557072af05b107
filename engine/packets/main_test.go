package packets

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

// TestMain fails the run when a test leaves a goroutine behind.
func TestMain(m *testing.M) { leak.Main(m) }

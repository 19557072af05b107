package token

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

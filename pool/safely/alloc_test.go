//go:build !race

package safely_test

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/safely"
)

func TestAFuncThatWasMadeDoesNotAllocate(t *testing.T) {
	done := make(chan struct{})
	own := safely.Own(func() {
		defer func() { safely.Caught("own", recover()) }()
		safely.Enter("own")
		done <- struct{}{}
	})
	made := safely.New("new", func() { done <- struct{}{} }, nil)
	if n := testing.AllocsPerRun(1000, func() {
		own.Go()
		<-done
		made.Go()
		<-done
	}); n != 0 {
		t.Errorf("two starts allocate %v times; want 0", n)
	}
}

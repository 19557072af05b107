package engine

import (
	"sync/atomic"
	"testing"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// A rival that has won and then met a bug brings no answer: who ends the race does not
// wait for it.
func TestRaceEndsWithoutItsWinner(t *testing.T) {
	for _, heard := range []bool{false, true} {
		r := newRace(2, socket.NewBell())
		for range 2 {
			r.rivals = append(r.rivals, &rival{race: r, bell: socket.NewBell()})
			r.ended <- nil
		}
		r.state.Store(raceWon)
		if heard {
			if v := r.await(r.bell); v != nil {
				t.Fatalf("got %p; want none", v)
			}
		}
		var ended atomic.Bool
		go func() {
			r.end()
			ended.Store(true)
		}()
		eventually(t, func() string { return "the race has ended" }, ended.Load)
		for _, v := range r.rivals {
			select {
			case <-v.bell.Rung():
			default:
				t.Error("a rival goes on")
			}
		}
	}
}

package algo

import "sync/atomic"

// turn is the state that passes from a view to the next: one counter for whose
// turn it is. Old and new view share it, so that picks that still run on the
// old one count too. Every value is legal for every view (it is taken modulo
// the length), so a stale read only repeats or skips a turn. It fills cache
// lines of its own because every pick writes it.
type turn struct {
	_     [64]byte
	count atomic.Uint32
	// hint is a position that was found little loaded; least_connections only.
	hint atomic.Uint32
	_    [120]byte
}

// take returns the number of this turn, from 0 on. It has 32 bits because a
// division of 64 takes 10 ns longer on some processors; once in 2^32 turns the
// order has a seam.
func (t *turn) take() uint32 { return t.count.Add(1) - 1 }

// turner is a balancer that takes turns.
type turner interface{ turns() *turn }

// turns lets balancers inherit by embedding.
func (t *turn) turns() *turn { return t }

// inherit returns the turn of prev, or a new one.
func inherit(prev Balancer) *turn {
	if t, ok := prev.(turner); ok {
		return t.turns()
	}
	return new(turn)
}

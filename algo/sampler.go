package algo

import "math/bits"

// sampler draws positions in proportion to their weights in constant time: the
// alias method (Walker 1977, built as by Vose 1991). n cells of equal size are
// each shared by at most two members; a draw chooses a cell, then a side. With
// equal weights there are no cells. The error of a share is at most 2^-32.
type sampler struct {
	n     uint64
	cells []cell
	sums  []uint64 // of the weights before each position, and of all; nil without cells
}

// cell belongs to its own position below keep, of 2^32, and to other above.
type cell struct {
	keep  uint32
	other uint16
}

func newSampler(v *view) sampler {
	s := sampler{n: uint64(len(v.ids))}
	if v.uniform {
		return s
	}
	s.cells = make([]cell, s.n)
	s.sums = make([]uint64, s.n+1)
	for i, w := range v.weights {
		s.sums[i+1] = s.sums[i] + uint64(w)
	}
	parts := make([]uint64, s.n) // what is still to be placed, in 1/n of total
	var small, large []uint16    // positions with less than one cell, and the rest
	for i, w := range v.weights {
		s.cells[i].other = uint16(i)
		if parts[i] = uint64(w) * s.n; parts[i] < v.total {
			small = append(small, uint16(i))
		} else {
			large = append(large, uint16(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		little, much := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		keep, _ := bits.Div64(parts[little]>>32, parts[little]<<32, v.total)
		s.cells[little] = cell{keep: uint32(keep), other: much}
		if parts[much] -= v.total - parts[little]; parts[much] < v.total {
			large = large[:len(large)-1]
			small = append(small, much)
		}
	}
	return s
}

// draw returns a position for a random number, and what is left of its
// randomness (about 32 bits when there are cells).
func (s *sampler) draw(r uint64) (position int, rest uint64) {
	at, rest := below(r, s.n)
	if s.cells == nil {
		return int(at), rest
	}
	c := s.cells[at]
	position = int(c.other)
	if rest>>32 < uint64(c.keep) { // a coin flip: compiled to a conditional move
		position = int(at)
	}
	return position, rest << 32
}

// drawsMax bounds how often a draw that falls on a tried member is repeated.
const drawsMax = 8

// drawUntried draws until an untried member comes up; after drawsMax draws it
// chooses among what is left. It returns -1 when nobody is left.
func (s *sampler) drawUntried(v *view, r uint64, tried Tried) int {
	for range drawsMax {
		position, _ := s.draw(r)
		if !v.isTried(position, tried) {
			return position
		}
		r = mix(r + golden)
	}
	return v.left(r, tried)
}

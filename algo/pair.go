package algo

import "math/bits"

// pair draws two different candidates, for p2c and peak_ewma: the first one in
// proportion to the weights, the second one in proportion to those of the others.
// There must be at least two members.
func (s *sampler) pair(r uint64) (first, second int) {
	first, rest := s.draw(r)
	if s.cells == nil {
		step, _ := below(rest, s.n-1)
		if second = first + 1 + int(step); second >= int(s.n) {
			second -= int(s.n)
		}
		return first, second
	}
	if s.n == 2 {
		return first, 1 - first
	}
	for range redrawsMax {
		r = mix(r + golden)
		if second, _ = s.draw(r); second != first {
			return first, second
		}
	}
	return first, s.drawBeside(mix(r+golden), first)
}

// redrawsMax bounds the draws for a second candidate. A member so heavy that it
// comes up each time is left out of a search, which costs 20 ns at 256 members.
const redrawsMax = 2

// drawBeside returns a position other than taken in proportion to the weights:
// a binary search over their sums, without a branch for the outcome.
func (s *sampler) drawBeside(r uint64, taken int) int {
	from, to := s.sums[taken], s.sums[taken+1]
	at, _ := below(r, s.sums[s.n]-(to-from))
	if at >= from {
		at += to - from
	}
	low := uint64(0) // the last position whose sum of those before is at most at
	for step := uint64(1) << bits.Len64(s.n-1) >> 1; step > 0; step >>= 1 {
		if next := low + step; next < s.n && s.sums[next] <= at {
			low = next
		}
	}
	return int(low)
}

// pairUntried is pair among the untried. second is -1 when one is left, and
// both are when nobody is.
func (s *sampler) pairUntried(v *view, q Query) (first, second int) {
	first = s.drawUntried(v, q.Random, q.Tried)
	if first < 0 {
		return -1, -1
	}
	if q.Tried.Len() == TriedMax {
		return first, -1 // no room to remember first: one candidate has to do
	}
	q.Tried.Add(int(v.ids[first]))
	return first, s.drawUntried(v, mix(q.Random+golden), q.Tried)
}

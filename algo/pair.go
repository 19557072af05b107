package algo

// pair draws two different candidates in proportion to the weights, for p2c and
// peak_ewma. When a member is so heavy that it comes up twice, a neighbour at a
// random distance is the second one. There must be at least two members.
func (s *sampler) pair(r uint64) (first, second int) {
	first, rest := s.draw(r)
	if s.cells != nil {
		r = mix(r + golden)
		if second, rest = s.draw(r); second != first {
			return first, second
		}
	}
	step, _ := below(rest, s.n-1)
	if second = first + 1 + int(step); second >= int(s.n) {
		second -= int(s.n)
	}
	return first, second
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

package headroom

import "math"

// timesMost bounds what is told: beyond that other things happen first.
const timesMost = 1000

// refusedAt is how many standard deviations above its mean the use of a limit may be so that
// 1 % of those who come find it reached.
const refusedAt = 2.33

// spread is what a minute has seen of one use.
type spread struct {
	mean, variance float64
	looks          float64 // how many independent ones
}

// uncertain is the standard deviation of the mean.
func (s *spread) uncertain() float64 { return math.Sqrt(s.variance / max(s.looks, 1)) }

// deviation is the standard deviation of one look.
func (s *spread) deviation() float64 { return math.Sqrt(s.variance) }

// occupied is by how much the load may grow until a limit is reached that refuses: of most,
// where constant is there without load. The use of random arrivals varies as much as its mean
// (Poisson), that of steady ones less; here it goes on to vary as it was seen to do. In the best
// case the mean may reach the limit.
func occupied(s *spread, constant, most float64) Range {
	grows := s.mean - constant
	dispersion := min(s.variance/max(s.mean, 1e-9), 10)
	off := 2 * s.uncertain()
	return Range{
		Low:   reached(grows+off, max(dispersion, min(1, 2*dispersion)), most-constant),
		Times: reached(grows, dispersion, most-constant),
		High:  bounded((most - constant) / max(grows-off, grows/2)),
	}
}

// reached solves times*grows + refusedAt*sqrt(dispersion*times*grows) = room.
func reached(grows, dispersion, room float64) float64 {
	if grows <= 0 {
		return timesMost
	}
	b := refusedAt * math.Sqrt(dispersion)
	root := (math.Sqrt(b*b+4*max(room, 0)) - b) / 2
	return bounded(root * root / grows)
}

// queued is the same for a limit at which one may wait: it is reached when the slowest 1 % wait
// for longer than longest. hold is how long each has it, as is longest in seconds.
func queued(s *spread, most, hold, longest float64) Range {
	until := busyUntil(longest, most, hold, 1)
	off := 2 * s.uncertain()
	return Range{
		Low:   bounded(busyUntil(longest/2, most, hold, 1) * most / (s.mean + off)),
		Times: bounded(until * most / s.mean),
		High:  bounded(most / max(s.mean-off, s.mean/2)),
	}
}

func bounded(times float64) float64 {
	if math.IsNaN(times) {
		return timesMost
	}
	return min(max(times, 0), timesMost)
}

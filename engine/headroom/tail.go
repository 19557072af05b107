package headroom

import "math"

// tailShare is the part of requests that the tail is about: the slowest 1 %.
const tailShare = 0.01

// busyMost is the share of what there is above which no law says anything any more: there is
// always something else to do.
const busyMost = 0.99

// queueTail is how long the slowest 1 % wait in a queue before places places, of which the
// share busy is in use, by requests that hold one for hold (any unit of time; so is the
// result): P(wait > t) = C exp(-places (1-busy) t / (hold variability)), where C is the share
// that has to wait at all. variability is 1 where the holding times are exponential and
// arrivals random, and by Pollaczek and Khinchine (1 + cv^2) / 2 of others.
func queueTail(busy, places, hold, variability float64) float64 {
	if busy <= 0 || hold <= 0 {
		return 0
	}
	wait := math.Log(hasToWait(busy, places) / tailShare)
	if wait <= 0 {
		return 0 // fewer than 1 % wait
	}
	return hold * variability * wait / (places * max(1-busy, 1e-9))
}

// hasToWait is the share of requests that find all places in use, by Sakasegawa; of one place
// it is the share of time in which that is used.
func hasToWait(busy, places float64) float64 {
	return math.Pow(busy, math.Sqrt(2*(places+1))-1)
}

// busyUntil is the share of the places that may be in use until the slowest 1 % wait for
// longer than longest, by queueTail; at most busyMost.
func busyUntil(longest, places, hold, variability float64) float64 {
	if longest <= 0 {
		return 0
	}
	low, high := 0.0, busyMost
	if queueTail(high, places, hold, variability) <= longest {
		return high
	}
	for range 40 { // to 1e-12
		middle := (low + high) / 2
		if queueTail(middle, places, hold, variability) <= longest {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

package health

// Verdict is what the probes of a backend say so far.
type Verdict uint8

const (
	// Unknown backends have not finished a probe that decided anything.
	Unknown Verdict = iota
	// Healthy backends may be picked.
	Healthy
	// Unhealthy backends are not picked, unless too few are left.
	Unhealthy
)

// String is the word the API shows.
func (v Verdict) String() string {
	switch v {
	case Healthy:
		return "healthy"
	case Unhealthy:
		return "unhealthy"
	case Unknown:
	}
	return "unknown"
}

// health is the state machine behind a verdict. It has no clock and no lock.
//
//	            good                       fall bad in a row
//	unknown --------------> healthy -------------------------> unhealthy
//	   |                       ^                                  |  ^
//	   |                       +----------------------------------+  |
//	   |                              rise good in a row             |
//	   +-------------------------------------------------------------+
//	                     fall bad in a row
//
// The zero value is unknown. One good probe is enough to begin with: there is
// no failure it would have to live down.
//
// Live traffic that fails definitely leads from anywhere to unhealthy: condemn.
// The way back is the same.
type health struct {
	verdict Verdict
	run     int  // probes in a row that speak against the verdict
	good    int  // probes in a row that confirm a good one, up to probeCalm
	pressed bool // condemned, and no probe has said anything since
}

// condemn makes the verdict unhealthy without a probe.
func (h *health) condemn() { *h = health{verdict: Unhealthy, pressed: true} }

// observe takes one probe and reports whether the verdict changed.
func (h *health) observe(good bool, rise, fall int) bool {
	h.pressed = false
	if !good {
		h.good = 0
	}
	if good == (h.verdict == Healthy) && h.verdict != Unknown {
		h.run = 0
		if good {
			h.good = min(h.good+1, probeCalm)
		}
		return false
	}
	if good && h.verdict == Unknown {
		h.verdict, h.run = Healthy, 0
		return true
	}
	h.run++
	switch {
	case good && h.run >= rise:
		h.verdict = Healthy
	case !good && h.run >= fall:
		h.verdict = Unhealthy
	default:
		return false
	}
	h.run = 0
	return true
}

// changing reports that the verdict is open: unknown, or the last probes spoke
// against it. Probes come faster then.
func (h *health) changing() bool { return h.verdict == Unknown || h.run > 0 }

// pace is how soon the next probe is wanted.
func (h *health) pace() pace {
	switch {
	case h.changing(), h.pressed:
		return hurried
	case h.verdict == Healthy && h.good >= probeCalm:
		return calm
	}
	return steady
}

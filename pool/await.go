package pool

import "time"

// awaitMax bounds how long a discovery counts as awaited, from its beginning: the
// first lookup takes lookupMax at most, and its answer a reload of the pools.
const awaitMax = 2 * lookupMax

// Awaits names a discovery that these pools are still without: its first lookup has
// neither answered nor failed, or it has answered and a Build with the answer is yet
// to come. Empty: there is none. Any goroutine may call it.
func (s *Set) Awaits() string {
	for _, p := range s.ordered {
		if d := p.discovery; d != nil && d.isAwaited(p.version) {
			return d.def.Name
		}
	}
	return ""
}

// isAwaited is Awaits for a pool with this version of the answer.
func (d *discovery) isAwaited(has uint64) bool {
	if time.Since(d.began) >= awaitMax {
		return false
	}
	select {
	case <-d.first:
	default:
		return has == 0
	}
	_, version := d.answer()
	return has == 0 && version > 0
}

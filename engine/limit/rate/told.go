package rate

// Told is what somebody else who keeps the key of an ask has said of it, for limits
// that several processes share. Its times are in parts of the limit's interval, of which
// 1<<Shift make one.
type Told struct {
	Shift   uint8
	Ahead   int64 // ahead of the clock, with this request where it passed
	Early   int64 // by which this request is too early, or until its block ends
	Refused bool
}

// Tell sets an ask as Take would have done. The table keeps nothing of it.
func (t *Table) Tell(a *Ask, told Told) {
	t.prepare(a)
	a.ahead = a.law.parts(told.Ahead, told.Shift)
	a.early = a.law.parts(told.Early, told.Shift)
	a.refused = told.Refused
}

// Decide is the result of asks that Tell has set.
func (t *Table) Decide(asks []Ask) Result { return decide(asks) }

// parts turns parts of an interval into units, rounded up.
func (w *law) parts(parts int64, shift uint8) int64 {
	if shift > w.shift {
		by := shift - w.shift
		return (parts + 1<<by - 1) >> by
	}
	by := w.shift - shift
	if parts > unitsMax>>by {
		return unitsMax
	}
	return parts << by
}

package route

// none is the absence of a route, site, node or group.
const none int32 = -1

// entry is a place of a route in a list: its number, and whether it asks more
// of a request than host and path. A route that asks nothing more is taken
// without touching its rule.
type entry int32

func newEntry(route int32, asks bool) entry {
	e := entry(route) << 1
	if asks {
		e |= 1
	}

	return e
}

func (e entry) route() int32 { return int32(e >> 1) }

func (e entry) asks() bool { return e&1 != 0 }

// list are the routes of one place, in order. A single route, which is the
// usual case, stands in the list itself; more stand in Index.entries[at:end].
// The zero value is empty.
type list struct {
	at  int32 // the entry itself where end is alone
	end int32
}

// alone marks a list of one.
const alone int32 = -1

func single(e entry) list { return list{at: int32(e), end: alone} }

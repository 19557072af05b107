package route

// Fields is the header of a request as the index reads it. It is implemented
// by a pointer, which an interface holds without allocating.
type Fields interface {
	// Len is the number of fields.
	Len() int
	// At returns name and value of field i, without white space around them.
	// The bytes are read only, and only during the lookup.
	At(i int) (name, value []byte)
}

// Query is a request as the index sees it. The caller owns every byte; nothing
// is kept after Lookup or Explain returns. A Query may live on the stack.
type Query struct {
	// Listener is the number of the listener in the order given to Build; a
	// number outside of it matches only routes for all listeners.
	Listener int
	// Host is the authority as the client sent it: any case, maybe with a port.
	Host []byte
	// Method as sent.
	Method []byte
	// Path is normalised: it begins with "/", except for "OPTIONS *".
	Path []byte
	// RawQuery is what follows "?", still encoded.
	RawQuery []byte
	// Head holds the fields; nil is an empty header.
	Head Fields
}

// Index is the route table. It never changes after Build; any goroutine may use
// it. The zero value and nil have no routes. It is a chain of tables, one for each
// priority in use, the highest first: where all routes have the same, as most do,
// there is one.
type Index struct {
	lower *Index // routes of the next lower priority; nil: there are none

	// Shared by the whole chain.
	rules        []rule
	descriptions []Description
	names        []string
	listeners    []string // of the first one

	entries []entry // of the lists with more than one route
	named   bool    // a route has a host
	wild    bool    // a route has a wildcard
	any     int32   // the site of routes for every host, or none
	// wildLengths has a bit for each length of a wildcard's suffix, so that a
	// host of many labels costs no look-up for suffixes nobody configured.
	wildLengths [hostBytesMax/64 + 1]uint64
	table       table // hosts -> sites, and children of wide nodes -> nodes
	sites       []site
	siteHosts   []string // the pattern of each site as described to people
	patterns    []patterns
	tree        tree
}

// none is the absence of a route, site, node or group.
const none int32 = -1

// site is what one host pattern serves.
type site struct {
	root     int32 // the tree's node for "", or none
	patterns int32 // position in Index.patterns, or none
	rest     list  // routes without a path
}

// Lookup returns the number of the route that takes the request, or -1. It
// allocates nothing, takes no lock and keeps nothing of q.
func (x *Index) Lookup(q *Query) int {
	if x == nil || len(x.sites) == 0 {
		return int(none)
	}

	host := hostOf(q.Host)
	if hasUpper(host) {
		return x.lookupFolded(q, host)
	}

	return x.lookup(q, host)
}

// lookupFolded is apart so that only clients that write a host in capitals pay
// for the buffer.
func (x *Index) lookupFolded(q *Query, host []byte) int {
	var buffer [hostBytesMax]byte

	return x.lookup(q, appendLower(buffer[:0], host))
}

func (x *Index) lookup(q *Query, host []byte) int {
	for t := x; t != nil; t = t.lower {
		if route := t.lookupTier(q, host); route != int(none) {
			return route
		}
	}

	return int(none)
}

func (x *Index) lookupTier(q *Query, host []byte) int {
	c := newCursor(x, host, q.Path)
	for {
		e, ok := c.next(x)
		if !ok {
			return int(none)
		}

		route := e.route()
		if !e.asks() {
			return int(route)
		}

		if failed, _ := x.rules[route].check(q); failed == nothing {
			return int(route)
		}
	}
}

// Len is the number of routes.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}

	return len(x.names)
}

// Names are the names of the routes in byte order; Lookup returns positions in
// it. The slice belongs to the index and must not be changed.
func (x *Index) Names() []string {
	if x == nil {
		return nil
	}

	return x.names
}

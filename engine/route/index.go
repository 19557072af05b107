package route

import "github.com/isame-lb/isame-lb/engine/match"

// Index is the route table. It never changes after Build; any goroutine may use
// it. The zero value and nil have no routes. It is a chain of tables, one for each
// priority in use, the highest first: where all routes have the same, as most do,
// there is one.
type Index struct {
	lower *Index // routes of the next lower priority; nil: there are none

	// Shared by the whole chain.
	drafts       []*draft
	descriptions []*Description
	names        []string
	listeners    []string            // of the first one
	compiled     map[string]compiled // likewise; expressions by their text, for a build that follows

	entries   []entry // of the lists with more than one route
	named     bool    // a route has a host
	any       int32   // the site of routes for every host, or none
	matched   int32   // the site of routes whose hosts are expressions, or none
	below     lengths // of what follows "*."
	begins    lengths // of what stands before ".*"
	hosts     expressions
	table     table // hosts -> sites, and children of wide nodes -> nodes
	sites     []site
	siteHosts []string // the pattern of each site as described to people
	patterns  []patterns
	tree      tree
}

// lengths has a bit for each length of what a star leaves of the patterns of one
// kind, so that a host of many labels costs no look-up for those nobody configured.
type lengths [match.HostBytesMax/64 + 1]uint64

func (l *lengths) add(n int) { l[n/64] |= 1 << (n % 64) }

func (l *lengths) has(n int) bool { return l[n/64]&(1<<(n%64)) != 0 }

func (l *lengths) any() bool { return *l != lengths{} }

// site is what one host pattern serves.
type site struct {
	root     int32 // the tree's node for "", or none
	patterns int32 // position in Index.patterns, or none
	rest     list  // routes without a path
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

// Description describes the route of the given number, which is one of Lookup's
// results.
func (x *Index) Description(route int) Description {
	return *x.descriptions[route]
}

package stat

import "sync/atomic"

// CodeNone counts exchanges that ended without a status: the client left, or
// the backend never answered. Codes outside 100-999 are counted here too.
const CodeNone = 0

const (
	codeClasses  = 10 // 0xx holds CodeNone; 1xx to 9xx
	codeDecades  = 10 // 200-209, 210-219, ... of one class
	codesDecade  = 10 // 200, 201, ... of one decade
	codeLimit    = codeClasses * codeDecades * codesDecade
	codeFirst    = 100
	decadePadded = 2 * lineBytes
)

// Codes counts by status code. Make it with NewCodes; it must not be copied
// after first use.
//
// A table of 1,000 cells for each route and shard would cost 8 KB, although
// most routes answer with five codes. So each shard has a tree of three levels
// (class, decade, cell) whose inner nodes appear when a code is first seen:
//
//   - nil -> node: made by the first writer, published by CompareAndSwap; the
//     loser drops its own node and takes the winner's, so that no count is lost;
//   - a node is never replaced or removed, which makes a pointer once loaded
//     valid for ever, and a stale nil harmless: the writer's CompareAndSwap
//     fails, the reader misses what is being added at this moment.
//
// The usual route costs 288 bytes a shard. Finding a cell takes three loads.
type Codes struct {
	rows []codeRow
}

// codeRow is the tree of one shard. It is written only when a class appears, so
// rows need no padding between them.
type codeRow struct {
	classes [codeClasses]atomic.Pointer[codeClass]
}

type codeClass struct {
	decades [codeDecades]atomic.Pointer[codeDecade]
}

// codeDecade holds the counts themselves. It fills whole cache lines: the
// allocator aligns an object of this size to it, so that two shards' decades
// never share a line.
type codeDecade struct {
	cells [codesDecade]atomic.Uint64
	_     [decadePadded - codesDecade*8]byte
}

// NewCodes returns an empty table for shards 0 to shards-1. Fewer than one
// shard means one.
func NewCodes(shards int) *Codes {
	return &Codes{rows: make([]codeRow, max(shards, 1))}
}

// Add counts code once in the stripe of shard. Any number of goroutines may
// call it. It allocates only when a shard sees the first code of a decade.
func (c *Codes) Add(shard, code int) {
	if code < codeFirst || code >= codeLimit {
		code = CodeNone
	}
	class, decade, cell := code/100, code/10%10, code%10
	node := c.rows[shard].classes[class].Load()
	if node == nil {
		node = publish(&c.rows[shard].classes[class])
	}
	cells := node.decades[decade].Load()
	if cells == nil {
		cells = publish(&node.decades[decade])
	}
	cells.cells[cell].Add(1)
}

// publish makes a node appear at slot, once; every caller gets the same one.
func publish[T any](slot *atomic.Pointer[T]) *T {
	fresh := new(T)
	if slot.CompareAndSwap(nil, fresh) {
		return fresh
	}
	return slot.Load()
}

// Count returns how often code was counted in all shards.
func (c *Codes) Count(code int) uint64 {
	if code < 0 || code >= codeLimit {
		return 0
	}
	var total uint64
	for shard := range c.rows {
		if cells := c.decade(shard, code/10); cells != nil {
			total += cells.cells[code%10].Load()
		}
	}
	return total
}

// Total returns how often anything was counted.
func (c *Codes) Total() uint64 {
	var total uint64
	c.Each(func(_ int, n uint64) { total += n })
	return total
}

// Class returns how often codes from class*100 to class*100+99 were counted.
func (c *Codes) Class(class int) uint64 {
	var total uint64
	c.Each(func(code int, n uint64) {
		if code/100 == class {
			total += n
		}
	})
	return total
}

// Each calls f for every code that was counted, in rising order, with its count
// over all shards.
func (c *Codes) Each(f func(code int, n uint64)) {
	for decade := 0; decade < codeClasses*codeDecades; decade++ {
		if decade%codeDecades == 0 && !c.hasClass(decade/codeDecades) {
			decade += codeDecades - 1
			continue
		}
		var counts [codesDecade]uint64
		for shard := range c.rows {
			cells := c.decade(shard, decade)
			if cells == nil {
				continue
			}
			for i := range counts {
				counts[i] += cells.cells[i].Load()
			}
		}
		for i, n := range counts {
			if n > 0 {
				f(decade*codesDecade+i, n)
			}
		}
	}
}

// AddShards adds to each total how often anything was counted in that shard; there are as many
// totals as shards.
func (c *Codes) AddShards(totals []uint64) {
	for shard := range c.rows {
		for class := range c.rows[shard].classes {
			node := c.rows[shard].classes[class].Load()
			if node == nil {
				continue
			}
			for decade := range node.decades {
				if cells := node.decades[decade].Load(); cells != nil {
					for i := range cells.cells {
						totals[shard] += cells.cells[i].Load()
					}
				}
			}
		}
	}
}

// hasClass reports that a shard has counted a code of the class.
func (c *Codes) hasClass(class int) bool {
	for shard := range c.rows {
		if c.rows[shard].classes[class].Load() != nil {
			return true
		}
	}
	return false
}

// decade returns the cells of codes decade*10 to decade*10+9, nil when none of
// them was seen by the shard.
func (c *Codes) decade(shard, decade int) *codeDecade {
	node := c.rows[shard].classes[decade/codeDecades].Load()
	if node == nil {
		return nil
	}
	return node.decades[decade%codeDecades].Load()
}

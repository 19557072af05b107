package observe

import (
	"maps"
	"net/http"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// Requests returns the number of finished exchanges of the process.
func (r *Registry) Requests() uint64 {
	var total uint64
	for _, cells := range r.routeCells() {
		total += cells.codes.Total()
	}
	return total
}

// Traffic is what all exchanges together came to.
type Traffic struct {
	// Requests are the finished exchanges, Failed those of them that were answered with a
	// status from 500 to 599.
	Requests, Failed uint64
	// Classes are the finished exchanges by the first digit of their status: 0 are those without
	// an answer, and 5 has what is above as well.
	Classes [6]uint64
	// Shards are those that each event loop has carried.
	Shards    []uint64
	Durations stat.Snapshot
}

// routesInTurn is how many are added up before others may run, some 100 us.
const routesInTurn = 128

// Traffic returns the counts since the start of the process.
func (r *Registry) Traffic() Traffic {
	t := Traffic{Shards: make([]uint64, r.shards)}
	var turns safely.Turns
	for _, cells := range r.routeCells() {
		turns.Step(routesInTurn)
		cells.codes.Each(func(code int, n uint64) {
			t.Requests += n
			t.Classes[min(code/100, len(t.Classes)-1)] += n
			if code/100 == http.StatusInternalServerError/100 {
				t.Failed += n
			}
		})
		cells.codes.AddShards(t.Shards)
		cells.durations.AddTo(&t.Durations)
	}
	return t
}

// RequestsByRoute returns the number of finished exchanges of each route that
// had any, over all listeners. The empty name stands for exchanges without a route.
func (r *Registry) RequestsByRoute() map[string]uint64 {
	totals := map[string]uint64{}
	for key, cells := range r.routeCells() {
		totals[key.route] += cells.codes.Total()
	}
	return totals
}

// UnusedByRoute is for how long each route that ever had an exchange has had none, over all
// listeners, to a second or two. nowNanos is of the clock of Used. The empty name stands
// for exchanges without a route.
func (r *Registry) UnusedByRoute(nowNanos int64) map[string]time.Duration {
	unused := map[string]time.Duration{}
	for key, cells := range r.routeCells() {
		var last int64
		for i := range cells.used {
			last = max(last, cells.used[i].tick.Load())
		}
		if last == 0 {
			continue
		}
		since := max(0, time.Duration(nowNanos-(last-1)<<useTick))
		if was, known := unused[key.route]; !known || since < was {
			unused[key.route] = since
		}
	}
	return unused
}

// RequestsByListener returns the number of finished exchanges of each listener
// that had any.
func (r *Registry) RequestsByListener() map[string]uint64 {
	totals := map[string]uint64{}
	for key, cells := range r.routeCells() {
		totals[key.listener] += cells.codes.Total()
	}
	return totals
}

// routeCells returns the routes that took traffic, so that sums are made
// without holding back who joins.
func (r *Registry) routeCells() map[routeKey]*routeCells {
	r.names.Lock()
	defer r.names.Unlock()
	return maps.Clone(r.names.routes)
}

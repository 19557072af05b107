package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

// topTab is one of the tables of top.
type topTab struct {
	name    string
	columns []column
	// rows are those of what came between two looks.
	rows func(was, now *look, s *screen) []topRow
}

// topRow is a row with the values that it is sorted by, one for each column; nil sorts by
// the text.
type topRow struct {
	cells []cell
	by    []float64
	at    place // of a backend
}

// sortedByName marks a column that is sorted by its text.
var sortedByName = math.NaN()

// topTabs are all of them, in their order.
func topTabs() []topTab {
	return []topTab{
		{"routes", []column{
			{title: titleRoute, min: 8},
			{title: "REQ/S", right: true},
			{title: "5XX", right: true},
			{title: "P50", right: true},
			{title: "P99", right: true},
			{title: titleRequests, right: true, drop: 1},
			{title: "ACTION", min: 8, drop: 2},
		}, routeRows},
		{"pools", []column{
			{title: titlePool, min: 8},
			{title: "UP", right: true},
			{title: "INFL", right: true},
			{title: "REQ/S", right: true},
			{title: "FAIL/S", right: true},
			{title: "P50", right: true},
			{title: "P99", right: true},
			{title: "ALGORITHM", prose: true, min: 8, drop: 1},
		}, poolRows},
		{"backends", []column{
			{title: titlePool, min: 6, drop: 2},
			{title: titleBackend, min: 15},
			{title: "STATUS"},
			{title: "BREAKER"},
			{title: "INFL", right: true},
			{title: "REQ/S", right: true},
			{title: "FAIL/S", right: true},
			{title: "WEIGHT", right: true, drop: 3},
			{title: "REASON", prose: true, min: 8, drop: 1},
		}, backendRows},
		{"clients", []column{
			{title: "KEY", min: 16},
			{title: "USED", right: true},
			{title: "REMAINING", right: true},
			{title: "RESET", right: true},
			{title: "LIMIT", min: 8},
			{title: "STAGE", min: 8, drop: 1},
		}, clientRows},
	}
}

func routeRows(was, now *look, _ *screen) []topRow {
	before := map[string]uint64{}
	for i := range was.routes {
		before[was.routes[i].Name] = was.routes[i].Requests
	}
	between := now.at.Sub(was.at)
	rows := make([]topRow, 0, len(now.routes))
	for i := range now.routes {
		r := &now.routes[i]
		rate := perSecond(float64(before[r.Name]), float64(r.Requests), between)
		failed := perSecond(was.failures(r.Name), now.failures(r.Name), between)
		p50, p99 := quantiles(was.buckets(familyDurations, labelRoute, r.Name), now.buckets(familyDurations, labelRoute, r.Name))
		rows = append(rows, topRow{
			cells: []cell{
				c(r.Name), c(rateText(rate)), shareOf(failed, rate), c(secondsText(p50)), c(secondsText(p99)), c(count(r.Requests)),
				c(actionText(&r.Action)),
			},
			by: []float64{sortedByName, rate, failed / max(rate, 1e-9), p50, p99, float64(r.Requests), sortedByName},
		})
	}
	return rows
}

func poolRows(was, now *look, _ *screen) []topRow {
	before := map[string]pool.Status{}
	for i := range was.pools {
		before[was.pools[i].Name] = was.pools[i]
	}
	between := now.at.Sub(was.at)
	rows := make([]topRow, 0, len(now.pools))
	for i := range now.pools {
		p := &now.pools[i]
		b := before[p.Name]
		rate := perSecond(float64(b.Requests), float64(p.Requests), between)
		failed := perSecond(float64(b.Failures), float64(p.Failures), between)
		p50, p99 := quantiles(was.buckets(familyAttempts, labelPool, p.Name), now.buckets(familyAttempts, labelPool, p.Name))
		rows = append(rows, topRow{
			cells: []cell{
				c(p.Name), upOf(p.Healthy, p.Members, p.Panic), c(count(p.InFlight)), c(rateText(rate)), failedOf(failed),
				c(secondsText(p50)), c(secondsText(p99)), c(p.Algorithm),
			},
			by: []float64{sortedByName, float64(p.Healthy), float64(p.InFlight), rate, failed, p50, p99, sortedByName},
		})
	}
	return rows
}

func backendRows(was, now *look, _ *screen) []topRow {
	before := map[place]pool.BackendStatus{}
	for i := range was.pools {
		for _, b := range was.pools[i].Backends {
			before[place{was.pools[i].Name, b.Address}] = b
		}
	}
	between := now.at.Sub(was.at)
	var rows []topRow
	for i := range now.pools {
		for j := range now.pools[i].Backends {
			b := &now.pools[i].Backends[j]
			at := place{now.pools[i].Name, b.Address}
			rate := perSecond(float64(before[at].Requests), float64(b.Requests), between)
			failed := perSecond(float64(before[at].Failures), float64(b.Failures), between)
			rows = append(rows, topRow{
				cells: []cell{
					c(at.pool), c(b.Address), statusOf(b), breakerOf(b), c(count(b.InFlight)), c(rateText(rate)), failedOf(failed),
					c(weightOf(b)), c(b.Reason),
				},
				by: []float64{
					sortedByName, sortedByName, sortedByName, sortedByName, float64(b.InFlight), rate, failed, float64(b.Weight), sortedByName,
				},
				at: at,
			})
		}
	}
	return rows
}

// clientRows are the keys that come closest to a limit, which is where clients are known.
func clientRows(_, now *look, _ *screen) []topRow {
	var rows []topRow
	for i := range now.limiters {
		l := &now.limiters[i]
		for _, k := range l.Fullest {
			key := k.Key
			if key == "" {
				key = "(secret " + k.ID + ")"
			}
			reset := time.Duration(k.ResetSeconds * float64(time.Second)).Round(time.Millisecond)
			rows = append(rows, topRow{
				cells: []cell{c(key), usedOf(k.Used), c(count(k.Remaining)), c(reset.String()), c(k.Limit), c(l.Stage)},
				by:    []float64{sortedByName, k.Used, float64(k.Remaining), k.ResetSeconds, sortedByName, sortedByName},
			})
		}
	}
	return rows
}

// sortRows sorts by a column: numbers from the largest, texts from the first; back the other
// way round.
func sortRows(rows []topRow, by int, back bool) {
	slices.SortStableFunc(rows, func(a, b topRow) int {
		x, y := a.by[by], b.by[by]
		order := cmp.Compare(orLeast(y), orLeast(x))
		if math.IsNaN(x) && math.IsNaN(y) {
			order = strings.Compare(a.cells[by].text, b.cells[by].text)
		}
		if back {
			return -order
		}
		return order
	})
}

// orLeast puts what is not known behind all else.
func orLeast(x float64) float64 {
	if math.IsNaN(x) {
		return math.Inf(-1)
	}
	return x
}

func rateText(rate float64) string {
	if rate < 100 {
		return fmt.Sprintf("%.1f", rate)
	}
	return count(int64(math.Round(rate)))
}

// secondsText is a latency in three digits; a dash where there is none.
func secondsText(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "-"
	case seconds < 0.001:
		return fmt.Sprintf("%.0fus", seconds*1e6)
	case seconds < 0.01:
		return fmt.Sprintf("%.1fms", seconds*1e3)
	case seconds < 1:
		return fmt.Sprintf("%.0fms", seconds*1e3)
	}
	return fmt.Sprintf("%.1fs", seconds)
}

// shareOf is the failed part of a rate.
func shareOf(failed, rate float64) cell {
	if failed <= 0 || rate <= 0 {
		return c("0%")
	}
	share := min(1, failed/rate)
	st := yellow
	if share >= 0.05 {
		st = red
	}
	return cell{fmt.Sprintf("%.1f%%", 100*share), st}
}

func failedOf(rate float64) cell {
	if rate <= 0 {
		return c("0")
	}
	return cell{rateText(rate), red}
}

package sim

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/isame-lb/isame-lb/algo"
)

// Outcome is what one scenario did to each algorithm.
type Outcome struct {
	Scenario string `json:"scenario"`
	Title    string `json:"title"`
	Rows     []Row  `json:"algorithms"`
	odd      bool
}

// Row is the outcome of one run, measured over the second half of its requests.
type Row struct {
	Algorithm string `json:"algorithm"`
	// LoadMax is the most requests a backend got for its weight over the mean of
	// all, LoadCV their coefficient of variation.
	LoadMax float64 `json:"load_max_over_mean"`
	LoadCV  float64 `json:"load_cv"`
	// Peak is the most requests that were at one backend at a time.
	Peak int `json:"peak"`
	// Latency in microseconds. Timeouts are in it, errors are not.
	Mean float64 `json:"mean_us"`
	P50  float64 `json:"p50_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
	// Requests were sent, Lost of them ended with an error or a timeout.
	Requests uint64 `json:"requests"`
	Lost     uint64 `json:"lost"`
	// Odd is the share of requests, 0 to 1, that went to the backend that is slow
	// or fails. 0 where there is none.
	Odd float64 `json:"odd_share"`
	// Rate is in requests a second, InFlight the mean over time.
	Rate     float64 `json:"requests_per_second"`
	InFlight float64 `json:"in_flight"`
}

// Run simulates a scenario with each of the algorithms, as many at a time as
// there are cores. No algorithm means all that there are.
func Run(ctx context.Context, p Plan, s Scenario, kinds []algo.Kind) (*Outcome, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if len(kinds) == 0 {
		kinds = algo.Kinds()
	}
	o := &Outcome{Scenario: s.Name, Title: s.Title, Rows: make([]Row, len(kinds)), odd: s.hasOdd()}
	errs := make([]error, len(kinds))
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for i, kind := range kinds {
		places <- struct{}{}
		running.Go(func() {
			o.Rows[i], errs[i] = runOne(ctx, p, s, kind)
			<-places
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("cannot simulate the scenario %q: %w", s.Name, err)
		}
	}
	return o, nil
}

func runOne(ctx context.Context, p Plan, s Scenario, kind algo.Kind) (Row, error) {
	w, err := newWorld(p, s, kind)
	if err != nil {
		return Row{}, err
	}
	if err := w.run(ctx); err != nil {
		return Row{}, err
	}
	r := w.row()
	r.Algorithm = kind.String()
	return r, nil
}

// row computes the figures after a run.
func (w *world) row() Row {
	const micro = 1e3
	seconds := max(float64(w.toNanos-w.fromNanos), 1) / 1e9
	r := Row{
		Mean: w.latency.Mean() / micro, P50: float64(w.latency.Quantile(0.5)) / micro,
		P99: float64(w.latency.Quantile(0.99)) / micro, P999: float64(w.latency.Quantile(0.999)) / micro,
		Requests: uint64(w.Requests / 2), Lost: w.lost, InFlight: w.area / seconds / 1e9,
	}
	r.Rate = float64(r.Requests) / seconds
	var sum, squares, most float64
	for i := range w.backends {
		b := &w.backends[i]
		load := float64(b.taken) / float64(w.weight(i))
		sum, squares, most = sum+load, squares+load*load, max(most, load)
		r.Peak = max(r.Peak, b.peak)
	}
	n := float64(len(w.backends))
	mean := max(sum/n, 1e-9)
	r.LoadMax, r.LoadCV = most/mean, math.Sqrt(max(squares/n-mean*mean, 0))/mean
	if w.odd != none {
		r.Odd = float64(w.backends[w.odd].taken) / float64(r.Requests)
	}
	return r
}

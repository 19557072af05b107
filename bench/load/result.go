package load

import (
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/bench/hist"
)

// Result is the outcome of a run: what was counted after the warm-up. Times
// that end in US are microseconds.
type Result struct {
	URL         string  `json:"url"`
	Mode        string  `json:"mode"` // closed or open
	Connections int     `json:"connections"`
	Threads     int     `json:"threads"`
	RateAsked   float64 `json:"rate_asked,omitempty"`
	Seconds     float64 `json:"seconds"`
	Warmup      float64 `json:"warmup_seconds"`

	Requests uint64            `json:"requests"` // complete answers
	Handled  uint64            `json:"handled"`  // the same with those of the warm-up
	Errors   uint64            `json:"errors"`   // requests without one
	Unsent   uint64            `json:"unsent"`   // open loop: due, but never sent
	Answers  map[string]uint64 `json:"answers"`  // by status code
	Causes   map[string]uint64 `json:"errors_by_cause"`
	Samples  map[string]string `json:"error_samples,omitempty"` // one text for each cause

	Rate        float64 `json:"requests_per_second"`
	BytesIn     uint64  `json:"bytes_received"`
	BytesOut    uint64  `json:"bytes_sent"`
	Opened      uint64  `json:"connections_opened"`
	Resumed     uint64  `json:"tls_sessions_resumed,omitempty"` // of these connections
	Interrupted bool    `json:"interrupted,omitempty"`

	Latency   Latency   `json:"latency"`
	Connect   Latency   `json:"connect"`
	Generator Generator `json:"generator"`
	Series    []Point   `json:"series"`

	// TargetCPU is the CPU time of the target for one request in microseconds,
	// where somebody measured it between Plan.Begin and Plan.End.
	TargetCPU float64 `json:"target_cpu_us_per_request,omitempty"`

	// Histogram is Latency in full, in nanoseconds.
	Histogram *hist.H   `json:"-"`
	Began     time.Time `json:"began"`

	inTime uint64
}

// Latency summarises a histogram, in microseconds.
type Latency struct {
	Count  uint64  `json:"count"`
	Min    float64 `json:"min_us"`
	Mean   float64 `json:"mean_us"`
	StdDev float64 `json:"stddev_us"`
	P50    float64 `json:"p50_us"`
	P75    float64 `json:"p75_us"`
	P90    float64 `json:"p90_us"`
	P95    float64 `json:"p95_us"`
	P99    float64 `json:"p99_us"`
	P999   float64 `json:"p999_us"`
	P9999  float64 `json:"p9999_us"`
	Max    float64 `json:"max_us"`
}

// Point is one interval of a run.
type Point struct {
	Seconds float64 `json:"seconds"` // its end, since the end of the warm-up
	Rate    float64 `json:"requests_per_second"`
	Errors  uint64  `json:"errors"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Max     float64 `json:"max_us"`
}

// summarise reads the figures of Latency off a histogram of nanoseconds.
func summarise(h *hist.H) Latency {
	q := func(q float64) float64 { return float64(h.Quantile(q)) / 1e3 }
	return Latency{
		Count: h.Count(), Min: float64(h.Min()) / 1e3, Mean: h.Mean() / 1e3, StdDev: h.StdDev() / 1e3,
		P50: q(0.5), P75: q(0.75), P90: q(0.9), P95: q(0.95), P99: q(0.99), P999: q(0.999), P9999: q(0.9999),
		Max: float64(h.Max()) / 1e3,
	}
}

// gather adds up what the workers counted.
func gather(t *target, workers []*worker) *Result {
	r := &Result{
		URL: t.URL, Mode: "closed", Connections: t.Connections, Threads: t.Threads, RateAsked: t.Rate,
		Warmup: t.Warmup.Seconds(), Answers: map[string]uint64{}, Causes: map[string]uint64{},
		Samples: map[string]string{}, Histogram: hist.New(hist.Fine),
	}
	if t.Rate > 0 {
		r.Mode = "open"
	}
	connect, lag := hist.New(hist.Fine), hist.New(hist.Fine)
	wall := int64(0)
	for _, w := range workers {
		r.add(w.record)
		connect.Merge(w.record.connect)
		lag.Merge(w.record.lag)
		wall = max(wall, w.meter.wall)
	}
	r.Seconds = float64(wall) / 1e9
	done := r.Requests
	if t.Duration > 0 {
		// What comes in after the end counts for everything but the rate.
		r.Seconds, done = min(r.Seconds, t.Duration.Seconds()), r.inTime
	}
	if r.Seconds > 0 {
		r.Rate = float64(done) / r.Seconds
	}
	r.Latency, r.Connect = summarise(r.Histogram), summarise(connect)
	r.Series = series(workers)
	r.Generator = judge(r, workers, lag)
	return r
}

// add adds the counters of one worker.
func (r *Result) add(rec *recorder) {
	for status, n := range &rec.status {
		if n > 0 {
			r.Answers[strconv.Itoa(status)] += n
		}
	}
	for i, n := range rec.errors {
		if n > 0 {
			cause := Cause(i).String()
			r.Causes[cause] += n
			r.Errors += n
			if r.Samples[cause] == "" && rec.samples[i] != "" {
				r.Samples[cause] = rec.samples[i]
			}
		}
	}
	r.Requests += rec.answers
	r.Handled += rec.handled
	r.inTime += rec.inTime
	r.BytesIn += rec.bytesIn
	r.BytesOut += rec.bytesOut
	r.Opened += rec.opened
	r.Resumed += rec.resumed
	r.Unsent += rec.unsent
	r.Histogram.Merge(rec.latency)
}

// series joins the intervals of the workers. All have advanced to about the
// same time; one that lags behind by a doubling is caught up.
func series(workers []*worker) []Point {
	length := int64(0)
	for _, w := range workers {
		length = max(length, w.record.slotLen)
	}
	joined := hist.New(hist.Coarse)
	var out []Point
	for i := range slots {
		joined.Reset()
		errors, used := uint64(0), false
		for _, w := range workers {
			r := w.record
			for r.slotLen < length {
				r.halve()
			}
			if i <= r.slotNow {
				used = true
				joined.Merge(r.series[i].latency)
				errors += r.series[i].errors
			}
		}
		if !used {
			break
		}
		out = append(out, Point{
			Seconds: float64(length*int64(i+1)) / 1e9, Rate: float64(joined.Count()) / (float64(length) / 1e9), Errors: errors,
			P50: float64(joined.Quantile(0.5)) / 1e3, P99: float64(joined.Quantile(0.99)) / 1e3, Max: float64(joined.Max()) / 1e3,
		})
	}
	// The last interval was cut short: its rate means nothing.
	if len(out) > 1 {
		out = out[:len(out)-1]
	}
	return out
}

// Unexpected counts the answers whose status is not accepted.
func (r *Result) Unexpected(accept func(status int) bool) uint64 {
	n := uint64(0)
	for code, count := range r.Answers {
		if status, err := strconv.Atoi(code); err == nil && !accept(status) {
			n += count
		}
	}
	return n
}

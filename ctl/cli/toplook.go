package cli

import (
	"bytes"
	"context"
	"math"
	"sort"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool"
)

// look is what top has seen of a process at one moment. Counters only grow; what top shows
// is their difference between two looks.
type look struct {
	at       time.Time
	status   api.Status
	pools    []pool.Status
	routes   []api.RouteStatus
	limiters []api.Limiter
	metrics  map[string]*dto.MetricFamily // nil where the process shows none
}

// takeLook asks for everything that top shows.
func takeLook(ctx context.Context, cl *client.Client) (*look, error) {
	l := &look{at: time.Now()}
	var err error
	if l.status, err = cl.Status(ctx); err != nil {
		return nil, err
	}
	if l.pools, err = cl.Pools(ctx); err != nil {
		return nil, err
	}
	if l.routes, err = cl.Routes(ctx); err != nil {
		return nil, err
	}
	if l.limiters, err = cl.Limits(ctx); err != nil {
		return nil, err
	}
	if text, err := cl.Metrics(ctx); err == nil { // without them some columns are empty
		parser := expfmt.NewTextParser(model.LegacyValidation)
		l.metrics, _ = parser.TextToMetricFamilies(bytes.NewReader(text)) // likewise
	}
	return l, nil
}

// Families and labels that top reads.
const (
	familyRequests  = "isame_requests_total"
	familyDurations = "isame_request_duration_seconds"
	familyAttempts  = "isame_backend_duration_seconds"
	labelRoute      = "route"
	labelPool       = "pool"
	labelCode       = "code"
)

// labelled are the metrics of a family whose label has a value.
func (l *look) labelled(family, label, value string) (all []*dto.Metric) {
	f := l.metrics[family]
	for _, m := range f.GetMetric() {
		if labelOf(m, label) == value {
			all = append(all, m)
		}
	}
	return all
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// failures counts the answers of a route with a status from 500.
func (l *look) failures(route string) (n float64) {
	for _, m := range l.labelled(familyRequests, labelRoute, route) {
		if code := labelOf(m, labelCode); len(code) == 3 && code[0] == '5' {
			n += m.GetCounter().GetValue()
		}
	}
	return n
}

// buckets are the counts of a histogram by upper bound, over all its series.
func (l *look) buckets(family, label, value string) map[float64]uint64 {
	sum := map[float64]uint64{}
	for _, m := range l.labelled(family, label, value) {
		for _, b := range m.GetHistogram().GetBucket() {
			sum[b.GetUpperBound()] += b.GetCumulativeCount()
		}
	}
	return sum
}

// quantiles are the p50 and p99, in seconds, of what came between two looks: interpolated
// inside a bucket, as Prometheus does. NaN where nothing came.
func quantiles(was, now map[float64]uint64) (p50, p99 float64) {
	bounds := make([]float64, 0, len(now))
	for bound := range now {
		bounds = append(bounds, bound)
	}
	sort.Float64s(bounds)
	between := make([]float64, len(bounds))
	for i, bound := range bounds {
		if now[bound] >= was[bound] {
			between[i] = float64(now[bound] - was[bound])
		}
	}
	return quantile(0.5, bounds, between), quantile(0.99, bounds, between)
}

func quantile(q float64, bounds, cumulative []float64) float64 {
	if len(bounds) == 0 || cumulative[len(cumulative)-1] == 0 {
		return math.NaN()
	}
	rank := q * cumulative[len(cumulative)-1]
	i := sort.SearchFloat64s(cumulative, rank)
	i = min(i, len(bounds)-1)
	if math.IsInf(bounds[i], 1) { // above all bounds: the last one is all that is known
		return bounds[max(i-1, 0)]
	}
	low, below := 0.0, 0.0
	if i > 0 {
		low, below = bounds[i-1], cumulative[i-1]
	}
	if cumulative[i] == below {
		return bounds[i]
	}
	return low + (bounds[i]-low)*(rank-below)/(cumulative[i]-below)
}

// perSecond is how much a counter has grown between two looks. One that has become smaller
// is another process's.
func perSecond(was, now float64, between time.Duration) float64 {
	if now < was || between <= 0 {
		return 0
	}
	return (now - was) / between.Seconds()
}

package engine

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	otlp "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// pushes are the metrics that a collector was given, the last of each name.
type pushes struct {
	sync.Mutex
	url  string
	last map[string]*otlp.Metric
}

func newPushes(t *testing.T) *pushes {
	t.Helper()
	p := &pushes{last: map[string]*otlp.Metric{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		var said collector.ExportMetricsServiceRequest
		readOTLP(t, q, "/v1/metrics", &said)
		p.Lock()
		defer p.Unlock()
		for _, of := range said.GetResourceMetrics() {
			for _, m := range of.GetScopeMetrics()[0].GetMetrics() {
				p.last[m.GetName()] = m
			}
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// TestMetricsArePushed: what is scraped is pushed, by the same names, with exemplars.
func TestMetricsArePushed(t *testing.T) {
	for _, histograms := range []string{"explicit", "exponential"} {
		t.Run(histograms, func(t *testing.T) {
			p := newPushes(t)
			text := plain + "metrics: {otlp: {enabled: %v, endpoint: \"" + p.url + "\", interval: 1h, histograms: " + histograms + "}}\n"
			address, _ := seenBy(t)
			r := startToEnd(t, io.Discard, fmt.Sprintf(text, false), address)
			r.dial().get("/a")
			r.recorded("/a")
			r.apply(fmt.Sprintf(text, true), address)
			r.engine.Shutdown(t.Context())
			page := &strings.Builder{}
			r.engine.registry.WriteMetrics(page, "")
			for line := range strings.Lines(page.String()) {
				if name, is := strings.CutPrefix(line, "# TYPE "); is && p.last[strings.Fields(name)[0]] == nil {
					t.Errorf("%s is scraped and not pushed", strings.Fields(name)[0])
				}
			}
			count, exemplar := uint64(0), ""
			m := p.last["isame_request_duration_seconds"]
			for _, point := range m.GetHistogram().GetDataPoints() {
				count, exemplar = count+point.GetCount(), exemplar+fmt.Sprint(point.GetExemplars())
			}
			if histograms == "exponential" {
				for _, point := range m.GetExponentialHistogram().GetDataPoints() {
					count, exemplar = count+point.GetCount(), exemplar+fmt.Sprint(point.GetExemplars())
				}
			}
			if count != 1 || !strings.Contains(exemplar, "request_id") || m.GetUnit() != "s" {
				t.Errorf("got %v", m)
			}
		})
	}
}

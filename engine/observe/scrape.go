package observe

import (
	"bytes"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/engine/observe/expose"
)

// WriteMetrics writes everything, with Go's and the process' own numbers, in the format that
// accept asks for, an Accept field of HTTP, and returns the type of that.
func (r *Registry) WriteMetrics(w io.Writer, accept string) (contentType string) {
	format := expose.Negotiate(accept)
	_ = r.write(expose.NewPage(w, format), format.HasExemplars()) // the reader is gone, nobody is left to tell
	return format.ContentType()
}

// Push hands everything over as data of OpenTelemetry, a part at a time, until take fails.
// Sums begin at since, when the process began. It may be called by any goroutine.
func (r *Registry) Push(since time.Time, exponential bool, take func([]metricdata.Metrics) error) error {
	o := expose.DataOptions{Since: since, Now: time.Now(), Exponential: exponential, Take: take}
	return r.write(expose.NewData(o), true)
}

// write writes all there is to p, and ends it.
func (r *Registry) write(p *expose.Page, exemplars bool) error {
	s := r.begin(p)
	if exemplars {
		s.collect(r.examples.Load())
	}
	s.writeRoutes()
	s.writePaths(r)
	s.writeBackends()
	s.writePools()
	s.writeRetries()
	s.writeStages()
	s.writeListeners()
	s.writeConnections(r)
	s.writeState(r)
	s.writeOthers()
	return s.End()
}

// writeOthers writes what others have counted: count stages and programs, and the metrics
// library, which knows Go's numbers and those of the process. unknown are those of its
// names that are left out, as nobody has described them.
func (s *scraping) writeOthers() (unknown []string) {
	custom.WriteSeries(s.Page, s.series)
	custom.Write(s.Page)
	var text bytes.Buffer
	metrics.WriteProcessMetrics(&text)
	metrics.WriteFDMetrics(&text)
	return s.Borrow(borrowed, text.String())
}

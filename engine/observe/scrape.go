package observe

import (
	"bytes"
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/engine/observe/expose"
)

// WriteMetrics writes everything, with Go's and the process' own numbers, in the format that
// accept asks for, an Accept field of HTTP, and returns the type of that.
func (r *Registry) WriteMetrics(w io.Writer, accept string) (contentType string) {
	format := expose.Negotiate(accept)
	s := r.begin(expose.NewPage(w, format))
	if format.HasExemplars() {
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
	_ = s.End() // the reader is gone, nobody is left to tell
	return format.ContentType()
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

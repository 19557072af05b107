package ctl

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fasthttp"
)

// gzipped are writers that nobody uses. Fast is what counts: a scrape of 10,000 routes is
// tens of megabytes, in which the same words stand in each line.
var gzipped = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("BUG: a level of gzip is none")
	}
	return w
}}

// metrics answers a scrape, in the format and the coding that it asks for.
func (s *Server) metrics(x *call) error {
	write := s.opts.Sources.WriteMetrics
	if write == nil {
		return notSupported("metrics")
	}
	ask, h := &x.ctx.Request.Header, &x.ctx.Response.Header
	accept := fieldOf(ask, fasthttp.HeaderAccept)
	h.Set(fasthttp.HeaderVary, "Accept, Accept-Encoding")
	var body pieces
	if !acceptsGzip(fieldOf(ask, fasthttp.HeaderAcceptEncoding)) {
		x.ctx.SetContentType(write(&body, accept))
		body.send(&x.ctx.Response)
		return nil
	}
	w, ok := gzipped.Get().(*gzip.Writer)
	if !ok {
		panic("BUG: a writer of gzip is none")
	}
	defer gzipped.Put(w)
	w.Reset(&body)
	x.ctx.SetContentType(write(w, accept))
	h.SetContentEncoding("gzip")
	if err := w.Close(); err != nil {
		return fmt.Errorf("cannot compress: %w", err)
	}
	body.send(&x.ctx.Response)
	return nil
}

// fieldOf is the value of all lines of a field.
func fieldOf(h *fasthttp.RequestHeader, name string) string {
	all := h.PeekAll(name)
	lines := make([]string, 0, len(all))
	for _, line := range all {
		lines = append(lines, string(line))
	}
	return strings.Join(lines, ",")
}

// acceptsGzip reads an Accept-Encoding field (RFC 9110 section 12.5.3).
func acceptsGzip(field string) bool {
	all := false
	for one := range strings.SplitSeq(field, ",") {
		coding, params, _ := strings.Cut(one, ";")
		q := 1.0
		if name, value, ok := strings.Cut(strings.TrimSpace(params), "="); ok && strings.EqualFold(strings.TrimSpace(name), "q") {
			var err error
			if q, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
				q = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return q > 0
		case "*":
			all = q > 0
		}
	}
	return all
}

package report

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/isame-lb/isame-lb/bench/hist"
	"github.com/isame-lb/isame-lb/bench/load"
)

const (
	significantDigits = 3
	ticksPerHalf      = 5
	nanosPerMilli     = 1e6
)

// HDR writes the latencies of a run for the tools of HdrHistogram: with a name
// ending in .hgrm the percentile distribution in milliseconds (for the plotter at
// hdrhistogram.github.io), otherwise a histogram log (V2, nanoseconds).
func HDR(w io.Writer, name string, r *load.Result) error {
	h, err := toHDR(r.Histogram)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, ".hgrm") {
		if _, err := h.PercentilesPrint(w, ticksPerHalf, nanosPerMilli); err != nil {
			return fmt.Errorf("cannot write the percentiles: %w", err)
		}
		return nil
	}
	began := r.Began.UnixMilli()
	h.SetStartTimeMs(began)
	h.SetEndTimeMs(began + int64(r.Seconds*1e3))
	log := hdrhistogram.NewHistogramLogWriter(w)
	log.SetBaseTime(began)
	err = errors.Join(
		log.OutputComment("[isame-bench "+r.Mode+" loop, "+r.URL+"]"),
		log.OutputLogFormatVersion(),
		log.OutputBaseTime(began),
		log.OutputStartTime(began),
		log.OutputLegend(),
		log.OutputIntervalHistogram(h))
	if err != nil {
		return fmt.Errorf("cannot write the histogram: %w", err)
	}
	return nil
}

// toHDR copies the buckets of our histogram, which are as fine, into one of
// HdrHistogram.
func toHDR(from *hist.H) (*hdrhistogram.Histogram, error) {
	h := hdrhistogram.New(1, hist.Highest, significantDigits)
	var errs []error
	from.Each(func(value int64, count uint64) { errs = append(errs, h.RecordValues(value, int64(count))) })
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("cannot convert the histogram: %w", err)
	}
	return h, nil
}

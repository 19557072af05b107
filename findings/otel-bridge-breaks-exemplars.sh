#!/usr/bin/env bash
# OpenTelemetry's bridge for Prometheus: one exemplar with a trace id, and a collector refuses all metrics
#
# Version:  go.opentelemetry.io/contrib/bridges/prometheus v0.72.0 with client_golang v1.24.1 and
#           otlpmetrichttp v1.47.0; the data model that collectors read with,
#           go.opentelemetry.io/collector/pdata v1.71.0.
# Guess:    an exemplar with the label trace_id, as client_golang's own examples and Grafana have it,
#           comes out with the 16 bytes of that id: the bridge looks for that very label.
# Seen:     TraceID has the 32 bytes of its hexadecimal text. OTLP allows 16 or none, so pmetricotlp
#           cannot read the request: all metrics of it are lost, because of one exemplar. Where the
#           histogram has native buckets as well the request can be read, and has no exemplars.
# Why care: everything works until the first exchange that is traced; then no metric comes any more.
#
# Needs: go and its module proxy. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const trace = "4bf92f3577b34da6a3ce929d0e0e4736"

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// exported is what a collector reads of a counter and a histogram with one exemplar.
func exported(native bool) (traceBytes []int, metrics int, err error) {
	registry := prometheus.NewRegistry()
	o := prometheus.HistogramOpts{Name: "took_seconds", Help: "Time.", Buckets: []float64{1, 2}}
	if native {
		o.NativeHistogramBucketFactor = 1.1
	}
	counter, histogram := prometheus.NewCounter(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}), prometheus.NewHistogram(o)
	registry.MustRegister(counter, histogram)
	counter.Inc()
	histogram.(prometheus.ExemplarObserver).ObserveWithExemplar(1.5, prometheus.Labels{"trace_id": trace})

	var body []byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		in := io.Reader(q.Body)
		if q.Header.Get("Content-Encoding") == "gzip" {
			in, err = gzip.NewReader(in)
			check(err)
		}
		body, err = io.ReadAll(in)
		check(err)
	}))
	defer collector.Close()
	exporter, err := otlpmetrichttp.New(context.Background(), otlpmetrichttp.WithEndpointURL(collector.URL+"/v1/metrics"))
	check(err)
	reader := metric.NewManualReader(metric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(registry))))
	metric.NewMeterProvider(metric.WithReader(reader))
	var all metricdata.ResourceMetrics
	check(reader.Collect(context.Background(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if h, is := m.Data.(metricdata.Histogram[float64]); is {
				for _, e := range h.DataPoints[0].Exemplars {
					traceBytes = append(traceBytes, len(e.TraceID))
				}
			}
		}
	}
	check(exporter.Export(context.Background(), &all))
	q := pmetricotlp.NewExportRequest()
	err = q.UnmarshalProto(body)
	return traceBytes, q.Metrics().DataPointCount(), err
}

func main() {
	traceBytes, _, refused := exported(false)
	fmt.Println("classic: bytes of trace ids", traceBytes, "- read by a collector:", refused)
	none, points, err := exported(true)
	fmt.Println("native: exemplars", len(none), "- points read by a collector:", points, err)
	if fmt.Sprint(traceBytes) != "[32]" || refused == nil || len(none) != 0 || points != 2 || err != nil {
		fmt.Println("this has changed")
		os.Exit(1)
	}
}
GO
cat >go.mod <<'MOD'
module finding
go 1.26
MOD
go get go.opentelemetry.io/contrib/bridges/prometheus@v0.72.0 github.com/prometheus/client_golang@v1.24.1 \
	go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp@v1.47.0 go.opentelemetry.io/otel/sdk/metric@v1.47.0 \
	go.opentelemetry.io/collector/pdata@v1.71.0 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run .

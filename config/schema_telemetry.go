package config

import "time"

// Metrics is the Prometheus exposition on the admin endpoint, and the push of the same
// numbers to an OpenTelemetry collector.
type Metrics struct {
	// Enabled switches the exposition on.
	Enabled bool `default:"true" koanf:"enabled"`
	// Path is where it is served.
	Path string `default:"/metrics" koanf:"path"`
	// OTLP pushes them as well, whether or not the exposition is on.
	OTLP MetricsPush `koanf:"otlp"`
}

// MetricsPush sends all metrics to an OpenTelemetry collector, by the names that the exposition has, each time the whole sums: a push
// that is lost loses no number.
type MetricsPush struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Endpoint is the base URL of the collector: metrics go to its /v1/metrics by
	// OTLP/HTTP, and to its service by OTLP/gRPC. https is TLS.
	Endpoint string `default:"http://127.0.0.1:4318" koanf:"endpoint"`
	// Protocol is OTLP/HTTP with protobuf, or OTLP/gRPC (port 4317 as a rule).
	Protocol string `default:"http" enum:"http|grpc" koanf:"protocol"`
	// Interval is from one push to the next, from 1s on; one comes at the end of the process as well.
	Interval time.Duration `default:"30s" koanf:"interval"`
	// ServiceName is the service.name of the metrics.
	ServiceName string `default:"isame-lb" koanf:"service_name"`
	// Histograms is how durations are sent: with the bounds of the exposition, which everybody understands, or as exponential
	// histograms, finer and smaller.
	Histograms string `default:"explicit" enum:"explicit|exponential" koanf:"histograms"`
}

// HistogramsExponential is a value of metrics.otlp.histograms.
const HistogramsExponential = "exponential"

// Tracing exports OpenTelemetry spans.
type Tracing struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Endpoint is the base URL of an OpenTelemetry collector: spans go to its /v1/traces by
	// OTLP/HTTP, and to its service by OTLP/gRPC. https is TLS.
	Endpoint string `default:"http://127.0.0.1:4318" koanf:"endpoint"`
	// Protocol is OTLP/HTTP with protobuf, or OTLP/gRPC (port 4317 as a rule).
	Protocol string `default:"http" enum:"http|grpc" koanf:"protocol"`
	// Sample is the share of the traces beginning here that is exported, 0 to 1. Where the
	// request says by traceparent whether its trace is sampled, that counts.
	Sample float64 `default:"0.01" koanf:"sample" max:"1" min:"0"`
	// ServiceName is the service.name of the spans.
	ServiceName string `default:"isame-lb" koanf:"service_name"`
}

// ProtocolGRPC is the value of tracing.protocol and metrics.otlp.protocol for OTLP/gRPC.
const ProtocolGRPC = "grpc"

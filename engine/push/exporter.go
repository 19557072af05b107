package push

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/otlp"
)

// metricsPath is where a collector takes metrics by OTLP/HTTP, below its base URL.
const metricsPath = "/v1/metrics"

// again is when a push is sent once more that was refused for now.
var again = otlpmetrichttp.RetryConfig{
	Enabled: true, InitialInterval: otlp.AgainFirst, MaxInterval: otlp.AgainMost, MaxElapsedTime: otlp.AgainFor,
}

// exporter is one of OpenTelemetry's.
type exporter interface {
	Export(ctx context.Context, m *metricdata.ResourceMetrics) error
	Shutdown(ctx context.Context) error
}

// way is that to a collector. One goroutine at a time uses it.
type way struct {
	exporter exporter
	about    *resource.Resource
	scope    instrumentation.Scope
}

// newWay does not connect. The environment variables OTEL_EXPORTER_OTLP_HEADERS,
// _CERTIFICATE and the like are heeded.
func newWay(c *config.MetricsPush, version, instance string) (*way, error) {
	e, err := newExporter(context.Background(), c)
	if err != nil {
		return nil, fmt.Errorf("metrics.otlp: %w", err)
	}
	about, err := otlp.Process(c.ServiceName, version, instance)
	if err != nil {
		return nil, fmt.Errorf("metrics.otlp: %w", err)
	}
	scope := instrumentation.Scope{Name: otlp.Scope, Version: version, SchemaURL: semconv.SchemaURL}
	return &way{exporter: e, about: about, scope: scope}, nil
}

func newExporter(ctx context.Context, c *config.MetricsPush) (exporter, error) {
	at, err := otlp.At(c.Endpoint, metricsPath)
	if err != nil {
		return nil, err
	}
	if c.Protocol == config.ProtocolGRPC {
		o := []otlpmetricgrpc.Option{
			otlpmetricgrpc.WithEndpoint(at.Host), otlpmetricgrpc.WithTimeout(otlp.ExportTime),
			otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig(again)),
		}
		if at.ClearText {
			o = append(o, otlpmetricgrpc.WithInsecure())
		}
		return otlpmetricgrpc.New(ctx, o...) //nolint:wrapcheck // the caller does
	}
	o := []otlpmetrichttp.Option{
		otlpmetrichttp.WithEndpoint(at.Host), otlpmetrichttp.WithURLPath(at.Path), otlpmetrichttp.WithTimeout(otlp.ExportTime),
		otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression), otlpmetrichttp.WithRetry(again),
	}
	if at.ClearText {
		o = append(o, otlpmetrichttp.WithInsecure())
	}
	return otlpmetrichttp.New(ctx, o...) //nolint:wrapcheck // the caller does
}

// send exports a part of the metrics.
func (w *way) send(ctx context.Context, part []metricdata.Metrics) error {
	ctx, cancel := context.WithTimeout(ctx, otlp.ExportTime)
	defer cancel()
	return w.exporter.Export(ctx, &metricdata.ResourceMetrics{
		Resource: w.about, ScopeMetrics: []metricdata.ScopeMetrics{{Scope: w.scope, Metrics: part}},
	})
}

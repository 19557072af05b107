package trace

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/isame-lb/isame-lb/config"
)

// Bounds of an export. A collector that does not answer costs the time of a batch, and what
// comes meanwhile waits in the queue of the Tracer, or is lost.
const (
	exportTime = 10 * time.Second
	// batchMax is how many spans are sent at once.
	batchMax = 512
)

// again is when a batch is sent once more that was refused for now.
var again = otlptracehttp.RetryConfig{
	Enabled: true, InitialInterval: 200 * time.Millisecond, MaxInterval: 2 * time.Second, MaxElapsedTime: 8 * time.Second,
}

// tracesPath is where a collector takes spans by OTLP/HTTP, below its base URL.
const tracesPath = "/v1/traces"

// pipeline makes spans and sends them. The goroutine of a Tracer alone uses it.
type pipeline struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	exporter *otlptrace.Exporter
	endpoint string
	batch    []sdk.ReadOnlySpan
}

// newPipeline does not connect. The environment variables OTEL_EXPORTER_OTLP_HEADERS,
// _CERTIFICATE and the like are heeded, and OTEL_RESOURCE_ATTRIBUTES.
func newPipeline(c *config.Tracing, version, instance string) (*pipeline, error) {
	ctx := context.Background()
	exporter, err := newExporter(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("tracing: cannot export to %s: %w", c.Endpoint, err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(
		semconv.ServiceName(c.ServiceName), semconv.ServiceVersion(version), semconv.ServiceInstanceID(instance)))
	if err != nil {
		return nil, fmt.Errorf("tracing: cannot describe this process: %w", err)
	}
	p := &pipeline{exporter: exporter, endpoint: c.Endpoint}
	p.provider = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(ids{}), // both were decided
		sdk.WithResource(about), sdk.WithSpanProcessor((*collecting)(p)))
	p.tracer = p.provider.Tracer("github.com/isame-lb/isame-lb",
		trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL))
	return p, nil
}

func newExporter(ctx context.Context, c *config.Tracing) (*otlptrace.Exporter, error) {
	at, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says all
	}
	if c.Protocol == config.ProtocolGRPC {
		o := []otlptracegrpc.Option{
			otlptracegrpc.WithEndpoint(at.Host), otlptracegrpc.WithTimeout(exportTime), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig(again)),
		}
		if at.Scheme == "http" {
			o = append(o, otlptracegrpc.WithInsecure())
		}
		return otlptracegrpc.New(ctx, o...) //nolint:wrapcheck // the caller does
	}
	o := []otlptracehttp.Option{
		otlptracehttp.WithEndpoint(at.Host), otlptracehttp.WithURLPath(pathFor(at.Path)), otlptracehttp.WithTimeout(exportTime),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithRetry(again),
	}
	if at.Scheme == "http" {
		o = append(o, otlptracehttp.WithInsecure())
	}
	return otlptracehttp.New(ctx, o...) //nolint:wrapcheck // the caller does
}

// pathFor is where spans go, of a base URL or of the whole one.
func pathFor(base string) string {
	base = strings.TrimSuffix(base, "/")
	if strings.HasSuffix(base, tracesPath) {
		return base
	}
	return base + tracesPath
}

// collecting is a pipeline as the provider sees it: it gathers the spans.
type collecting pipeline

func (*collecting) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (c *collecting) OnEnd(s sdk.ReadOnlySpan)                 { c.batch = append(c.batch, s) }
func (*collecting) Shutdown(context.Context) error             { return nil }
func (*collecting) ForceFlush(context.Context) error           { return nil }

// send exports what was gathered, and returns how many spans that were.
func (p *pipeline) send(ctx context.Context) (spans int, err error) {
	if spans = len(p.batch); spans == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	err = p.exporter.ExportSpans(ctx, p.batch)
	clear(p.batch)
	p.batch = p.batch[:0]
	return spans, err //nolint:wrapcheck // the Tracer says it
}

// close ends the connection to the collector.
func (p *pipeline) close(ctx context.Context) {
	_ = p.exporter.Shutdown(ctx)
	_ = p.provider.Shutdown(ctx)
}

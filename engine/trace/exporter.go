package trace

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/otlp"
)

// batchMax is how many spans are sent at once. A collector that does not answer costs the
// time of a batch, and what comes meanwhile waits in the queue of the Tracer, or is lost.
const batchMax = 512

// again is when a batch is sent once more that was refused for now.
var again = otlptracehttp.RetryConfig{
	Enabled: true, InitialInterval: otlp.AgainFirst, MaxInterval: otlp.AgainMost, MaxElapsedTime: otlp.AgainFor,
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
// _CERTIFICATE and the like are heeded.
func newPipeline(c *config.Tracing, version, instance string) (*pipeline, error) {
	exporter, err := newExporter(context.Background(), c)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := otlp.Process(c.ServiceName, version, instance)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	p := &pipeline{exporter: exporter, endpoint: c.Endpoint}
	p.provider = sdk.NewTracerProvider(sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(ids{}), // both were decided
		sdk.WithResource(about), sdk.WithSpanProcessor((*collecting)(p)))
	p.tracer = p.provider.Tracer(otlp.Scope, trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL))
	return p, nil
}

func newExporter(ctx context.Context, c *config.Tracing) (*otlptrace.Exporter, error) {
	at, err := otlp.At(c.Endpoint, tracesPath)
	if err != nil {
		return nil, err
	}
	if c.Protocol == config.ProtocolGRPC {
		o := []otlptracegrpc.Option{
			otlptracegrpc.WithEndpoint(at.Host), otlptracegrpc.WithTimeout(otlp.ExportTime),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig(again)),
		}
		if at.ClearText {
			o = append(o, otlptracegrpc.WithInsecure())
		}
		return otlptracegrpc.New(ctx, o...) //nolint:wrapcheck // the caller does
	}
	o := []otlptracehttp.Option{
		otlptracehttp.WithEndpoint(at.Host), otlptracehttp.WithURLPath(at.Path), otlptracehttp.WithTimeout(otlp.ExportTime),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithRetry(again),
	}
	if at.ClearText {
		o = append(o, otlptracehttp.WithInsecure())
	}
	return otlptracehttp.New(ctx, o...) //nolint:wrapcheck // the caller does
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
	ctx, cancel := context.WithTimeout(ctx, otlp.ExportTime)
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

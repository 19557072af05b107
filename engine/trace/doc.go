// Package trace is distributed tracing: the trace context of requests (W3C Trace Context),
// who of them is sampled, and the export of spans by OTLP.
//
// An exchange keeps a Span and asks nobody: context.go and sampler.go say what becomes of
// the fields of a request, and allocate nothing. Spans are made when a sampled exchange has
// ended, from what the recorder knows of it: spans.go. A goroutine exports them, and who
// hands it one never waits: tracer.go, exporter.go.
//
// Imported by engine; imports config, engine/record, pool/end and pool/safely.
package trace

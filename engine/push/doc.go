// Package push sends the metrics to an OpenTelemetry collector, by OTLP/HTTP or OTLP/gRPC.
//
// Start reading in pusher.go: a Pusher is one for the life of the process; exporter.go is the
// way to a collector. What is sent comes from whoever made the Pusher.
//
// Imported by engine; imports config, engine/otlp, pool/safely.
package push

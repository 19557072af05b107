// Package otlp is what the exporters of spans and of metrics share: where a collector takes
// what, how long it is waited for, and what is said of this process.
//
// Imported by engine/trace and engine/push.
package otlp

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Scope is the instrumentation scope of everything that is exported.
const Scope = "github.com/isame-lb/isame-lb"

// Bounds of an export. What a collector refuses for now is sent again inside ExportTime:
// after AgainFirst, later AgainMost, as long as AgainFor is not over.
const (
	ExportTime = 10 * time.Second
	AgainFirst = 200 * time.Millisecond
	AgainMost  = 2 * time.Second
	AgainFor   = 8 * time.Second
	// FlushTime bounds the last export of a process, which the drain may bound more.
	FlushTime = 5 * time.Second
)

// Target is where a collector is.
type Target struct {
	Host, Path string // of the URL; Path is for OTLP/HTTP
	ClearText  bool
}

// At reads the base URL of a collector. path is where it takes what is sent, by OTLP/HTTP; a
// URL that has it already is taken as well.
func At(endpoint, path string) (Target, error) {
	at, err := url.Parse(endpoint)
	if err != nil {
		return Target{}, fmt.Errorf("cannot export to %s: %w", endpoint, err)
	}
	base := strings.TrimSuffix(at.Path, "/")
	return Target{Host: at.Host, Path: strings.TrimSuffix(base, path) + path, ClearText: at.Scheme == "http"}, nil
}

// Process describes this process. The environment variable OTEL_RESOURCE_ATTRIBUTES is heeded.
func Process(service, version, instance string) (*resource.Resource, error) {
	r, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(
		semconv.ServiceName(service), semconv.ServiceVersion(version), semconv.ServiceInstanceID(instance)))
	if err != nil {
		return nil, fmt.Errorf("cannot describe this process: %w", err)
	}
	return r, nil
}

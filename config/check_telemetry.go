package config

import (
	"net/url"
	"strings"
	"time"
)

// pushAtMostEvery is the least metrics.otlp.interval: each push reads every counter.
const pushAtMostEvery = time.Second

func (c *checker) push(p *MetricsPush) {
	c.collector("metrics.otlp", p.Enabled, p.Endpoint, p.Protocol)
	if p.Interval < pushAtMostEvery {
		c.reportf("metrics.otlp.interval", "%v is too often: at least %v", p.Interval, pushAtMostEvery)
	}
}

// collector checks the endpoint of the section at path.
func (c *checker) collector(path string, enabled bool, endpoint, protocol string) {
	path += ".endpoint"
	if endpoint == "" {
		if enabled {
			c.reportf(path, "is required when %s is enabled", strings.TrimSuffix(path, ".endpoint"))
		}
		return
	}
	c.url(path, endpoint)
	at, err := url.Parse(endpoint)
	if err != nil {
		return // it was said
	}
	switch {
	case at.User != nil:
		c.reportf(path, "must not hold credentials: set OTEL_EXPORTER_OTLP_HEADERS")
	case at.RawQuery != "" || at.Fragment != "":
		c.reportf(path, "must not have a query or a fragment")
	case protocol == ProtocolGRPC && strings.Trim(at.Path, "/") != "":
		c.reportf(path, "must not have a path with protocol: grpc")
	}
}

package config

import (
	"net/http"
	"slices"
	"strings"
)

// healthCheck checks the probes of a pool.
func (c *checker) healthCheck(path string, p *Pool) {
	h := p.HealthCheck
	if !c.given(path + ".timeout") {
		h.Timeout = min(h.Timeout, h.Interval)
	}
	if !c.broken[path+".interval"] {
		c.ordered(path+".timeout", h.Timeout, "interval", h.Interval)
	}
	if h.Type == "http" {
		c.httpProbe(path, h)
	} else {
		c.probeReadsNothing(path, h)
	}
	if h.Type != "tcp" {
		c.probeAsks(path, h)
	}
	if h.Service != "" && h.Type != "grpc" {
		c.reportf(path+".service", "has no effect on probes of type %s", h.Type)
	}
	c.plainText(path+".service", h.Service)
	for i, text := range h.ExpectStatus {
		c.statusRange(indexPath(path+".expect_status", i), text)
	}
	for _, name := range sortedNames(h.ExpectJSON) {
		if name == "" || slices.Contains(strings.Split(name, "."), "") {
			c.reportf(joinPath(path+".expect_json", name), "a member must have a name; dots descend into objects")
		}
	}
	if i := slices.IndexFunc(p.Backends, func(b Backend) bool { return isUnix(b.Address) }); i >= 0 && h.Port != 0 {
		c.reportf(path+".port", "cannot be said: backends[%d] is a unix socket, which has no port", i)
	}
}

// methodDefault is the default of pools.*.health_check.method, which is printed with
// every configuration.
const methodDefault = http.MethodGet

// httpProbe checks what an http probe asks for, and what it expects.
func (c *checker) httpProbe(path string, h *HealthCheck) {
	c.requestPath(path+".path", strings.SplitN(h.Path, "?", 2)[0])
	c.plainText(path+".path", h.Path)
	if len(h.ExpectStatus) == 0 {
		c.reportf(path+".expect_status", "is empty, so no probe could succeed")
	}
	switch at := path + ".method"; h.Method {
	case http.MethodConnect:
		c.reportf(at, "cannot be CONNECT: a probe asks for a path")
	case http.MethodHead:
		if h.ExpectBody != "" || len(h.ExpectJSON) > 0 {
			c.reportf(at, "cannot be HEAD beside expect_body or expect_json: its answer has no body")
		}
	default:
		c.method(at, h.Method)
	}
}

// probeAsks checks the parts of a request that probes of http and grpc have in common.
func (c *checker) probeAsks(path string, h *HealthCheck) {
	if at := path + ".host"; h.Host != "" && !isAuthority(h.Host) {
		c.reportf(at, "%s is not a host such as www.example.com", c.quote(at, h.Host))
	}
	c.fields(path+".headers", h.Headers)
	for _, name := range sortedNames(h.Headers) {
		low := strings.ToLower(name)
		at := joinPath(path+".headers", name)
		switch {
		case low == "host":
			c.reportf(at, "belongs into the key host of the section")
		case slices.Contains(probeOwn(), low), h.Type == "grpc" && (low == "content-type" || strings.HasPrefix(low, "grpc-")):
			c.reportf(at, "cannot be set: the probe says itself how it is sent")
		}
	}
}

// probeOwn are the fields that say how a message is sent.
func probeOwn() []string {
	return []string{
		"connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade",
	}
}

// probeReadsNothing refuses what probes do not send, and expectations of answers that they
// do not read.
func (c *checker) probeReadsNothing(path string, h *HealthCheck) {
	asks := h.Type == "grpc"
	for _, k := range []struct {
		key  string
		said bool
	}{
		{"expect_body", h.ExpectBody != ""},
		{"expect_json", len(h.ExpectJSON) > 0},
		{"method", h.Method != methodDefault},
		{"host", h.Host != "" && !asks},
		{"headers", len(h.Headers) > 0 && !asks},
	} {
		if k.said {
			c.reportf(path+"."+k.key, "has no effect on probes of type %s", h.Type)
		}
	}
}

// fields checks header fields and their values.
func (c *checker) fields(path string, headers map[string]string) {
	first := map[string]string{}
	for _, name := range sortedNames(headers) {
		at := joinPath(path, name)
		if !c.token(at, "header field", name) || !c.plainText(at, headers[name]) {
			continue
		}
		if was, twice := first[strings.ToLower(name)]; twice {
			c.reportf(at, "is the same field as %q", was)
			continue
		}
		first[strings.ToLower(name)] = name
	}
}

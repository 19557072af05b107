package config

import (
	"slices"
	"strings"
)

// StageRequestID says what the identifier of a request is like.
type StageRequestID struct {
	// Header is the field of requests and answers that holds it. Another one than X-Request-Id stands in its place.
	Header string `default:"X-Request-Id" koanf:"header"`
	// Format is the form of new ones: 32 hexadecimal digits, or a UUID of version 7.
	Format string `default:"hex" enum:"hex|uuid7" koanf:"format"`
	// Trust says whose identifiers are kept: visible characters, 128 at most.
	Trust string `default:"trusted_proxies" enum:"trusted_proxies|always|never" koanf:"trust"`
}

// check reports what is wrong with the keys.
func (s *StageRequestID) check(c *checker, path string) {
	c.fieldName(path+".header", s.Header)
	if low := strings.ToLower(s.Header); low != "x-request-id" && slices.Contains(ownFields(), low) {
		c.reportf(path+".header", "is a field the proxy needs for itself")
	}
}

package config

import (
	"time"
)

// StageAffinity sends a request that carries a value which an earlier answer gave to the client back to the backend
// that issued it, as sessions of MCP want it. The table of values is bounded and survives a reload; a backend that is
// gone loses its values, and the next request with one is balanced as any other.
type StageAffinity struct {
	// ResponseHeader is the field of answers that holds the value, and of later requests that brings it back.
	ResponseHeader string `default:"Mcp-Session-Id" koanf:"response_header"`
	// TTL is how long a value is remembered after it was last seen.
	TTL time.Duration `default:"1h" koanf:"ttl" positive:"true"`
}

// check reports what is wrong with the keys.
func (s *StageAffinity) check(c *checker, path string) {
	c.fieldName(path+".response_header", s.ResponseHeader)
}

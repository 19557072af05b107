package config

// StageBuffer holds the whole request body in memory and sends it with Content-Length, for backends that refuse or
// ignore chunked bodies. A longer one is answered with 413.
type StageBuffer struct {
	// RequestBytes is the longest body that is held.
	RequestBytes Size `default:"1MiB" koanf:"request_bytes"`
}

// check reports what is wrong with the keys.
func (s *StageBuffer) check(c *checker, path string) {
	if s.RequestBytes == 0 {
		c.reportf(path+".request_bytes", "must be above 0")
	}
}

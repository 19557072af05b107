package config

// StageBandwidthLimit slows bodies down.
type StageBandwidthLimit struct {
	// Request is how many bytes a second of request bodies are taken; 0 means no limit.
	Request Size `example:"1MiB" koanf:"request"`
	// Response is how many bytes a second of answers are sent; 0 means no limit.
	Response Size `example:"1MiB" koanf:"response"`
	// Key is whose exchanges share the rate, as key of rate_limit; empty means that each exchange has one of its own.
	Key []string `example:"source_ip" koanf:"key" single:"true"`
	// IPv6Prefix is how many bits of an IPv6 address count as one client.
	IPv6Prefix int `default:"64" koanf:"ipv6_prefix" max:"128" min:"1"`
	// MaxKeys bounds the keys that are known at once; the least recently used go.
	MaxKeys int `default:"1000000" koanf:"max_keys" min:"1"`
}

// check reports what is wrong with the keys.
func (s *StageBandwidthLimit) check(c *checker, path string) {
	if s.Request == 0 && s.Response == 0 && !c.broken[path+".request"] && !c.broken[path+".response"] {
		c.warnf(path, "limits nothing: it needs request or response")
	}
	c.bucket(path+".key", s.Key)
}

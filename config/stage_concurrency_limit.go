package config

// StageConcurrencyLimit bounds the requests in progress of each key.
type StageConcurrencyLimit struct {
	// MaxRequests is how many requests of a key may be in progress.
	MaxRequests int `example:"10" koanf:"max_requests" min:"1" required:"true"`
	// Key is what is counted, as key of rate_limit.
	Key []string `default:"source_ip" example:"api_key" koanf:"key" single:"true"`
	// IPv6Prefix is how many bits of an IPv6 address count as one client.
	IPv6Prefix int `default:"64" koanf:"ipv6_prefix" max:"128" min:"1"`
	// MaxKeys bounds the keys that are known at once; the least recently used without a request in progress go.
	MaxKeys int `default:"1000000" koanf:"max_keys" min:"1"`
	// DryRun only counts what would be refused.
	DryRun bool `koanf:"dry_run"`
	// Status is the status code of a refusal; its cause is client_concurrency.
	Status int `default:"429" koanf:"status" max:"599" min:"400"`
}

// check reports what is wrong with the keys.
func (s *StageConcurrencyLimit) check(c *checker, path string) { c.bucket(path+".key", s.Key) }

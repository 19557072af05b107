package config

import (
	"math"
	"slices"
	"time"
)

// StageRateLimit refuses requests that come faster than a rate. A limit of 100 lets 100 pass. Counts survive a reload
// that leaves the limit as it is.
type StageRateLimit struct {
	// Rate is the number of requests that are allowed in the time per.
	Rate float64 `default:"100" koanf:"rate" min:"0"`
	// Per is the time that rate counts for.
	Per time.Duration `default:"1s" koanf:"per" positive:"true"`
	// Burst is how many requests may come at once; 0 means twice the rate.
	Burst int `example:"200" koanf:"burst" min:"0"`
	// Key is what a limit belongs to: source_ip, path, host, route, api_key, header:NAME, cookie:NAME, query:NAME, claim:NAME, or a list
	// of these, all of which count together. A key that a request does not have is its client's address.
	Key []string `default:"source_ip" example:"header:X-Tenant" koanf:"key" single:"true"`
	// Limits are several at once, in place of the four above. A request that one of them refuses takes nothing from the others.
	Limits []RateLimit `example:"[{name: second, rate: 10}, {name: hour, rate: 1000, per: 1h}]" koanf:"limits"`
	// MaxDelay is how long a request may wait for its turn rather than be refused.
	MaxDelay time.Duration `default:"0s" example:"500ms" koanf:"max_delay"`
	// BlockFor is how long a key that was refused stays so; 0 means until its rate allows it.
	BlockFor time.Duration `default:"0s" example:"1m" koanf:"block_for"`
	// IPv6Prefix is how many bits of an IPv6 address count as one client.
	IPv6Prefix int `default:"64" koanf:"ipv6_prefix" max:"128" min:"1"`
	// MaxKeys bounds the keys that are known at once; the least recently used go.
	MaxKeys int `default:"1000000" koanf:"max_keys" min:"1"`
	// DryRun only counts what would be refused.
	DryRun bool `koanf:"dry_run"`
	// Status is the status code of a refusal.
	Status int `default:"429" koanf:"status" max:"599" min:"400"`
	// Headers are what answers tell of the limit: RateLimit and RateLimit-Policy, the older X-RateLimit-Limit, -Remaining and -Reset, or nothing.
	Headers string `default:"draft" enum:"draft|legacy|none" koanf:"headers"`
	// Store is where counts are kept; absent means in this process alone.
	Store *RateLimitStore `koanf:"store"`
}

// RateLimit is one of several limits.
type RateLimit struct {
	// Name is what RateLimit and RateLimit-Policy call it.
	Name string `example:"hour" koanf:"name" required:"true"`
	// Rate is the number of requests that are allowed in the time per.
	Rate float64 `default:"100" koanf:"rate" min:"0"`
	// Per is the time that rate counts for.
	Per time.Duration `default:"1s" koanf:"per" positive:"true"`
	// Burst is how many requests may come at once; 0 means twice the rate.
	Burst int `example:"200" koanf:"burst" min:"0"`
	// Key is what the limit belongs to, as that of the stage.
	Key []string `default:"source_ip" example:"route" koanf:"key" single:"true"`
}

// RateLimitStore is where counts are kept.
type RateLimitStore struct {
	// Redis shares them between proxies.
	Redis *RedisStore `koanf:"redis"`
}

// RedisStore keeps counts in Redis or Valkey, by its own clock.
type RedisStore struct {
	// Address is host:port or unix:/path.sock.
	Address string `example:"\"redis.internal:6379\"" koanf:"address" required:"true"`
	// Username is the name that is logged in with; empty means that of the server.
	Username string `example:"isame" koanf:"username"`
	// Password is the password; empty means none.
	Password Secret `example:"\"${ENV:REDIS_PASSWORD}\"" koanf:"password"`
	// DB is the number of the database.
	DB int `example:"1" koanf:"db" min:"0"`
	// TLS speaks TLS to the server; absent means clear text.
	TLS *ClientTLS `koanf:"tls"`
	// Timeout bounds each question; then on_failure decides.
	Timeout time.Duration `default:"5ms" koanf:"timeout" positive:"true"`
	// Prefix begins the names of all keys; proxies that share limits have the same.
	Prefix string `default:"isame" koanf:"prefix"`
	// OnFailure says what happens while the server cannot be asked: local counts in this process, open lets requests
	// pass, closed answers them with 429.
	OnFailure string `default:"local" enum:"local|open|closed" koanf:"on_failure"`
}

// Bounds are the limits of the stage, with their bursts: those of the list, or the one of its own keys, which has no name.
func (s *StageRateLimit) Bounds() []RateLimit {
	bounds := slices.Clone(s.Limits)
	if len(bounds) == 0 {
		bounds = []RateLimit{{Rate: s.Rate, Per: s.Per, Burst: s.Burst, Key: s.Key}}
	}
	for i := range bounds {
		if b := &bounds[i]; b.Burst == 0 {
			b.Burst = max(1, int(min(math.Ceil(2*b.Rate), math.MaxInt32)))
		}
	}
	return bounds
}

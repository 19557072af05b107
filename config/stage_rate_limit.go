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
	// Headers are what answers tell of the limit: RateLimit and RateLimit-Policy, the older X-RateLimit-Limit, -Remaining
	// and -Reset, or nothing.
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

// rateMax bounds the requests a second that a limit may allow: what is above could not be counted in nanoseconds.
const rateMax = 1e9

// check reports what is wrong with the keys.
func (s *StageRateLimit) check(c *checker, path string) {
	if len(s.Limits) == 0 {
		c.rate(path, s.Rate, s.Per)
		c.bucket(path+".key", s.Key)
	} else {
		c.severalLimits(path, s)
	}
	if s.Store == nil {
		return
	}
	if s.Store.Redis == nil {
		if !c.broken[path+".store.redis"] {
			c.reportf(path+".store", "is empty: it needs redis")
		}
		return
	}
	at := path + ".store.redis"
	if s.Store.Redis.Address != "" {
		c.backendAddress(at+".address", s.Store.Redis.Address)
	}
	c.clientTLS(at+".tls", s.Store.Redis.TLS)
}

// rate checks that requests can pass, and can be counted.
func (c *checker) rate(path string, rate float64, per time.Duration) {
	switch {
	case c.broken[path+".rate"] || c.broken[path+".per"]:
	case rate <= 0:
		c.reportf(path+".rate", "must be above 0")
	case rate/per.Seconds() > rateMax:
		c.reportf(path+".rate", "is more than %d requests a second, which cannot be counted", int(rateMax))
	case per.Seconds()/rate > rateGapMax.Seconds():
		c.reportf(path+".rate", "is less than one request in %s, which is no rate", FormatDuration(rateGapMax))
	}
}

// rateGapMax bounds the time between two requests that a limit allows.
const rateGapMax = 30 * 24 * time.Hour

// severalLimits checks the list, beside which the keys of a single limit say nothing.
func (c *checker) severalLimits(path string, s *StageRateLimit) {
	single := StageRateLimit{Rate: 100, Per: time.Second, Key: []string{hashOnDefault}}
	for _, k := range []struct {
		key     string
		changed bool
	}{
		{"rate", s.Rate != single.Rate},
		{"per", s.Per != single.Per},
		{"burst", s.Burst != single.Burst},
		{"key", !slices.Equal(s.Key, single.Key)},
	} {
		if k.changed {
			c.reportf(path+"."+k.key, "cannot stand beside limits, which have their own")
		}
	}
	first := map[string]int{}
	for i, limit := range s.Limits {
		at := indexPath(path+".limits", i)
		c.rate(at, limit.Rate, limit.Per)
		c.bucket(at+".key", limit.Key)
		if limit.Name != "" && !isToken(limit.Name) {
			c.reportf(at+".name", "%s must be of letters, digits and dashes, so that it fits a header field", c.quote(at+".name", limit.Name))
		}
		if was, twice := first[limit.Name]; twice && limit.Name != "" {
			c.reportf(at+".name", "%s is the name of limits[%d] already", c.quote(at+".name", limit.Name), was)
			continue
		}
		first[limit.Name] = i
	}
}

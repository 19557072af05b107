package config

import "time"

// Defaults are for every route and pool that says nothing else. They go key by key: a route with retry: {attempts: 3}
// has the rest of defaults.retry.
type Defaults struct {
	// Middleware names the stages that run in front of those of each route, but for what its skip names.
	Middleware []string `example:"[limit]" koanf:"middleware" refers:"middleware"`
	// Timeout is routes.*.timeout where a route has none; 0 means no limit.
	Timeout time.Duration `default:"30s" example:"10s" koanf:"timeout"`
	// Retry is routes.*.retry, on routes with pool or split.
	Retry *Retry `koanf:"retry"`
	// Timeouts are pools.*.timeouts.
	Timeouts *PoolTimeouts `koanf:"timeouts"`
}

package config

// StageMirror copies a share of the requests to another pool and drops the answers, as routes.*.mirror; not beside it.
// Not copied are upgrades, and requests of more than 64 KiB; of several mirrors of a route the last one counts whose share
// a request is in.
type StageMirror struct {
	// Pool is the pool that receives the copies.
	Pool string `example:"shadow" koanf:"pool" refers:"pools" required:"true"`
	// Percent is the share of requests that is copied.
	Percent float64 `default:"1" koanf:"percent" max:"100" min:"0"`
	// Compare counts the copies whose answer has another status or body than the original's.
	Compare bool `koanf:"compare"`
}

// check reports what is wrong with the keys.
func (s *StageMirror) check(c *checker, path string) {
	referTo(c, path+".pool", "pool", s.Pool, c.cfg.Pools)
}

package config

// Recorder keeps in memory what became of the last exchanges, 256 bytes each: isame-ctl why explains them. Query
// strings are not kept, hosts to 32 bytes and paths to 64. Memory is taken page by page (64KiB) when records come, so
// that an idle proxy holds next to nothing; with the defaults a shard holds 23 MB once all of it is full.
type Recorder struct {
	// Enabled switches it on. Off, nothing is recorded, and what was is forgotten.
	Enabled bool `default:"true" koanf:"enabled"`
	// Records is how many exchanges each shard (core) keeps, the last ones.
	Records int `default:"65536" example:"8192" koanf:"records" max:"4194304" min:"256"`
	// KeepErrors is how many more each shard keeps of those that ended badly or were answered with 500 and above. A
	// quarter of it is for those below 500 that the client or a rule of the proxy has ended (4xx), so that a flood of
	// these does not push out failures of backends.
	KeepErrors int `default:"16384" example:"4096" koanf:"keep_errors" max:"4194304" min:"0"`
	// KeepSlow is how many more each shard keeps of the slowest of each second in which something ended; 4096 are more
	// than an hour.
	KeepSlow int `default:"4096" example:"1024" koanf:"keep_slow" max:"4194304" min:"0"`
}

package config

// Defaults are for every route that says nothing else.
type Defaults struct {
	// Middleware names the stages that run in front of those of each route, but for what its skip names.
	Middleware []string `example:"[limit]" koanf:"middleware"`
}

package config

// StageBufferLimit bounds request bodies, in place of limits.body_bytes of the listener. The last one of a route's
// stages counts; it may also raise the limit.
type StageBufferLimit struct {
	// BodyBytes is the longest body that is taken; 0 means no limit. A longer one is answered with 413.
	BodyBytes Size `example:"10MiB" koanf:"body_bytes" required:"true"`
}

package config

import "time"

// Headroom is what the estimate of how much more load this instance takes is held against: isame-ctl headroom, and
// isame_headroom_ratio for autoscalers.
type Headroom struct {
	// TargetP99 is within what 99 % of all requests are to be answered: the headroom is what is left until they are not. 0
	// takes five times what they take now, and 1ms at least. Where backends alone take longer than the target, no load would
	// be little enough: it is taken as 0 then, and the estimate says so.
	TargetP99 time.Duration `default:"0s" example:"50ms" koanf:"target_p99"`
}

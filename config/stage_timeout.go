package config

import (
	"time"
)

// StageTimeout is another routes.*.timeout for the requests it is asked about.
type StageTimeout struct {
	// Timeout bounds the whole exchange until the response header; 0 means no limit.
	Timeout time.Duration `example:"10m" koanf:"timeout" required:"true"`
}

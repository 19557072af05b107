package config

import (
	"time"
)

// StageFault does harm to a share of the requests, to see what becomes of them.
type StageFault struct {
	// Percent is the share of requests that is harmed.
	Percent float64 `example:"1" koanf:"percent" max:"100" min:"0" required:"true"`
	// Delay is how long they wait.
	Delay time.Duration `default:"0s" example:"500ms" koanf:"delay"`
	// Abort is the status code they are answered with after that; 0 means that they go on.
	Abort int `example:"503" koanf:"abort" max:"599" min:"0"`
	// Reset ends the connection, or stream, without an answer.
	Reset bool `koanf:"reset"`
	// Key lets the same clients be harmed each time, as key of rate_limit; empty means each request by chance.
	Key []string `example:"source_ip" koanf:"key" single:"true"`
}

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

// check reports what is wrong with the keys.
func (s *StageFault) check(c *checker, path string) {
	if s.Abort != 0 && s.Abort < 200 {
		c.reportf(path+".abort", "must be 0, or between 200 and 599, not %d", s.Abort)
	}
	if s.Abort != 0 && s.Reset {
		c.reportf(path+".reset", "cannot stand beside abort")
	}
	if s.Delay == 0 && s.Abort == 0 && !s.Reset && !c.broken[path+".delay"] && !c.broken[path+".abort"] && !c.broken[path+".reset"] {
		c.warnf(path, "does no harm: it needs one of delay, abort and reset")
	}
	c.bucket(path+".key", s.Key)
}

package config

import (
	"time"
)

// StageMaintenance answers requests while there is work going on.
type StageMaintenance struct {
	// Enabled says that there is; false lets everything pass.
	Enabled bool `default:"true" koanf:"enabled"`
	// Allow are networks whose clients pass all the same.
	Allow []string `example:"[10.0.0.0/8]" koanf:"allow"`
	// Status is the status code of the answer.
	Status int `default:"503" koanf:"status" max:"599" min:"200"`
	// RetryAfter is what clients are told to wait, in whole seconds; 0 says nothing.
	RetryAfter time.Duration `default:"10m" koanf:"retry_after"`
	// File holds the page; its ending says what it is.
	File string `example:"maintenance.html" file:"true" koanf:"file"`
	// Body is the text of the answer, sent as it stands, in place of file; empty means the proxy's own.
	Body string `example:"back soon" koanf:"body"`
}

// check reports what is wrong with the keys.
func (s *StageMaintenance) check(c *checker, path string) {
	c.networks(path+".allow", s.Allow)
	c.page(path, []string{"file", wordBody}, []string{s.File, s.Body})
	c.messageFile(path+".file", s.File)
	if s.RetryAfter%time.Second != 0 {
		c.reportf(path+".retry_after", "%s is not a whole number of seconds", FormatDuration(s.RetryAfter))
	}
}

package config

import (
	"time"
)

// StageDeny answers every request it is asked about; when and unless say which.
type StageDeny struct {
	// Status is the status code of the answer.
	Status int `default:"403" koanf:"status" max:"599" min:"400"`
	// Body is the text of the answer, sent as it stands; empty means the proxy's own.
	Body string `example:"not here" koanf:"body"`
	// File holds the text of the answer, in place of body.
	File string `example:"denied.html" file:"true" koanf:"file"`
	// ContentType is the media type; empty means by the ending of the file, and text/plain for body.
	ContentType string `example:"text/html" koanf:"content_type"`
	// Close ends the connection, or stream, without an answer.
	Close bool `koanf:"close"`
	// Tarpit is how long the client waits before that.
	Tarpit time.Duration `default:"0s" example:"10s" koanf:"tarpit"`
}

// check reports what is wrong with the keys.
func (s *StageDeny) check(c *checker, path string) {
	given := c.page(path, []string{wordBody, "file"}, []string{s.Body, s.File})
	if s.Close && given != "" {
		c.warnf(path+"."+given, "has no effect beside close: true, which sends nothing")
	}
	if s.ContentType != "" && given == "" {
		c.warnf(path+".content_type", "has no effect without body or file")
	}
	c.messageFile(path+".file", s.File)
	c.mediaType(path+".content_type", s.ContentType)
}

package config

import (
	"strings"
)

// StageErrorPages replaces the bodies of errors. Clients that want JSON, and gRPC, are left alone where the page is HTML.
type StageErrorPages struct {
	// Statuses are the codes or ranges whose answers get a page.
	Statuses []string `default:"500-599" koanf:"statuses" numbers:"true"`
	// From says whose errors are meant.
	From string `default:"proxy" enum:"proxy|backend|both" koanf:"from"`
	// File holds the page.
	File string `example:"sorry.html" file:"true" koanf:"file"`
	// Body is the page, sent as it stands.
	Body string `example:"sorry" koanf:"body"`
	// Pool is asked for the page.
	Pool string `example:"pages" koanf:"pool" refers:"pools"`
	// Path is what pool is asked for.
	Path string `default:"/{status}.html" koanf:"path" vars:"answer"`
	// ContentType is the media type; empty means by the ending of the file, text/plain for body, and what pool says.
	ContentType string `example:"text/html" koanf:"content_type"`
	// Status is the status code of the answer; 0 leaves it as it is.
	Status int `example:"503" koanf:"status" max:"599" min:"0"`
}

// check reports what is wrong with the keys.
func (s *StageErrorPages) check(c *checker, path string) {
	if len(s.Statuses) == 0 && !c.broken[path+".statuses"] {
		c.reportf(path+".statuses", "is empty, so no answer would get a page")
	}
	c.statusRanges(path+".statuses", s.Statuses)
	for i, text := range s.Statuses {
		if at := indexPath(path+".statuses", i); text < "400" && !c.broken[at] {
			c.reportf(at, "%s is no error: these are 400 to 599", c.quote(at, text))
		}
	}
	given := c.page(path, []string{"file", wordBody, "pool"}, []string{s.File, s.Body, s.Pool})
	if given == "" && !c.broken[path+".file"] && !c.broken[path+".body"] && !c.broken[path+".pool"] {
		c.reportf(path, "has no page: it needs one of file, body and pool")
	}
	if s.File != "" && isHTTPMessage(s.File) {
		c.warnf(path+".file", "begins with a status line, as HAProxy's error files do: all of it would be the page, the fields too")
	}
	if s.Pool != "" {
		referTo(c, path+".pool", "pool", s.Pool, c.cfg.Pools)
	} else if s.Path != errorPathDefault {
		c.warnf(path+".path", "has no effect without pool")
	}
	if !strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, " #") {
		c.reportf(path+".path", "%s must begin with / and hold no space or #", c.quote(path+".path", s.Path))
	}
	c.mediaType(path+".content_type", s.ContentType)
	if s.Status != 0 && s.Status < 200 {
		c.reportf(path+".status", "must be 0, or between 200 and 599, not %d", s.Status)
	}
}

// errorPathDefault is the default of path, which is printed and so is no wish of anybody.
const errorPathDefault = "/{status}.html"

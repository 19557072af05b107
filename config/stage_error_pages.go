package config

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
	Pool string `example:"pages" koanf:"pool"`
	// Path is what pool is asked for.
	Path string `default:"/{status}.html" koanf:"path" vars:"answer"`
	// ContentType is the media type; empty means by the ending of the file, text/plain for body, and what pool says.
	ContentType string `example:"text/html" koanf:"content_type"`
	// Status is the status code of the answer; 0 leaves it as it is.
	Status int `example:"503" koanf:"status" max:"599" min:"0"`
}

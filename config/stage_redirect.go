package config

// StageRedirect answers with a redirect.
type StageRedirect struct {
	// To is the location: absolute, or beginning with /. With regex $1 and ${1} are its groups. What stands for a part of a path
	// never becomes another host.
	To string `example:"\"https://www.example.com{uri}\"" groups:"true" koanf:"to" vars:"request"`
	// Status is the status code of the answer; after 301 and 302 clients ask with GET, whatever they have sent.
	Status int `default:"308" enum:"301|302|303|307|308" koanf:"status"`
	// Regex is an RE2 expression on {scheme}://{host}{uri}, the whole URL without its port; a request that it does not match passes on.
	Regex string `example:"\"^https?://example\\.com/(.*)\"" koanf:"regex"`
	// MapFile holds a path, a location and maybe a status a line, with white space between them; what begins with # is a comment. The
	// path is that of the request as routes see it, without the query, which is not carried over. A path that is not there passes on,
	// or goes to where to says. It is read again when it changes.
	MapFile string `example:"moved.txt" file:"true" koanf:"map_file"`
}

// check reports what is wrong with the keys.
func (s *StageRedirect) check(c *checker, path string) {
	if s.To == "" {
		if s.MapFile == "" && !c.broken[path+".to"] && !c.broken[path+".map_file"] {
			c.reportf(path, "leads nowhere: it needs to or map_file")
		}
		if s.Regex != "" {
			c.reportf(path+".regex", "has no effect without to")
		}
		return
	}
	c.neverBegins(path+".regex", s.Regex, 'h', "it is asked of the whole URL, which begins with http:// or https://")
	c.location(path+".to", s.To, c.replacement(path, s.Regex, "to", s.To, varsRequest))
}

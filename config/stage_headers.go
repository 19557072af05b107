package config

import (
	"strings"
)

// StageHeaders changes header fields. What is set wins over the fields that the proxy adds of its own accord.
type StageHeaders struct {
	// Request is what is changed before backends see the request.
	Request RequestHeaders `koanf:"request"`
	// Response is what is changed before clients see the answer, of the proxy's own answers too.
	Response ResponseHeaders `koanf:"response"`
	// WhenStatus are the codes or ranges of answers that response is for; empty means all.
	WhenStatus []string `example:"[200-399]" koanf:"when_status" numbers:"true"`
}

// RequestHeaders is what is changed in requests: first remove, then replace, default, set, add.
type RequestHeaders struct {
	// Set puts fields in place of those of the same name, also where that has underscores for hyphens,
	// as backends may take them for the same; an empty value removes.
	Set map[string]string `example:"{X-Real-IP: \"{client_ip}\"}" koanf:"set" secrets:"true" vars:"request"`
	// Add puts fields beside those of the same name.
	Add map[string]string `example:"{X-Tag: edge}" koanf:"add" secrets:"true" vars:"request"`
	// Default puts fields where there are none of the same name.
	Default map[string]string `example:"{Accept-Language: en}" koanf:"default" secrets:"true" vars:"request"`
	// Remove takes fields away, also where their name has underscores for hyphens; a name may end in *.
	Remove []string `example:"[\"X-SSL-*\"]" koanf:"remove"`
	// Replace rewrites values.
	Replace []RequestReplace `example:"[{name: Cookie, regex: \"debug=[^;]*\", with: \"\"}]" koanf:"replace" single:"true"`
	// Forwarded adds fields that other proxies add: port is X-Forwarded-Port, prefix X-Forwarded-Prefix, real_ip X-Real-IP.
	Forwarded []string `enum:"port|prefix|real_ip" example:"[port, real_ip]" koanf:"forwarded"`
}

// RequestReplace rewrites the values of one field.
type RequestReplace struct {
	// Name is the field.
	Name string `example:"Cookie" koanf:"name" required:"true"`
	// Regex is an RE2 expression; every place it matches is replaced.
	Regex string `example:"\"debug=[^;]*\"" koanf:"regex" required:"true"`
	// With is what is put there; $1 and ${1} are groups.
	With string `example:"$1" groups:"true" koanf:"with" vars:"request"`
}

// ResponseHeaders is what is changed in answers, in the order of requests.
type ResponseHeaders struct {
	// Set puts fields in place of those of the same name; an empty value removes.
	Set map[string]string `example:"{Cache-Control: no-store}" koanf:"set" secrets:"true" vars:"answer"`
	// Add puts fields beside those of the same name.
	Add map[string]string `example:"{Link: \"</app.css>; rel=preload\"}" koanf:"add" secrets:"true" vars:"answer"`
	// Default puts fields where there are none of the same name.
	Default map[string]string `example:"{Cache-Control: no-cache}" koanf:"default" secrets:"true" vars:"answer"`
	// Remove takes fields away; a name may end in *.
	Remove []string `example:"[Server, \"X-Debug-*\"]" koanf:"remove"`
	// Replace rewrites values.
	Replace []ResponseReplace `example:"[{name: Location, regex: \"^http:\", with: \"https:\"}]" koanf:"replace" single:"true"`
}

// ResponseReplace rewrites the values of one field.
type ResponseReplace struct {
	// Name is the field.
	Name string `example:"Location" koanf:"name" required:"true"`
	// Regex is an RE2 expression; every place it matches is replaced.
	Regex string `example:"\"^http:\"" koanf:"regex" required:"true"`
	// With is what is put there; $1 and ${1} are groups.
	With string `example:"\"https:\"" groups:"true" koanf:"with" vars:"answer"`
}

// check reports what is wrong with the keys.
func (s *StageHeaders) check(c *checker, path string) {
	q, a := &s.Request, &s.Response
	inRequest := len(q.Set) + len(q.Add) + len(q.Default) + len(q.Remove) + len(q.Replace) + len(q.Forwarded)
	inAnswer := len(a.Set) + len(a.Add) + len(a.Default) + len(a.Remove) + len(a.Replace)
	switch {
	case inRequest+inAnswer == 0:
		c.warnf(path, "changes nothing: it needs request or response")
	case inAnswer == 0 && len(s.WhenStatus) > 0:
		c.warnf(path+".when_status", "has no effect without response")
	}
	c.statusRanges(path+".when_status", s.WhenStatus)
	c.rules(path+".request", q.Set, q.Add, q.Default)
	c.rules(path+".response", a.Set, a.Add, a.Default)
	c.removed(path+".request.remove", q.Remove)
	c.removed(path+".response.remove", a.Remove)
	for i, r := range q.Replace {
		at := indexPath(path+".request.replace", i)
		c.fieldName(at+".name", r.Name)
		c.replacement(at, r.Regex, "with", r.With, varsRequest)
	}
	for i, r := range a.Replace {
		at := indexPath(path+".response.replace", i)
		c.fieldName(at+".name", r.Name)
		c.replacement(at, r.Regex, "with", r.With, varsAnswer)
	}
	c.noDuplicates(path+".request.forwarded", q.Forwarded)
}

// rules checks the fields that are given values.
func (c *checker) rules(path string, set, add, def map[string]string) {
	for key, fields := range map[string]map[string]string{path + ".set": set, path + ".add": add, path + ".default": def} {
		c.written(key, fields)
	}
	for _, name := range sortedNames(add) {
		if strings.EqualFold(name, wordHost) {
			c.reportf(joinPath(path+".add", name), "a request has one Host: write set")
		}
	}
}

// removed checks the fields that are taken away.
func (c *checker) removed(path string, names []string) {
	c.fieldPatterns(path, names)
	for i, name := range names {
		if strings.EqualFold(name, wordHost) {
			c.reportf(indexPath(path, i), "a request has to have a Host")
		}
	}
}

package proxies

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// stages are what a scenario has its contenders do beside forwarding, in the words of
// those that take part in it.
type stages struct {
	order string // of the route of isame-lb
	isame string // its middleware section
	alone bool   // isame alone has them, and before goes without: what they cost is the ratio
	// isameRoutes are further routes of isame-lb; $FOLDER is its own folder here, and in
	// what nginx is told.
	isameRoutes string
	// nginx's directives, of http, of the server and of its location.
	nginxHTTP, nginxServer, nginxLocation string
	// files are laid into the folder of each contender.
	files []file
	// path is asked for before anything is measured, and check refuses an answer that is not
	// what all of them have to give. bytes is the size of its content.
	path  string
	check func(a *http.Response, content []byte) error
}

// takesPart are the contenders that have words for stages.
func (s *stages) takesPart(name string) bool {
	return s == nil || name == isame || name == before || name == nginx && !s.alone
}

// of are those of one contender; nil: it goes without.
func (s *stages) of(name string) *stages {
	if s != nil && s.alone && name != isame {
		return nil
	}
	return s
}

// handled is a handler of fasthttp that does nothing to a GET. The program must be
// cmd/run/testdata/extended, which has registered it.
func handled() *stages {
	return &stages{
		order: "json", alone: true,
		isame: `
  json: {type: only_json, options: {say: no}}
`,
		path: "/inspect", check: func(*http.Response, []byte) error { return nil },
	}
}

// chained are what a service behind a gateway has most often. The rate is one that nobody
// reaches: what it costs to count is measured.
func chained() *stages {
	return &stages{
		order: "limit, fields, cut, secure",
		isame: `
  limit: {type: rate_limit, rate: 1000000, burst: 1000000, headers: none}
  fields:
    type: headers
    request:
      set: {X-Real-IP: "{client_ip}", X-Original-Method: "{method}", X-Original-URI: "{uri}", X-Edge: bench, X-Tenant: shop}
  cut: {type: rewrite, strip_prefix: /api}
  secure: {type: security_headers, frame: DENY, referrer_policy: no-referrer, csp: "default-src 'self'"}
`,
		nginxHTTP: `
	limit_req_zone $binary_remote_addr zone=one:10m rate=1000000r/s;`,
		nginxLocation: `
			limit_req zone=one burst=1000000 nodelay;
			proxy_set_header X-Real-IP $remote_addr;
			proxy_set_header X-Original-Method $request_method;
			proxy_set_header X-Original-URI $request_uri;
			proxy_set_header X-Edge bench;
			proxy_set_header X-Tenant shop;
			rewrite ^/api(/.*)$ $1 break;
			add_header X-Content-Type-Options nosniff always;
			add_header X-Frame-Options DENY always;
			add_header Referrer-Policy no-referrer always;
			add_header Content-Security-Policy "default-src 'self'" always;`,
		path: "/api/inspect?x=1", check: checkChained,
	}
}

func checkChained(a *http.Response, content []byte) error {
	var seen struct {
		URI    string      `json:"uri"`
		Header [][2]string `json:"header"`
	}
	if err := json.Unmarshal(content, &seen); err != nil {
		return fmt.Errorf("cannot read what the origin has seen: %w", err)
	}
	got := map[string]string{"uri": seen.URI}
	for _, f := range seen.Header {
		got[strings.ToLower(f[0])] = f[1]
	}
	for name := range a.Header {
		got["answer "+strings.ToLower(name)] = a.Header.Get(name)
	}
	for name, want := range map[string]string{
		"uri": "/inspect?x=1", "x-real-ip": "127.0.0.1", "x-original-method": "GET", "x-original-uri": "/api/inspect?x=1", "x-edge": "bench",
		"x-tenant": "shop", "answer x-content-type-options": "nosniff", "answer x-frame-options": "DENY",
		"answer referrer-policy": "no-referrer", "answer content-security-policy": "default-src 'self'",
	} {
		if got[name] != want {
			return fmt.Errorf("%s is %q; it must be %q", name, got[name], want) //nolint:err113 // for people
		}
	}
	return nil
}

// compressed is gzip as nginx is told to do it in many guides.
func compressed() *stages {
	return &stages{
		order: "small",
		isame: `
  small: {type: compress, encodings: [gzip]}
`,
		nginxLocation: `
			gzip on;
			gzip_comp_level 5;
			gzip_types application/json;
			gzip_proxied any;`,
		path: "/json", check: checkCompressed,
	}
}

func checkCompressed(a *http.Response, content []byte) error {
	if coding := a.Header.Get("Content-Encoding"); coding != "gzip" {
		return fmt.Errorf("the content has the coding %q; it must be gzip", coding) //nolint:err113 // for people
	}
	z, err := gzip.NewReader(strings.NewReader(string(content)))
	if err != nil {
		return fmt.Errorf("cannot read the content: %w", err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return fmt.Errorf("cannot read the content: %w", err)
	}
	if len(plain) != 16<<10 || !json.Valid(plain) {
		return fmt.Errorf("the content has %d bytes; it must be 16 KiB of JSON", len(plain)) //nolint:err113 // for people
	}
	return nil
}

// route is what the configuration of isame-lb says of the stages in its route.
func (s *stages) route() string {
	if s == nil || s.order == "" {
		return ""
	}
	return ", middleware: [" + s.order + "]"
}

// sections are its further routes and its middleware section.
func (s *stages) sections(dir string) string {
	switch {
	case s == nil:
		return ""
	case s.isame == "":
		return strings.ReplaceAll(s.isameRoutes, folderOf, dir)
	}
	return strings.ReplaceAll(s.isameRoutes, folderOf, dir) + "middleware:" + s.isame
}

// directives are those of nginx.
func (s *stages) directives(dir string) (global, server, location string) {
	if s == nil {
		return "", "", ""
	}
	return s.nginxHTTP, strings.ReplaceAll(s.nginxServer, folderOf, dir), s.nginxLocation
}

// verify asks once for what the stages must have done, and returns the size of the
// content.
func (s *stages) verify(ctx context.Context, e *entrant, header []string) (bytes int, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+s.path, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("cannot build a request: %w", err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	a, err := client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("cannot ask %s: %w", e.name, err)
	}
	defer a.Body.Close()
	content, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", a.StatusCode) //nolint:err113 // for people
	}
	if err == nil {
		err = s.check(a, content)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot take the answer of %s for what is asked: %w", e.name, err)
	}
	return len(content), nil
}

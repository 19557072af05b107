package config

import (
	"strings"
	"testing"
)

// TestStageWarnings has stages that are valid, and what is said of them.
func TestStageWarnings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, route, stages, want string }{
		{"unused", "pool: p", "a: {type: deny}", "middleware.a: warning: no route runs it"},
		{"used by a chain", "pool: p, middleware: [b]", "a: {type: request_id}, b: {type: chain, stages: [a]}", ""},
		{"behind a wall", "pool: p, middleware: [a, b]", "a: {type: deny}, b: {type: request_id}", `routes.r.middleware[1]: warning: "b" can never run: "a" answers every request before it`},
		{"behind a wall with a condition", "pool: p, middleware: [a, b]", "a: {type: deny, when: {path: /x}}, b: {type: request_id}", ""},
		{"behind a wall in a chain with a condition", "pool: p, middleware: [c, b]", "a: {type: deny}, b: {type: request_id}, c: {type: chain, stages: [a], unless: {path: /x}}", ""},
		{"behind a wall in a chain", "pool: p, middleware: [c, b]", "a: {type: deny}, b: {type: request_id}, c: {type: chain, stages: [a]}", `"b" can never run`},
		{"cors behind a wall", "pool: p, middleware: [a, b]", "a: {type: deny}, b: {type: cors, allow_origins: ['*']}", ""},
		{"redirect of all", "pool: p, middleware: [a, b]", "a: {type: redirect, to: /x}, b: {type: request_id}", `"b" can never run`},
		{"redirect by regex", "pool: p, middleware: [a, b]", "a: {type: redirect, to: /x, regex: a}, b: {type: request_id}", ""},
		{"maintenance", "pool: p, middleware: [a, b]", "a: {type: maintenance}, b: {type: request_id}", `"b" can never run`},
		{"maintenance that is off", "pool: p, middleware: [a, b]", "a: {type: maintenance, enabled: false}, b: {type: request_id}", ""},
		{"maintenance with guests", "pool: p, middleware: [a, b]", "a: {type: maintenance, allow: [10.0.0.0/8]}, b: {type: request_id}", ""},
		{"fault for all", "pool: p, middleware: [a, b]", "a: {type: fault, percent: 100, abort: 503}, b: {type: request_id}", `"b" can never run`},
		{"two compress", "pool: p, middleware: [a, b]", "a: {type: compress}, b: {type: compress}", `"b" has nothing to do beside "a"`},
		{"two compress, one with a condition", "pool: p, middleware: [a, b]", "a: {type: compress, when: {path: /x}}, b: {type: compress}", ""},
		{"two limits", "pool: p, middleware: [a, b]", "a: {type: buffer_limit, body_bytes: 1KiB}, b: {type: buffer_limit, body_bytes: 2KiB}", `routes.r.middleware[0]: warning: "a" has no effect: "b" behind it says something else`},
		{"two limits, the last one with a condition", "pool: p, middleware: [a, b]", "a: {type: timeout, timeout: 1s}, b: {type: timeout, timeout: 2s, when: {path: /x}}", ""},
		{"prefix of another route", "path_prefix: /v1, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", `"a" can never strip its prefix from a path of this route`},
		{"prefix of half a segment", "path_prefix: /apix, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", "can never strip"},
		{"prefix of the route", "path_prefix: /api/v1, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", ""},
		{"prefix below the route's", "path_prefix: /api, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api/v1}", ""},
		{"prefix of all", "path_prefix: /, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", ""},
		{"prefix of one path", "path: /api, pool: p, middleware: [a]", "a: {type: rewrite, strip_prefix: /api}", ""},
		{"rewrite behind another", "path_prefix: /v1, pool: p, middleware: [b, a]", "a: {type: rewrite, strip_prefix: /api}, b: {type: rewrite, add_prefix: /api}", ""},
		{"nothing is forwarded", "respond: {}, middleware: [a]", "a: {type: buffer}", `"a" has no effect on a route without pool or split`},
		{"cors without origins", "pool: p, middleware: [a]", "a: {type: cors, allow_methods: [GET]}", "middleware.a.allow_methods: warning: has no effect without allow_origins"},
		{"cors of nothing", "pool: p, middleware: [a]", "a: {type: cors}", "middleware.a: warning: has no effect without allow_origins"},
		{"headers of nothing", "pool: p, middleware: [a]", "a: {type: headers}", "middleware.a: warning: changes nothing: it needs request or response"},
		{"cookies of nothing", "pool: p, middleware: [a]", "a: {type: cookies}", "changes nothing"},
		{"all off", "pool: p, middleware: [a]", "a: {type: security_headers, content_type_nosniff: false}", "changes nothing"},
		{"rewrite of nothing", "pool: p, middleware: [a]", "a: {type: rewrite}", "changes nothing"},
		{"no bandwidth", "pool: p, middleware: [a]", "a: {type: bandwidth_limit}", "limits nothing"},
		{"no harm", "pool: p, middleware: [a]", "a: {type: fault, percent: 5}", "does no harm"},
		{"type of no body", "pool: p, middleware: [a]", "a: {type: deny, content_type: text/html}", "middleware.a.content_type: warning: has no effect without body or file"},
		{"body that is not sent", "pool: p, middleware: [a]", "a: {type: deny, close: true, body: b}", "middleware.a.body: warning: has no effect beside close: true"},
		{"path of no pool", "pool: p, middleware: [a]", "a: {type: error_pages, body: b, path: /x}", "middleware.a.path: warning: has no effect without pool"},
		{"TLS in clear text", "pool: p, middleware: [a]", "a: {type: forward_auth, url: 'http://a/', tls: {}}", "middleware.a.tls: warning: has no effect on a URL that begins with http://"},
		{"refresh of a file", "pool: p, middleware: [a]", "a: {type: jwt, jwks_file: testdata/stages.good.yaml, algorithms: ES256, refresh: 1m}", "middleware.a.refresh: warning: has no effect without jwks_url"},
		{"statuses of requests", "pool: p, middleware: [a]", "a: {type: headers, request: {remove: [A]}, when_status: [200]}", "middleware.a.when_status: warning: has no effect without response"},
		{"prefix of answers", "pool: p, middleware: [a]", "a: {type: rewrite, add_prefix: /a, answers: true}", ""},
		{"answers alone", "pool: p, middleware: [a]", "a: {type: rewrite, answers: true}", ""},
		{"cargo cult", "pool: p, middleware: [a]", "a: {type: headers, request: {set: {Upgrade: '{header.Upgrade}'}}}", "middleware.a.request.set.Upgrade: warning: has no effect: the proxy writes Upgrade itself, also for WebSockets"},
		{"cookies that browsers drop", "pool: p, middleware: [a]", "a: {type: cookies, same_site: none}", "browsers drop cookies"},
		{"keys in clear text", "pool: p, middleware: [a]", "a: {type: jwt, jwks_url: 'http://id.internal/keys', algorithms: ES256}", "keys come in clear text"},
		{"said once", "pool: p, middleware: [a, c]", "a: {type: chain, stages: [b, d]}, b: {type: deny}, c: {type: request_id}, d: {type: timeout, timeout: 1s}", `"c" can never run`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "listeners: {web: {address: ':0'}}\nroutes: {r: {" + c.route + "}}\npools: {p: {backends: [{address: 'a:1'}]}}\nmiddleware: {" + c.stages + "}\n"
			loaded := taken(t, Options{Data: []byte(text)})
			if c.want == "" && len(loaded.Warnings) > 0 || c.want != "" && !strings.Contains(loaded.Warnings.Error(), c.want) {
				t.Errorf("got %v; want %q", loaded.Warnings, c.want)
			}
		})
	}
}

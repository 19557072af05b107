package engine

import (
	"testing"
)

// stageRows has a row for each type of stage. A new stage is a new row.
func stageRows() map[string]func(t *testing.T) *stageRow {
	return map[string]func(t *testing.T) *stageRow{
		"affinity":          affinityRow,
		"api_key":           apiKeyRow,
		"bandwidth_limit":   bandwidthLimitRow,
		"basic_auth":        basicAuthRow,
		"buffer":            bufferRow,
		"buffer_limit":      bufferLimitRow,
		"chain":             chainRow,
		"compress":          compressRow,
		"concurrency_limit": concurrencyLimitRow,
		"cookies":           cookiesRow,
		"count":             countRow,
		"cors":              corsRow,
		"deny":              denyRow,
		"error_pages":       errorPagesRow,
		"fault":             faultRow,
		"forward_auth":      forwardAuthRow,
		"headers":           headersRow,
		"ip_filter":         ipFilterRow,
		"jwt":               jwtRow,
		"maintenance":       maintenanceRow,
		"mirror":            mirrorRow,
		"rate_limit":        rateLimitRow,
		"redirect":          redirectRow,
		"request_id":        requestIDRow,
		"rewrite":           rewriteRow,
		"security_headers":  securityHeadersRow,
		"timeout":           timeoutRow,
	}
}

// posts are the ways that have a content.
func posts() []string {
	return []string{"http/1.1 POST", "http/1.1 POST chunked", "http/2 POST", "http/3 POST"}
}

// gets are the others of their kind.
func gets() []string { return []string{"http/1.1 GET", "http/2 GET", "http/3 GET"} }

func bufferRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: buffer, request_bytes: 24B}
less: {type: buffer, request_bytes: 4B, when: {path: /less}}
`,
		order: "[s, less]",
		cases: []stageCase{
			{name: "without a content", kinds: append(gets(), upgradeWay)},
			{name: "whole", kinds: posts(), want: effect{seen: []string{"Content-Length: 24\r\n", contentSent}, unseen: []string{"chunked"}}},
			{name: "too large", target: "/less", kinds: posts(), want: effect{status: 413, cause: "body_too_large"}},
			{
				name: "never held back", target: "/less", kinds: posts()[1:2], fields: []string{"Incremental: ?1"},
				want: effect{seen: []string{"Transfer-Encoding: chunked\r\n", contentSent}},
			},
			{name: "nor a call", target: "/less", kinds: []string{callWay}, want: effect{seen: []string{"Te: trailers"}}},
		},
	}
}

func chainRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: chain, stages: [a, b]}
a: {type: headers, request: {add: {X-Seen: a}}, response: {add: {X-Back: a}}}
b: {type: headers, request: {add: {X-Seen: b}}, response: {add: {X-Back: b}}}
`,
		cases: []stageCase{{
			name: "in its order",
			want: effect{seen: []string{"X-Seen: a\r\nX-Seen: b\r\n"}, fields: []string{"X-Back: b", "X-Back: a"}},
		}},
	}
}

func denyRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
out: {type: headers, response: {set: {X-Out: "{status}"}}}
words: {type: deny, status: 404, body: gone, when: {path: /words}}
plain: {type: deny, when: {path: /plain}}
slow: {type: deny, tarpit: 20ms, when: {path: /slow}}
close: {type: deny, close: true, when: {path: /close}}
`,
		order: "[out, words, plain, slow, close]",
		cases: []stageCase{
			{name: "not asked", target: "/other", want: effect{fields: []string{"X-Out: 200", "X-Backend: yes"}}, but: map[string]effect{
				upgradeWay: {fields: []string{"X-Out: 101", "X-Backend: yes"}},
			}},
			{name: "refused", target: "/plain", want: effect{status: 403, cause: "denied", fields: []string{"X-Out: 403", "-X-Backend"}}},
			{name: "in its own words", target: "/words", want: effect{status: 404, cause: "denied", body: "gone"}},
			{name: "after a while", target: "/slow", want: effect{status: 403, cause: "denied"}},
			{name: "without an answer", target: "/close", want: effect{broken: true}},
		},
	}
}

func headersRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s:
  type: headers
  request:
    set: {X-A: "{method} {path} {protocol}", Host: "to.{header.X-B}"}
    remove: [X-Gone]
    replace: [{name: X-B, regex: "^o", with: "n"}]
    forwarded: [port, real_ip]
  response: {set: {X-Backend: "was {response.header.X-Backend}", X-Way: "{header.X-Way}"}}
`,
		cases: []stageCase{{
			name: "both phases", target: "/p%2F?q", fields: []string{"X-Gone: here", "X-B: old", "X-Way: {way}"},
			want: effect{
				seen:   []string{" /p%2F?q to.nld\n", "X-Real-Ip: 127.0.0.1\r\n", "X-B: nld\r\n", "X-Forwarded-Host: a.test"},
				unseen: []string{"X-Gone", "X-B: old"},
				fields: []string{"X-Backend: was yes"},
			},
		}},
		check: func(t *testing.T, w *way, _ *stageCase, got *told) {
			t.Helper()
			if way := got.fields.Get("X-Way"); way == "" {
				t.Errorf("%s: X-Way is empty in %v", w.name, got.fields)
			}
		},
	}
}

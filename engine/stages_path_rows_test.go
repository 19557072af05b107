package engine

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func rewriteRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: rewrite, strip_prefix: /api, add_prefix: /v1, host: "{path}.test", answers: true, when: {path_prefix: /api}}
user: {type: rewrite, regex: "^/user/([0-9]+)$", with: "/users/$1/{method}"}
`,
		order: "[s, user]",
		serve: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", "/v1/login")
			return false
		},
		cases: []stageCase{
			{
				name: "prefixes", target: "/api/a%2Fb//c;d?q=%3A",
				want: effect{seen: []string{" /v1/a%2Fb//c;d?q=%3A ", "X-Forwarded-Prefix: /api\r\n"}},
			},
			{name: "nothing behind it", target: "/api?", want: effect{seen: []string{" /v1/? "}}},
			{name: "not asked", target: "/apix", want: effect{seen: []string{" /apix a.test\n"}, unseen: []string{"X-Forwarded-Prefix"}}},
			{name: "expression", target: "/user/42?q", want: effect{seen: []string{" /users/42/"}, unseen: []string{"/user/42"}}},
		},
	}
}

func redirectRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
s: {type: redirect, to: "https://to.test{uri}", status: 302, when: {path_prefix: /away}}
again: {type: redirect, regex: "^https?://a.test/old/(.*)", to: "/new/$1"}
`,
		order: "[s, again]",
		cases: []stageCase{
			{
				name: "elsewhere", target: "/away/x%2Fy?q", kinds: []string{plainWay, upgradeWay},
				want: effect{status: 302, fields: []string{"Location: https://to.test/away/x%2Fy?q", "-X-Backend"}},
			},
			{
				name: "by an expression", target: "/old/x?q", kinds: []string{plainWay, upgradeWay},
				want: effect{status: 308, fields: []string{"Location: /new/x?q", "-X-Backend"}},
			},
			{name: "not asked", want: effect{fields: []string{"X-Backend: yes", "-Location"}}},
		},
	}
}

func requestIDRow(*testing.T) *stageRow {
	id := regexp.MustCompile(`\r\nX-Trace: [0-9a-f]{32}\r\n`)
	return &stageRow{
		stages: `s: {type: request_id, header: X-Trace, trust: never}`,
		cases: []stageCase{{
			name: "a new one", fields: []string{"X-Trace: of-the-client"}, want: effect{unseen: []string{"of-the-client"}},
		}},
		check: func(t *testing.T, _ *way, _ *stageCase, got *told) {
			t.Helper()
			if !id.MatchString(got.body) {
				t.Errorf("the backend saw\n%s; want an id in X-Trace", got.body)
			}
		},
	}
}

func cookiesRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `s: {type: cookies, set: {seen: "yes"}, remove: [debug], path: /p, same_site: lax}`,
		serve: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Add("Set-Cookie", "id=1; Path=/")
			w.Header().Add("Set-Cookie", "debug=1")
			return false
		},
		cases: []stageCase{{name: "of an answer"}},
		check: func(t *testing.T, _ *way, _ *stageCase, got *told) {
			t.Helper()
			all := "\n" + strings.Join(got.fields.Values("Set-Cookie"), "\n")
			if !strings.Contains(all, "\nseen=yes") || !strings.Contains(all, "\nid=1") || strings.Contains(all, "debug") ||
				strings.Count(all, "Path=/p") != 2 || strings.Count(strings.ToLower(all), "samesite=lax") != 2 {
				t.Errorf("got %s; want seen and id with Path=/p and SameSite=Lax", all)
			}
		},
	}
}

func corsRow(*testing.T) *stageRow {
	origin := "Origin: https://app.test"
	allowed := []string{"Access-Control-Allow-Origin: https://app.test", "Vary: Origin"}
	return &stageRow{
		stages: `
no: {type: deny, when: {path: /no}}
s: {type: cors, allow_origins: ["https://app.test"], allow_methods: [PUT], allow_credentials: true}
`,
		order: "[no, s]",
		cases: []stageCase{
			{name: "of the origin", kinds: []string{plainWay, callWay}, fields: []string{origin}, want: effect{fields: allowed}},
			{
				name: "of another one", kinds: []string{plainWay, callWay}, fields: []string{"Origin: https://b.test"},
				want: effect{fields: []string{"-Access-Control-Allow-Origin", "Vary: Origin"}},
			},
			{
				name: "asked before, and before others", method: http.MethodOptions, target: "/no", kinds: gets(),
				fields: []string{origin, "Access-Control-Request-Method: PUT"},
				want:   effect{status: 204, fields: append([]string{"Access-Control-Allow-Methods: PUT", "-X-Backend"}, allowed[0])},
			},
		},
	}
}

func securityHeadersRow(*testing.T) *stageRow {
	all := []string{"X-Content-Type-Options: nosniff", "X-Frame-Options: DENY", "Referrer-Policy: no-referrer"}
	return &stageRow{
		stages: `
s: {type: security_headers, frame: DENY, referrer_policy: no-referrer}
no: {type: deny, when: {path: /no}}
`,
		order: "[s, no]",
		serve: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Frame-Options", "SAMEORIGIN")
			return false
		},
		cases: []stageCase{
			{name: "of a backend", want: effect{fields: all}},
			{name: "of our own", target: "/no", want: effect{status: 403, cause: "denied", fields: all}},
		},
	}
}

func timeoutRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `s: {type: timeout, timeout: 50ms, when: {path: /stuck}}`, serve: stuck,
		cases: []stageCase{
			{name: "too late", target: "/stuck", want: effect{status: 504, cause: "timeout"}},
			{name: "in time", target: "/"},
		},
	}
}

func countRow(*testing.T) *stageRow {
	var before map[string]uint64
	return &stageRow{
		stages: `s: {type: count, labels: {tier: "{header.Tier}"}, max_series: 1}`,
		cases: []stageCase{
			{name: "the first value", fields: []string{"Tier: gold"}},
			{name: "the same again", fields: []string{"Tier: gold"}},
			{name: "another one", fields: []string{"Tier: silver"}},
		},
		begin: func(m *matrix) func() {
			before = counted(m)
			return func() {
				now := counted(m)
				gold, other := now["gold"]-before["gold"], now["other"]-before["other"]
				if len(now) != 2 || gold == 0 || gold != 2*other {
					m.t.Errorf("got %v after %v; want two of gold for each of other, and nothing else", now, before)
				}
			}
		},
	}
}

// counted are the series of count stages with a label tier, by its value.
func counted(m *matrix) map[string]uint64 {
	sums := map[string]uint64{}
	for _, r := range []*rig{m.web, m.quic} {
		var text strings.Builder
		r.engine.registry.WriteMetrics(&text, "")
		for line := range strings.Lines(text.String()) {
			var tier string
			var n uint64
			if _, err := fmt.Sscanf(line, `isame_custom_requests_total{name="s",tier=%q} %d`, &tier, &n); err == nil {
				sums[tier] += n
			}
		}
	}
	return sums
}

func bufferLimitRow(*testing.T) *stageRow {
	return &stageRow{
		stages: `
less: {type: buffer_limit, body_bytes: 4B}
more: {type: buffer_limit, body_bytes: 1KiB, when: {path: /more}}
`,
		order: "[less, more]", listener: ", limits: {body_bytes: 8B}",
		cases: []stageCase{
			{name: "too large", kinds: append(posts(), callWay), want: effect{status: 413, cause: "body_too_large"}},
			{name: "more than of the listener", target: "/more", kinds: append(posts(), callWay), but: map[string]effect{
				plainWay: {seen: []string{contentSent}},
			}},
			{name: "none", kinds: append(gets(), upgradeWay)},
		},
	}
}

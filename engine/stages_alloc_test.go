//go:build !race

package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// unallocated are stages, the field lines of a request and the end of its answer.
type unallocated struct {
	name, stages, order string
	fields              []string
	end                 string // empty: what the backend says
}

const saidBehind = "that is what the backend says"

// sayingBackend answers with fields that stages change.
func sayingBackend(t *testing.T) string {
	t.Helper()
	return rawBackend(t, "\r\n\r\n", fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: id=1; Path=/v1\r\nLocation: /v1/x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(saidBehind), saidBehind))
}

// TestStagesDoNotAllocate is TestExchangeDoesNotAllocate for routes with stages.
func TestStagesDoNotAllocate(t *testing.T) {
	for _, tc := range unallocatedStages(t) {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, strings.Replace(h2cListener, "{pool: p}", "{pool: p, middleware: "+tc.order+"}", 1)+
				"middleware:\n"+indent(tc.stages, 2), sayingBackend(t))
			lines := strings.Join(append([]string{"User-Agent: test/1.0", "Accept: */*"}, tc.fields...), "\r\n")
			request := []byte("GET /api/path?query=1 HTTP/1.1\r\nHost: example.org\r\n" + lines + "\r\n\r\n")
			end := []byte(saidBehind)
			if tc.end != "" {
				end = []byte(tc.end)
			}
			c, room := r.dial(), make([]byte, 4<<10)
			exchange := func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				for n := 0; !bytes.HasSuffix(room[:n], end) && !bytes.HasSuffix(room[:n], []byte(saidBehind)); {
					more, err := c.Read(room[n:])
					if n += more; err != nil {
						t.Fatalf("%v behind %q", err, room[:n])
					}
				}
			}
			for range 50 {
				exchange()
			}
			if n := testing.AllocsPerRun(300, exchange); n != 0 {
				t.Errorf("%v allocations an exchange; want 0", n)
			}
		})
	}
}

func unallocatedStages(t *testing.T) []unallocated {
	t.Helper()
	row := func(typ string) string { return stageRows()[typ](t).stages }
	jwt, basic := jwtRow(t), basicAuthRow(t)
	return []unallocated{
		{name: "a chain of many", stages: commonChain, order: commonOrder, fields: []string{"Cookie: a=b; token=x/y", "X-Debug: 1"}},
		{name: "chain", stages: row("chain"), order: "[s]"},
		{name: "deny", stages: `s: {type: deny, body: "no way"}`, order: "[s]", end: "no way"},
		{name: "deny, in the words of the proxy", stages: `s: {type: deny}`, order: "[s]", end: "\"denied\"}\n"},
		{name: "headers, replaced", stages: `s: {type: headers, request: {replace: [{name: X-A, regex: "^no$", with: "yes"}]}}`, order: "[s]", fields: []string{"X-A: other"}},
		{name: "ip_filter", stages: `s: {type: ip_filter, allow: [127.0.0.0/8], deny: [10.0.0.0/8]}`, order: "[s]"},
		{name: "concurrency_limit", stages: `s: {type: concurrency_limit, max_requests: 10, key: "header:X-Way"}`, order: "[s]", fields: []string{"X-Way: a"}},
		{name: "bandwidth_limit", stages: `s: {type: bandwidth_limit, response: 100MiB, request: 100MiB}`, order: "[s]"},
		{name: "rewrite", stages: row("rewrite"), order: "[s]"},
		{name: "rate_limit, refused", stages: `s: {type: rate_limit, rate: 0.001, burst: 1}`, order: "[s]", end: "\"rate_limited\"}\n"},
		{
			name: "rate_limit, several", order: "[s]", fields: []string{"X-Way: a"},
			stages: `s: {type: rate_limit, headers: legacy, limits: [{name: a, rate: 1000000}, {name: b, rate: 1000000, key: [host, "header:X-Way"]}]}`,
		},
		{name: "redirect", stages: `s: {type: redirect, to: "https://{host}{uri}"}`, order: "[s]", end: "\r\n\r\n"},
		{name: "error_pages", stages: `s: {type: error_pages, body: sorry}`, order: "[s]"},
		{name: "fault", stages: `s: {type: fault, percent: 0, abort: 500}`, order: "[s]"},
		{name: "cors", stages: row("cors"), order: "[s]", fields: []string{"Origin: https://app.test"}},
		{name: "cors, of another one", stages: row("cors"), order: "[s]", fields: []string{"Origin: https://b.test"}},
		{name: "request_id", stages: row("request_id"), order: "[s]"},
		{name: "request_id, uuid7", stages: `s: {type: request_id, format: uuid7}`, order: "[s]"},
		{name: "timeout", stages: `s: {type: timeout, timeout: 5s}`, order: "[s]"},
		{name: "buffer_limit", stages: `s: {type: buffer_limit, body_bytes: 1KiB}`, order: "[s]"},
		{name: "buffer", stages: `s: {type: buffer, request_bytes: 1KiB}`, order: "[s]"},
		{name: "maintenance", stages: `s: {type: maintenance, body: back soon}`, order: "[s]", end: "back soon"},
		{name: "cookies", stages: `s: {type: cookies, set: {seen: "{request_id}"}, remove: [debug], same_site: lax}`, order: "[s]"},
		{name: "jwt", stages: jwt.stages, order: "[s]", fields: jwt.cases[0].fields},
		{name: "api_key", stages: row("api_key"), order: "[s]", fields: stageRows()["api_key"](t).cases[0].fields},
		{name: "basic_auth", stages: basic.stages, order: "[s]", fields: basic.cases[0].fields},
		{name: "conditions", stages: `s: {type: deny, when: {path_prefix: /admin}, unless: {client_ips: [127.0.0.0/8], headers: {X-A: {regex: "^a"}}}}`, order: "[s]"},
	}
}

// TestHTTP2StagesDoNotAllocate is the same for clients of HTTP/2.
func TestHTTP2StagesDoNotAllocate(t *testing.T) {
	r := start(t, strings.Replace(h2cListener, "{pool: p}", "{pool: p, middleware: "+commonOrder+"}", 1)+
		"middleware:\n"+indent(commonChain, 2), sayingBackend(t))
	c := newBareClient(t, r, "", ":method", "GET", ":scheme", "http", ":authority", "example.org", ":path", "/api/path?query=1",
		"user-agent", "test/1.0", "cookie", "a=b; token=x/y", "x-debug", "1")
	exchange := func() {
		if !c.exchange() {
			t.Fatal("the session or the stream was broken off")
		}
	}
	for range 50 {
		exchange()
	}
	if n := testing.AllocsPerRun(300, exchange); n != 0 {
		t.Errorf("%v allocations an exchange; want 0", n)
	}
}

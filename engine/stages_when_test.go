package engine

import "testing"

// A stage runs where its conditions hold: deny tells.
func TestStagesRunWhereTheirConditionsHold(t *testing.T) {
	for _, tc := range []struct {
		name, keys   string
		denied, lets []string // target and field lines
	}{
		{"always", "", []string{"/"}, nil},
		{"path", "when: {path: /a}", []string{"/a", "/a?x", "/%61"}, []string{"/a/", "/b"}},
		{"path as it is once normalised", "when: {path: /caf%C3%A9//a}", []string{"/caf%c3%a9/a"}, []string{"/cafe/a"}},
		{"path_prefix as it is once normalised", "when: {path_prefix: /%61//b/}", []string{"/a/b/c"}, []string{"/a/b"}},
		{"path_prefix", "when: {path_prefix: /a}", []string{"/a", "/a/b", "//a//b"}, []string{"/ab", "/"}},
		{"path_regex", `when: {path_regex: "^/v[0-9]+/"}`, []string{"/v1/x"}, []string{"/v/x"}},
		{"methods", "when: {methods: [POST]}", nil, []string{"/"}},
		{"methods, HEAD along", "when: {methods: [GET]}", []string{"/"}, nil},
		{
			"hosts", `when: {hosts: ["a.test", "*.b.test", "c.*", "[2001:DB8:0::1]"]}`,
			[]string{"/|Host: [2001:db8::1]:80", "/|Host: A.test:80", "/|Host: a.test.", "/|Host: a.test.:80", "/|Host: x.b.test", "/|Host: c.org"},
			[]string{"/|Host: b.test", "/|Host: ac.org", "/|Host: c."},
		},
		{"hosts_regex", `when: {hosts_regex: ["^shop[0-9]$"]}`, []string{"/|Host: Shop1:8080"}, []string{"/|Host: shop"}},
		{"headers", `when: {headers: {X-A: "1"}}`, []string{"/|x-a: 1", "/|X-A: 2|X-A: 1"}, []string{"/", "/|X-A: 11"}},
		{"headers there", `when: {headers: {X-A: "*"}}`, []string{"/|X-A: any"}, []string{"/"}},
		{"headers by regex", `when: {headers: {User-Agent: {regex: "(?i)bot"}}}`, []string{"/|User-Agent: aBOT"}, []string{"/"}},
		{"headers absent", `when: {headers: {X-A: {absent: true}}}`, []string{"/"}, []string{"/|X-A: " + "1"}},
		{"query", `when: {query: {debug: "1"}}`, []string{"/?a=2&debug=1"}, []string{"/?debug=2", "/"}},
		{"query however spelled", `when: {query: {debug: "a 1"}}`, []string{"/?%64ebug=a+%31", "/?debug=2&debug=a%201"}, []string{"/?debug=a1"}},
		{"query by regex", `when: {query: {debug: {regex: "^[0-9]$"}}}`, []string{"/?debug=%31"}, []string{"/?debug=12"}},
		{"query absent", `when: {query: {debug: {absent: true}}}`, []string{"/?a=1"}, []string{"/?debug", "/?%64ebug=1"}},
		{"query there", `when: {query: {debug: "*"}}`, []string{"/?debug", "/?debug="}, []string{"/?debugs=1"}},
		{"client_ips", `when: {client_ips: [127.0.0.0/8]}`, []string{"/"}, nil},
		{"client_ips of others", `when: {client_ips: [10.0.0.0/8]}`, nil, []string{"/", "/|X-Forwarded-For: 10.1.1.1"}},
		{"protocol", `when: {protocol: [http1]}`, []string{"/"}, nil},
		{"other protocols", `when: {protocol: [h2, h3, grpc, websocket]}`, nil, []string{"/"}},
		{"sni", `when: {sni: [a.test]}`, nil, []string{"/"}},
		{"all of them", `when: {path: /a, headers: {X-A: "1"}}`, []string{"/a|X-A: 1"}, []string{"/a", "/|X-A: 1"}},
		{"one of them", `when: [{path: /a}, {path: /b}]`, []string{"/a", "/b"}, []string{"/c"}},
		{"not", `when: {path_prefix: /a, not: [{path: /a/x}, {query: {q: "1"}}]}`, []string{"/a", "/a/y"}, []string{"/a/x", "/a?q=1"}},
		{"nothing", `when: {}`, []string{"/"}, nil},
		{"unless", `unless: {path: /a}`, []string{"/b"}, []string{"/a"}},
		{"unless all of them", `unless: {path: /a, query: {q: "1"}}`, []string{"/a", "/?q=1"}, []string{"/a?q=1"}},
		{"unless nothing", `unless: {}`, []string{"/"}, nil},
		{"both", "when: {path_prefix: /a}\n  unless: {path: /a/x}", []string{"/a/y"}, []string{"/a/x", "/b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := staged(t, "no:\n  type: deny\n  "+tc.keys, "middleware: [no]")
			for status, all := range map[int][]string{403: tc.denied, 200: tc.lets} {
				for _, request := range all {
					target, lines := cutAsked(request)
					if resp, _ := r.ask("GET", target, lines...); resp.StatusCode != status {
						t.Errorf("%q: got %d; want %d", request, resp.StatusCode, status)
					}
				}
			}
		})
	}
}

// The conditions of a chain are those of its stages, too.
func TestConditionsOfAChain(t *testing.T) {
	r := staged(t, `
all: {type: chain, stages: [no], when: {path_prefix: /a}}
no: {type: deny, unless: {path: /a/x}}
`, "middleware: [all]")
	for target, want := range map[string]int{"/a": 403, "/a/x": 200, "/b": 200} {
		if resp, _ := r.ask("GET", target); resp.StatusCode != want {
			t.Errorf("%s: got %d; want %d", target, resp.StatusCode, want)
		}
	}
}

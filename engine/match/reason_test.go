package match

import (
	"net/netip"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// fixed are the facts of a test's request.
type fixed struct {
	fields   [][2]string
	client   netip.Addr
	name     string
	protocol Protocols
}

func (f *fixed) NextField(at int) (name, value []byte, next int) {
	if at >= len(f.fields) {
		return nil, nil, -1
	}
	return []byte(f.fields[at][0]), []byte(f.fields[at][1]), at + 1
}

func (f *fixed) Client() netip.Addr { return f.client }

func (f *fixed) ServerName() string { return f.name }

func (f *fixed) Protocols() Protocols { return f.protocol }

func aRequest() *Request {
	return &Request{
		Host: []byte("A.test:80"), Method: []byte("PUT"), Path: []byte("/a/b"), RawQuery: []byte("q=1%2B&q=2&flag"),
		Facts: &fixed{
			fields: [][2]string{{"X-Env", "prod"}, {"x-env", "test"}}, client: netip.MustParseAddr("10.0.0.1"),
			name: "a.test", protocol: HTTP2 | Call,
		},
	}
}

// Why predicates do not hold, with what they ask and what the request has.
func TestFailures(t *testing.T) {
	type values = map[string]config.Match
	for _, c := range []struct {
		p                        config.Predicates
		predicate, value, reason string
	}{
		{config.Predicates{}, "", "", ""},
		{config.Predicates{Hosts: []string{"b.test", "*.c"}, HostsRegex: []string{"^d"}}, "hosts", "A.test:80", `host "A.test:80" is none of b.test, *.c, ~^d`},
		{config.Predicates{Path: "/x"}, "path", "/a/b", `path "/a/b" is not /x`},
		{config.Predicates{PathPrefix: "/x/"}, "path_prefix", "/a/b", `path "/a/b" is not /x/*`},
		{config.Predicates{PathRegex: "^x"}, "path_regex", "/a/b", `path "/a/b" is not ~^x`},
		{config.Predicates{Methods: []string{"GET", "POST"}}, "methods", "PUT", `method "PUT" is not one of GET, POST`},
		{config.Predicates{ClientIPs: []string{"11.0.0.0/8", "::1"}}, "client_ips", "10.0.0.1", "client 10.0.0.1 is in none of 11.0.0.0/8, ::1/128"},
		{config.Predicates{Protocol: []string{"h3", "websocket"}}, "protocol", "h2, grpc", "it comes as h2, grpc, not as h3, websocket"},
		{config.Predicates{SNI: []string{"b.test"}}, "sni", "a.test", `TLS server name "a.test" is none of b.test`},
		{config.Predicates{Headers: values{"X-Env": {Is: "dev"}}}, "headers.x-env", "prod, test", `header x-env is "prod, test", not "dev"`},
		{config.Predicates{Headers: values{"X-Env": {Regex: "^d"}}}, "headers.x-env", "prod, test", `header x-env is "prod, test", which does not match "^d"`},
		{config.Predicates{Headers: values{"X-Env": {Absent: true}}}, "headers.x-env", "prod, test", `there is a header x-env: "prod, test"`},
		{config.Predicates{Headers: values{"X-Other": {Is: "*"}}}, "headers.x-other", "", "there is no header x-other"},
		{config.Predicates{Query: values{"q": {Is: "3"}}}, "query.q", "1+, 2", `query parameter q is "1+, 2", not "3"`},
		{config.Predicates{Query: values{"flag": {Is: "1"}}}, "query.flag", "", `query parameter flag is "", not "1"`},
		{config.Predicates{Query: values{"Q": {Is: "*"}}}, "query.Q", "", "there is no query parameter Q"},
	} {
		p, err := New(&c.p)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Failure(aRequest()); got != (Failure{c.predicate, c.value, c.reason}) {
			t.Errorf("got %+v; want %s, %s: %s", got, c.predicate, c.value, c.reason)
		}
		if got := p.Holds(aRequest()); got != (c.reason == "") {
			t.Errorf("%+v: got %v", c.p, got)
		}
	}
	p, err := New(&config.Predicates{ClientIPs: []string{"10.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Failure(&Request{}).Reason; got != "the client has no address" {
		t.Errorf("without facts: got %q", got)
	}
}

func TestReasonsOfConditions(t *testing.T) {
	get, put := config.Predicates{Methods: []string{"GET"}}, config.Predicates{Methods: []string{"PUT"}}
	for _, c := range []struct {
		sections []config.Condition
		want     string
	}{
		{nil, "it has no section"},
		{[]config.Condition{{Predicates: put}}, ""},
		{[]config.Condition{{Predicates: get}}, `method "PUT" is not one of GET`},
		{[]config.Condition{{Predicates: put, Not: []config.Predicates{get, put}}}, "section 2 of its not holds"},
		{[]config.Condition{{Predicates: get}, {Predicates: get}}, `none of its 2 sections holds; of the first one method "PUT" is not one of GET`},
		{[]config.Condition{{Predicates: get}, {Predicates: put}}, ""},
	} {
		o, err := NewCondition(c.sections)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Reason(aRequest()); got != c.want {
			t.Errorf("got %q; want %q", got, c.want)
		}
	}
}

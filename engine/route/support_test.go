package route

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// routes is a configuration in the tests' tables.
type routes = map[string]config.Route

// The words of the tables.
type (
	is     = config.Predicates
	values = map[string]config.Match
)

// header is a list of name and value pairs.
type header [][2]string

// facts are those of a test's request.
type facts struct {
	header   header
	client   netip.Addr
	sni      string
	protocol match.Protocols
}

func (f *facts) NextField(at int) (name, value []byte, next int) {
	if at >= len(f.header) {
		return nil, nil, -1
	}

	return []byte(f.header[at][0]), []byte(f.header[at][1]), at + 1
}

func (f *facts) Client() netip.Addr { return f.client }

func (f *facts) ServerName() string { return f.sni }

func (f *facts) Protocols() match.Protocols { return f.protocol }

// build is an index with the listeners web and tls.
func build(tb testing.TB, r routes) *Index {
	tb.Helper()

	x, err := Build(r, []string{"web", "tls"})
	if err != nil {
		tb.Fatalf("Build: %v", err)
	}

	return x
}

// sent is the header of a test's request.
func (q *Query) sent() header {
	f, ok := q.Facts.(*facts)
	if !ok {
		return nil
	}

	return f.header
}

// request reads "METHOD host/path?query Name:value ..." into a Query for the
// listener web. The path begins at the first "/"; "METHOD host *" is OPTIONS *.
func request(text string) *Query {
	words := strings.Fields(text)
	target, rawQuery, _ := strings.Cut(words[1], "?")

	host, path := target, ""
	if i := strings.IndexByte(target, '/'); i >= 0 {
		host, path = target[:i], target[i:]
	}

	q := &Query{Request: match.Request{
		Method: []byte(words[0]), Host: []byte(host), Path: []byte(path), RawQuery: []byte(rawQuery),
	}}
	f := &facts{protocol: match.HTTP1}

	for _, word := range words[2:] {
		if word == "*" {
			q.Path = []byte("*")

			continue
		}

		name, value, _ := strings.Cut(word, ":")
		f.say(name, value)
	}

	q.Facts = f

	return q
}

// name is the route's name, or "none".
func (x *Index) name(route int) string {
	if route < 0 {
		return "none"
	}

	return x.Names()[route]
}

// say sets a fact; those of the connection begin with "@".
func (f *facts) say(name, value string) {
	switch name {
	case "@client":
		f.client = netip.MustParseAddr(value)
	case "@sni":
		f.sni = value
	case "@h2":
		f.protocol = match.HTTP2
	case "@websocket":
		f.protocol |= match.Upgrade
	default:
		f.header = append(f.header, [2]string{name, value})
	}
}

// fields is a header that allocates nothing when read.
type fields []struct{ name, value []byte }

func (f *fields) NextField(at int) (name, value []byte, next int) {
	if at >= len(*f) {
		return nil, nil, -1
	}

	return (*f)[at].name, (*f)[at].value, at + 1
}

func (f *fields) Client() netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, 1}) }

func (f *fields) ServerName() string { return "a.example.org" }

func (f *fields) Protocols() match.Protocols { return match.HTTP1 }

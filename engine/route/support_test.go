package route

import (
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// routes is a configuration in the tests' tables.
type routes = map[string]config.Route

// header is a list of name and value pairs.
type header [][2]string

func (h *header) Len() int { return len(*h) }

func (h *header) At(i int) (name, value []byte) {
	return []byte((*h)[i][0]), []byte((*h)[i][1])
}

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
	h, ok := q.Head.(*header)
	if !ok {
		return nil
	}

	return *h
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

	q := &Query{Method: []byte(words[0]), Host: []byte(host), Path: []byte(path), RawQuery: []byte(rawQuery)}
	head := &header{}

	for _, word := range words[2:] {
		if word == "*" {
			q.Path = []byte("*")

			continue
		}

		name, value, _ := strings.Cut(word, ":")
		*head = append(*head, [2]string{name, value})
	}

	q.Head = head

	return q
}

// name is the route's name, or "none".
func (x *Index) name(route int) string {
	if route < 0 {
		return "none"
	}

	return x.Names()[route]
}

// fields is a header that allocates nothing when read.
type fields []struct{ name, value []byte }

func (f *fields) Len() int { return len(*f) }

func (f *fields) At(i int) (name, value []byte) { return (*f)[i].name, (*f)[i].value }

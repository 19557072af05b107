package record

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// sample is a recorder with five exchanges, which ended in this order.
func sample(t *testing.T) *Recorder {
	t.Helper()
	c := New(2)
	c.Configure(Limits{Records: 100, Errors: 40, Slow: 10})
	api, shop, p, q := NewName("api"), NewName("shop"), NewName("p"), NewName("q")
	one, two := NewName("10.0.0.1:80"), NewName("10.0.0.2:80")
	for i, e := range []struct {
		path, host, method, client string
		route, pool                *Name
		backends                   []*Name
		end                        end.End
		status                     uint16
		took                       int64
	}{
		{"/1", "a.test", "GET", "192.0.2.1", api, p, []*Name{one}, end.OK, 200, ms(10)},
		{"/2", "A.test:8080", "POST", "192.0.2.2", api, q, []*Name{one, two}, end.Timeout, 504, ms(3000)},
		{"/3", strings.Repeat("h", 40) + ".test", "GET", "2001:db8::1", shop, p, []*Name{two}, end.OK, 500, ms(20)},
		{"/4", "[::1]:80", "PROPFIND", "", nil, nil, nil, end.NoRoute, 404, 0},
		{"/5", "a.test", "HEAD", "192.0.3.1", shop, q, []*Name{two}, end.ClientGone, 499, ms(700)},
	} {
		r := &Record{Took: e.took, End: e.end, Status: e.status, Route: c.Names.Number(e.route), Pool: c.Names.Number(e.pool)}
		r.SetRequest([]byte(e.method), []byte(e.host), []byte(e.path))
		r.SetID(fmt.Appendf(nil, "id-%d", i+1))
		ip, _ := netip.ParseAddr(e.client)
		r.SetClient(ip)
		var trail Trail
		for _, b := range e.backends {
			trail.Begin(c.Names.Number(b), 0, 0)
		}
		trail.Into(r)
		now := 100*second + int64(i)*ms(10)
		r.Started = now - e.took
		c.Put(i%2, now, r)
	}
	return c
}

func TestFilters(t *testing.T) {
	c := sample(t)
	ended := func(i int) time.Time {
		v := find(t, c, Query{}).Records[5-i]
		return v.Started.Add(v.Took)
	}
	for _, tc := range []struct {
		name string
		f    Filter
		want string
	}{
		{"all", Filter{}, "/5 /4 /3 /2 /1"},
		{"id", Filter{ID: "id-3"}, "/3"},
		{"another id", Filter{ID: "id-9"}, ""},
		{"route", Filter{Route: "shop"}, "/5 /3"},
		{"route that is a pool", Filter{Route: "p"}, ""},
		{"route nobody knows", Filter{Route: "none"}, ""},
		{"pool", Filter{Pool: "p"}, "/3 /1"},
		{"backend", Filter{Backend: "10.0.0.1:80"}, "/2 /1"},
		{"backend that was asked last", Filter{Backend: "10.0.0.2:80"}, "/5 /3 /2"},
		{"end", Filter{Ends: []end.End{end.Timeout}}, "/2"},
		{"ends", Filter{Ends: []end.End{end.Timeout, end.OK}}, "/3 /2 /1"},
		{"errors", Filter{Errors: true}, "/5 /4 /3 /2"},
		{"status", Filter{StatusFrom: 404, StatusTo: 404}, "/4"},
		{"class", Filter{StatusFrom: 500, StatusTo: 599}, "/3 /2"},
		{"method", Filter{Method: "GET"}, "/3 /1"},
		{"other method", Filter{Method: "PROPFIND"}, "/4"},
		{"host", Filter{Host: "A.TEST"}, "/5 /2 /1"},
		{"host with port", Filter{Host: "a.test:8080"}, "/2"},
		{"address", Filter{Host: "[::1]"}, "/4"},
		{"part of a host", Filter{Host: "a.tes"}, ""},
		{"long host", Filter{Host: strings.Repeat("h", 40) + ".test"}, "/3"},
		{"what is kept of one", Filter{Host: strings.Repeat("h", 32)}, ""},
		{"client", Filter{Client: netip.MustParsePrefix("192.0.2.2/32")}, "/2"},
		{"network", Filter{Client: netip.MustParsePrefix("192.0.2.0/23")}, "/5 /2 /1"},
		{"network of version 6", Filter{Client: netip.MustParsePrefix("2001:db8::/32")}, "/3"},
		{"since", Filter{Since: ended(3)}, "/5 /4 /3"},
		{"until", Filter{Until: ended(3)}, "/3 /2 /1"},
		{"from there to there", Filter{Since: ended(2), Until: ended(4)}, "/4 /3 /2"},
		{"slower", Filter{Slower: 20 * time.Millisecond}, "/5 /3 /2"},
		{"two", Filter{Route: "api", Errors: true}, "/2"},
		{"two that exclude each other", Filter{Route: "api", Method: "HEAD"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := strings.Join(paths(find(t, c, Query{Filter: tc.f})), " "); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
	if got := strings.Join(paths(find(t, c, Query{Slowest: true})), " "); got != "/2 /5 /3 /1 /4" {
		t.Errorf("slowest: got %q", got)
	}
}

// What is said of one record is what was put there.
func TestViews(t *testing.T) {
	a := find(t, sample(t), Query{Filter: Filter{ID: "id-2"}})
	v := a.Records[0]
	if v.Route != "api" || v.Pool != "q" || v.Method != "POST" || v.Host != "A.test:8080" || v.Path != "/2" || v.Status != 504 ||
		v.End != end.Timeout || v.Phase != end.PhaseAnswer || v.Client.String() != "192.0.2.2" || v.ID != "id-2" || v.IDCut || v.Took != 3*time.Second {
		t.Errorf("got %+v", v)
	}
	if len(v.Tries) != 2 || v.Tries[0].Backend != "10.0.0.1:80" || v.Tries[1].Backend != "10.0.0.2:80" || v.Tries[1].Place != 2 {
		t.Errorf("got %+v", v.Tries)
	}
}

// Pages have each record once, in both orders, while others come.
func TestPages(t *testing.T) {
	for _, slowest := range []bool{false, true} {
		c := New(3)
		c.Configure(Limits{Records: 2000, Errors: 2000, Slow: 100})
		put := func(i int64, path string) {
			r := exchange(path, []end.End{end.OK, end.Reset}[i%2], 200)
			r.Took = ms(i % 7)
			r.Started = 100*second + ms(i/4)
			c.Put(int(i%3), 100*second, r)
		}
		const many = 1000
		for i := range int64(many) {
			put(i, fmt.Sprint("/", i))
		}
		seen, q := map[string]bool{}, Query{Limit: 33, Slowest: slowest}
		last := int64(1 << 62)
		for pages := 0; ; pages++ {
			a := find(t, c, q)
			for i := range a.Records {
				v := &a.Records[i]
				key := v.Started.Add(v.Took).UnixNano()
				if slowest {
					key = int64(v.Took)
				}
				if seen[v.Path] || key > last {
					t.Fatalf("page %d: %s is there twice, or out of order", pages, v.Path)
				}
				if v.Path != "/new" {
					seen[v.Path], last = true, key
				}
			}
			if len(a.Records) > q.Limit || a.Next == "" != (len(a.Records) < q.Limit) && len(seen) < many {
				t.Fatalf("page %d: %d records, next %q", pages, len(a.Records), a.Next)
			}
			if a.Next == "" {
				break
			}
			q.After = a.Next
			put(many*8+int64(pages), "/new") // ended later than all others
		}
		if len(seen) != many {
			t.Errorf("slowest %v: got %d; want %d", slowest, len(seen), many)
		}
	}
}

func TestCursors(t *testing.T) {
	c := sample(t)
	next := find(t, c, Query{Limit: 2}).Next
	for _, tc := range []struct {
		name, after string
		slowest     bool
	}{
		{"of the other order", next, true},
		{"nonsense", "x", false},
		{"number that is none", "n1.2.-", false},
		{"more", next + ".1", false},
	} {
		_, err := c.Find(&Query{Limit: 2, After: tc.after, Slowest: tc.slowest})
		if _, refused := errors.AsType[*CursorError](err); !refused {
			t.Errorf("%s: got %v; want it refused", tc.name, err)
		}
	}
	if got := paths(find(t, c, Query{Limit: 2, After: next})); !slices.Equal(got, []string{"/3", "/2"}) {
		t.Errorf("got %q; want what follows", got)
	}
}

// How far back the records go is said rightly: as far as the shard that has dropped most.
func TestReach(t *testing.T) {
	c := New(2)
	c.Configure(Limits{Records: 10, Errors: 4})
	began := c.rings.Load().since
	put := func(shard int, at int64, e end.End) {
		r := exchange("/", e, 502)
		r.Status, r.Took = map[end.End]uint16{end.OK: 200, end.Reset: 502}[e], 0
		r.Started = at
		c.Put(shard, at, r)
	}
	a := find(t, c, Query{})
	if !a.Reach.All.Equal(began) || !a.Reach.Errors.Equal(began) {
		t.Errorf("at first: got %v; want %v", a.Reach, began)
	}
	put(0, 10*second, end.Reset)
	for i := range int64(15) {
		put(1, 20*second+ms(i), end.OK)
	}
	a = find(t, c, Query{})
	oldest := a.Records[0]
	for i := range a.Records {
		if v := &a.Records[i]; v.Shard == 1 && v.Started.Before(oldest.Started) {
			oldest = *v
		}
	}
	if !a.Reach.All.Equal(oldest.Started) || !a.Reach.Errors.Equal(began) {
		t.Errorf("got %v; want %v and %v", a.Reach, oldest.Started, began)
	}
}

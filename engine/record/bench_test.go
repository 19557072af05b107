package record

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

// BenchmarkPut is what the recorder costs an exchange, its attempt included, with rings as
// large as they are by default.
func BenchmarkPut(b *testing.B) {
	for _, e := range []end.End{end.OK, end.Reset} {
		b.Run(fmt.Sprint("end=", e), func(b *testing.B) {
			c := New(1)
			c.Configure(Limits{Records: 65536, Errors: 16384, Slow: 4096})
			method, host, path, id := []byte("GET"), []byte("example.org"), []byte("/path/to/something"), []byte("0123456789abcdef0123456789abcdef")
			now, ip, backend, route, pool := second, netip.MustParseAddr("192.0.2.7"), NewName("10.0.0.1:80"), NewName("api"), NewName("p")
			put := func() {
				var trail Trail
				trail.Begin(c.Names.Number(backend), now-50_000, now-50_000)
				trail.Opened(Connection{Reused: true, MadeNanos: 1, IdledNanos: now - 90_000})
				trail.Ended(end.OK, 200, now-10_000, now)
				var r Record
				r.Started, r.Took, r.End, r.Status = now, 50_000, e, 200
				r.In, r.Out, r.Generation, r.Route, r.Pool = SizeOf(100), SizeOf(200), 1, c.Names.Number(route), c.Names.Number(pool)
				r.SetRequest(method, host, path)
				r.SetID(id)
				r.SetClient(ip)
				trail.Into(&r)
				c.Put(0, now, &r)
				now += 10_000
			}
			for range 70_000 {
				put()
			}
			b.ReportAllocs()
			for b.Loop() {
				put()
			}
		})
	}
}

// BenchmarkFind reads rings that are full, and finds one record.
func BenchmarkFind(b *testing.B) {
	c := New(2)
	c.Configure(Limits{Records: 65536, Errors: 16384, Slow: 4096})
	for i := range 140_000 {
		r := exchange("/", end.OK, 200)
		r.SetID(fmt.Append(nil, i))
		c.Put(i%2, second, r)
	}
	b.ReportAllocs()
	for b.Loop() {
		if a, err := c.Find(&Query{Filter: Filter{ID: "139999"}, Limit: 10}); err != nil || len(a.Records) != 1 {
			b.Fatal(a, err)
		}
	}
}

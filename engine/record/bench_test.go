package record

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

// BenchmarkPut is what the recorder costs an exchange, with rings as large as they are by
// default, which no cache holds.
func BenchmarkPut(b *testing.B) {
	for _, e := range []end.End{end.OK, end.Reset} {
		b.Run(fmt.Sprint("end=", e), func(b *testing.B) {
			c := New(1)
			c.Configure(Limits{Records: 65536, Errors: 16384, Slow: 4096})
			method, host, path, id := []byte("GET"), []byte("example.org"), []byte("/path/to/something"), []byte("0123456789abcdef0123456789abcdef")
			now := second
			put := func() {
				var r Record
				r.Started, r.Took, r.End, r.Status = now, 1000, e, 200
				r.SetRequest(method, host, path)
				r.SetID(id)
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

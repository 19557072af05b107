package engine

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/explain"
)

// BenchmarkExplain asks about one of many routes: each with a host and a path of its own,
// or all of one host and path, so that each has to be tried.
func BenchmarkExplain(b *testing.B) {
	for _, kind := range []string{"apart", "together"} {
		for _, routes := range []int{10, 10_000} {
			b.Run(fmt.Sprintf("kind=%s/routes=%d", kind, routes), func(b *testing.B) {
				var text strings.Builder
				text.WriteString("listeners: {web: {address: \"127.0.0.1:0\"}}\npools: {p: {backends: [{address: \"127.0.0.1:9\"}]}}\nroutes:\n")
				for i := range routes {
					if kind == "apart" {
						fmt.Fprintf(&text, "  r%d: {hosts: [h%d.test], path_prefix: /p%d, pool: p}\n", i, i%100, i)
					} else {
						fmt.Fprintf(&text, "  r%d: {path: /, headers: {X-N: \"%d\"}, pool: p}\n", i, i)
					}
				}
				r := startLogged(b, io.Discard, text.String(), "")
				q := explain.Question{URL: fmt.Sprintf("http://h%d.test/p%d/x", (routes-1)%100, routes-1)}
				if kind == "together" {
					q = explain.Question{URL: "http://h.test/", Fields: lines(fmt.Sprintf("X-N: %d", routes-1))}
				}
				b.ReportAllocs()
				for b.Loop() {
					if e, err := r.engine.Explain(&q); err != nil || e.Forward == nil {
						b.Fatalf("%+v, %v", e, err)
					}
				}
			})
		}
	}
}

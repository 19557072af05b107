package ledger

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
)

// BenchmarkRevise changes one route among many: all of it but what an engine does.
func BenchmarkRevise(b *testing.B) {
	for _, routes := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("listeners: {web: {address: \"127.0.0.1:80\"}}\nroutes:\n")
			for i := range routes {
				fmt.Fprintf(&text, "  r%d: {path: /%d, pool: p%d}\n", i, i, i%(routes/10))
			}
			text.WriteString("pools:\n")
			for i := range routes / 10 {
				fmt.Fprintf(&text, "  p%d: {backends: [{address: \"127.0.0.1:1\"}, {address: \"127.0.0.1:2\"}]}\n", i)
			}
			file, err := config.Load(config.Options{File: "a.yaml", Data: []byte(text.String())})
			if err != nil {
				b.Fatal(err)
			}
			l, err := Open(Options{
				Do:    func(_ context.Context, f func()) error { f(); return nil },
				Apply: func(*config.Loaded, uint64) error { return nil },
				Load: func(d *config.Document, name string) (*config.Loaded, error) {
					return config.Load(config.Options{Document: d, File: name})
				},
				Logger: zerolog.Nop(),
			})
			if err != nil {
				b.Fatal(err)
			}
			l.Begin(file)
			l.Begun()
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				patch := fmt.Appendf(nil, `{"priority":%d}`, n)
				out, err := l.Revise(&Revision{Path: []string{"routes", "r1"}, Edit: Merge(patch, "routes", "r1"), Match: &Match{Any: true}})
				if err != nil || out.Unchanged {
					b.Fatal(err, out.Unchanged)
				}
			}
		})
	}
}

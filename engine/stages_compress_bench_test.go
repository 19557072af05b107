package engine

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// BenchmarkBesideCompressed asks for a byte while another client of the same shard is
// given 16 MiB of text, over and over.
func BenchmarkBesideCompressed(b *testing.B) {
	var text strings.Builder
	for r := rand.New(rand.NewPCG(3, 3)); text.Len() < 16<<20; {
		fmt.Fprintf(&text, "{%d: %d, name: word%d}\n", r.IntN(100_000), r.IntN(1_000_000), r.IntN(3000))
	}
	r := oneShard(b, io.Discard, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [small]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {small: {type: compress}}
`, backend(b, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if q.URL.Path == "/long" {
			_, _ = io.WriteString(w, text.String())
			return
		}
		_, _ = io.WriteString(w, "x")
	}))
	for _, coding := range []string{"identity", "zstd", "gzip", "br"} {
		b.Run("coding="+coding, func(b *testing.B) {
			client, ended := &http.Client{Transport: &http.Transport{DisableCompression: true}}, make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-ended:
						return
					default:
						resp := r.request(client, "/long", coding)
						_, _ = io.Copy(io.Discard, resp.Body)
						_ = resp.Body.Close()
					}
				}
			})
			c := r.dial()
			for b.Loop() {
				c.get("/short")
			}
			close(ended)
			wg.Wait()
			client.CloseIdleConnections()
		})
	}
}

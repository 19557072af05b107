package config

import (
	"bytes"
	"fmt"
	"testing"
)

// manyBackends is a configuration of n routes and pools with two backends each.
func manyBackends(n int) []byte {
	var b bytes.Buffer
	b.WriteString("listeners: {web: {address: \":8080\"}}\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  r%d: {hosts: [h%d.example], path_prefix: /api, pool: p%d}\n", i, i, i)
	}
	b.WriteString("pools:\n")
	for i := range n {
		fmt.Fprintf(&b, "  p%d: {backends: [{address: \"10.0.0.1:%d\"}, {address: \"10.0.0.2:%d\", weight: 2}]}\n", i, i+1, i+1)
	}
	return b.Bytes()
}

// BenchmarkLoad is the cost of reading a configuration, which every reload pays.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("pools=%d", n), func(b *testing.B) {
			text := manyBackends(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(Options{Data: text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package config

import (
	"bytes"
	"fmt"
	"testing"
)

// largeText is a configuration of 10,000 routes and 1,000 pools of five backends.
func largeText() []byte {
	var b bytes.Buffer
	b.WriteString("listeners: {web: {address: \":8080\"}}\nroutes:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  r%05d: {hosts: [h%d.example], path_prefix: /api, pool: p%03d, timeout: 5s}\n", i, i, i%1000)
	}
	b.WriteString("pools:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  p%03d:\n    algorithm: p2c\n    backends:\n", i)
		for k := range 5 {
			fmt.Fprintf(&b, "      - {address: \"10.0.%d.%d:%d\", weight: 2}\n", i/250, i%250, 8000+k)
		}
	}
	return b.Bytes()
}

// BenchmarkDocument is what a change by the API costs beside Load.
func BenchmarkDocument(b *testing.B) {
	text := largeText()
	d, err := ParseDocument(text, formatYAML, "")
	if err != nil {
		b.Fatal(err)
	}
	asJSON, err := d.Encode(formatJSON, false)
	if err != nil {
		b.Fatal(err)
	}
	patch := []byte(`{"routes": {"r05000": {"timeout": "6s"}}}`)
	changed, err := d.MergePatch(patch)
	if err != nil {
		b.Fatal(err)
	}
	apart, err := ParseDocument(asJSON, formatJSON, "")
	if err != nil {
		b.Fatal(err)
	}
	route, err := ParsePart([]byte(`{"pool": "p001", "hosts": ["x.example"]}`), formatJSON, "routes", "r05000")
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		run  func() error
	}{
		{"do=parse/format=yaml", func() error { _, err := ParseDocument(text, formatYAML, ""); return err }},
		{"do=parse/format=json", func() error { _, err := ParseDocument(asJSON, formatJSON, ""); return err }},
		{"do=encode/format=yaml", func() error { _, err := d.Encode(formatYAML, true); return err }},
		{"do=encode/format=json", func() error { _, err := d.Encode(formatJSON, true); return err }},
		{"do=hash", func() error { d.Hash(hashKey); return nil }},
		{"do=diff/shared=all", func() error { Diff(d, changed, hashKey); return nil }},
		{"do=diff/shared=none", func() error { Diff(apart, changed, hashKey); return nil }},
		{"do=patch", func() error { _, err := d.MergePatch(patch); return err }},
		{"do=with", func() error { _, err := d.With(route, "routes", "r05000"); return err }},
		{"do=at", func() error { _, _ = d.At("routes", "r05000"); return nil }},
		{"do=referrers", func() error { d.Referrers("pools", "p001"); return nil }},
		{"do=rewrite", func() error { _, err := changed.Rewrite(text); return err }},
		{"do=load", func() error { _, err := Load(Options{Document: d}); return err }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bench.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package codec

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGzipIsAsSmallAsZlib5 compares with gzip -5, which makes what nginx makes with
// gzip_comp_level 5: 16 KiB of JSON may be 1.03 times as long.
func TestGzipIsAsSmallAsZlib5(t *testing.T) {
	for seed := range uint64(5) {
		content := document(t, 16<<10, 20+seed)
		out := appendWhole(nil, content, Gzip, Default)
		theirs := pipe(t, content, "gzip", "-5", "-n", "-c")
		ratio := float64(len(out)) / float64(len(theirs))
		t.Logf("seed %d: %d bytes; gzip -5 %d; %.3f", seed, len(out), len(theirs), ratio)
		if ratio > 1.03 {
			t.Errorf("seed %d: got %.3f times the size of gzip -5; want at most 1.03", seed, ratio)
		}
	}
}

// TestLevelsAreWorthTheirName: more work makes less, and each coding earns its place.
func TestLevelsAreWorthTheirName(t *testing.T) {
	content := document(t, 64<<10, 30)
	size := func(c Coding, l Level) int { return len(appendWhole(nil, content, c, l)) }
	for c := Gzip; int(c) < codings; c++ {
		fastest, usual, best := size(c, Fastest), size(c, Default), size(c, Best)
		t.Logf("%s: fastest %d, default %d, best %d of %d bytes", c, fastest, usual, best, len(content))
		if fastest <= usual || usual <= best || fastest > len(content)/2 {
			t.Errorf("%s: got %d, %d and %d bytes; want each level smaller than the one before", c, fastest, usual, best)
		}
	}
}

// TestReadmeTellsTheBounds keeps the numbers of README.md and of the tests together.
func TestReadmeTellsTheBounds(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(".", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for c := Gzip; int(c) < codings; c++ {
		for l := range Level(levels) {
			if row := memoryRow(c, l); !contains(text, row) {
				t.Errorf("README.md lacks %q", row)
			}
		}
	}
}

package config

import (
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	tests := []struct {
		text    string
		want    Size
		printed string
	}{
		{"0", 0, "0"},
		{"0B", 0, "0"},
		{"512B", 512, "512B"},
		{"1KiB", 1024, "1KiB"},
		{"1024B", 1024, "1KiB"},
		{"16 KiB", 16384, "16KiB"},
		{"1.5MiB", 3 << 19, "1536KiB"},
		{"1kB", 1000, "1kB"},
		{"1KB", 1000, "1kB"},
		{"1MB", 1e6, "1MB"},
		{"1GB", 1e9, "1GB"},
		{"1GiB", 1 << 30, "1GiB"},
		{"3TB", 3e12, "3TB"},
		{"1TiB", 1 << 40, "1TiB"},
	}
	for _, tt := range tests {
		got, err := ParseSize(tt.text)
		if err != nil || got != tt.want || got.String() != tt.printed {
			t.Errorf("%q: got %d, %q, %v; want %d, %q", tt.text, got, got, err, tt.want, tt.printed)
		}
	}
}

func TestSizesRefused(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "is not a size"},
		{"KiB", "is not a size"},
		{"16384", `has no unit: write 16384B`},
		{"-1KiB", "is negative"},
		{"10m", "(did you mean \"MiB\"?)"},
		{"1e3B", "is not a size"},
		{"0x10B", "is not a size"},
		{"InfB", "is not a size"},
		{"0.3B", "is not a whole number of bytes"},
		{"9999999TiB", "is too large"},
		{"1XB", "is not a size"},
		{"1KiKiB", "its unit"},
	}
	for _, tt := range tests {
		if got, err := ParseSize(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %d, %v; want an error with %q", tt.text, got, err, tt.want)
		}
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{time.Nanosecond, "1ns"},
		{250 * time.Millisecond, "250ms"},
		{10 * time.Second, "10s"},
		{time.Minute, "60s"},
		{90 * time.Second, "90s"},
		{2 * time.Minute, "2m"},
		{1500 * time.Millisecond, "1.5s"},
		{time.Hour, "1h"},
		{time.Hour + time.Second, "1h0m1s"},
		{time.Hour + time.Minute, "1h1m"},
		{10 * time.Minute, "10m"},
		{20 * time.Hour, "20h"},
	}
	for _, tt := range tests {
		got := FormatDuration(tt.d)
		if back, err := time.ParseDuration(got); got != tt.want || err != nil || back != tt.d {
			t.Errorf("%v: got %q, which reads as %v, %v; want %q", tt.d, got, back, err, tt.want)
		}
	}
}

func TestPathsSplitIntoTheirKeys(t *testing.T) {
	tests := [][]string{
		{"log"},
		{"pools", "api", "algorithm"},
		{"pools", "a.b", "x"},
		{"pools", `quote"d`, `back\slash`},
		{"pools", "a[0]", "x"},
		{"pools", "über"},
	}
	for _, keys := range tests {
		path := ""
		for i, key := range keys {
			if parent := parentPath(joinPath(path, key)); parent != path {
				t.Errorf("parent of %s: got %q; want %q", joinPath(path, key), parent, path)
			}
			path = joinPath(path, key)
			got, ok := splitPath(path)
			if !ok || strings.Join(got, "\x00") != strings.Join(keys[:i+1], "\x00") {
				t.Errorf("%s: got %q, %v; want %q", path, got, ok, keys[:i+1])
			}
		}
		if got := parentPath(indexPath(path, 12)); got != path {
			t.Errorf("parent of an item: got %q; want %q", got, path)
		}
	}
}

//nolint:misspell // mistakes are what is tested
func TestNearestWord(t *testing.T) {
	keys := []string{"address", "weight", "backup", "max_requests", "path", "path_prefix"}
	tests := []struct{ word, want string }{
		{"adress", "address"},
		{"addres", "address"},
		{"wieght", "weight"},
		{"BACKUP", "backup"},
		{"maxrequests", "max_requests"},
		{"pth", "path"},
		{"xyzzy", ""},
		{"", ""},
		{"a", ""},
		{strings.Repeat("x", 1000), ""},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, keys); got != tt.want {
			t.Errorf("%q: got %q; want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "a", 1},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"abc", "abd", 1},
		{"abc", "xabc", 1},
		{"kitten", "sitting", 3},
		{"ab", "ba", 1},
		{"abcdef", "uvwxyz", 6},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b, 10); got != tt.want {
			t.Errorf("%q, %q: got %d; want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a, 10); got != tt.want {
			t.Errorf("%q, %q: got %d; want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

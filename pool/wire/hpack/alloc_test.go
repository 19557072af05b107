//go:build !race

package hpack

import (
	"errors"
	"testing"
	"unsafe"
)

func TestHotPathDoesNotAllocate(t *testing.T) {
	first, indexed := encodeTheirs(t, benchRequest)
	spelled := withoutIndexing(benchRequest)
	tooLarge := first
	var d, small Decoder
	var e Encoder
	d.Reset(Limits{})
	small.Reset(Limits{ListBytes: 100})
	e.Reset()
	names, values := make([][]byte, len(benchResponse)), make([][]byte, len(benchResponse))
	for i, f := range benchResponse {
		names[i], values[i] = []byte(f.name), []byte(f.value)
	}
	dst := make([]byte, 0, 4096)
	var f Field
	decode := func(d *Decoder, block []byte) error {
		d.Begin(block)
		for {
			if more, err := d.Next(&f); !more {
				return err
			}
		}
	}
	turn := 0
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"insertions", func() { _ = decode(&d, first) }},
		{"indexed", func() { _ = decode(&d, indexed) }},
		{"Huffman", func() { _ = decode(&d, spelled) }},
		{"too large", func() {
			if err := decode(&small, tooLarge); !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			if err := small.Skip(); err != nil {
				t.Fatal(err)
			}
		}},
		{"response", func() {
			dst = e.AppendStatus(dst[:0], 200)
			for i := range names[1:] {
				dst = e.AppendField(dst, names[i+1], values[i+1], Auto)
			}
		}},
		{"ever new fields", func() {
			turn++
			name, value := [4]byte{'x', '-', byte('a' + turn%7), 'Z'}, [2]byte{byte('a' + turn%26), byte('a' + turn/26%26)}
			dst = e.AppendField(dst[:0], name[:], value[:], Index)
			dst = e.AppendNamed(dst, IDServer, value[:], Index)
			dst = e.AppendEntry(dst, EntryMethodGET)
		}},
		{"table size", func() {
			turn++
			e.SetTableMax(uint32(1000 + turn%2*1000))
			dst = e.AppendEntry(dst[:0], EntryMethodGET)
		}},
		{"reset", func() { d.Reset(Limits{}); e.Reset() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 500 {
				c.run() // memory grows to what the tables need
			}
			if n := testing.AllocsPerRun(1000, c.run); n != 0 {
				t.Errorf("got %v allocations; want 0", n)
			}
		})
	}
}

// TestBadBlockDoesNotAllocate: what an attacker sends costs no garbage.
func TestBadBlockDoesNotAllocate(t *testing.T) {
	blocks := [][]byte{unhex("80"), unhex("ff 80 80 80 80 80"), unhex("01 84 ff ff ff ff"), unhex("82 20")}
	var d Decoder
	if n := testing.AllocsPerRun(1000, func() {
		for _, block := range blocks {
			d.Reset(Limits{})
			d.Begin(block)
			if err := d.Skip(); err == nil {
				t.Fatal("want an error")
			}
		}
	}); n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}

// TestIdleConnectionIsSmall: both are part of every HTTP/2 connection.
func TestIdleConnectionIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(Decoder{}); got > 200 {
		t.Errorf("a Decoder has %d bytes; want at most 200", got)
	}
	if got := unsafe.Sizeof(Encoder{}); got > 112 {
		t.Errorf("an Encoder has %d bytes; want at most 112", got)
	}
	if got := unsafe.Sizeof(entry{}); got != 12 {
		t.Errorf("an entry has %d bytes; want 12", got)
	}
	if got := unsafe.Sizeof(index{}); got != 256 {
		t.Errorf("an index has %d bytes; want 256", got)
	}
}

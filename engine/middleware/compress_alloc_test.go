//go:build !race

package middleware

import (
	"strings"
	"testing"
)

// TestCompressAllocatesLittle: the stage itself allocates nothing, nor does gzip.
func TestCompressAllocatesLittle(t *testing.T) {
	run := compressCall(t, "gzip", []byte(strings.Repeat("some text ", 1000)))
	run()
	if got := testing.AllocsPerRun(100, func() { run() }); got != 0 {
		t.Errorf("got %v allocations; want none", got)
	}
}

package codec

import (
	"bytes"
	"fmt"
)

// memoryMax is what an open stream may take, in MiB: after one small event that was
// flushed, and after 4 MiB.
var memoryMax = [codings][levels]struct{ event, long float64 }{
	Gzip:   {Default: {1.1, 1.1}, Fastest: {0.8, 0.8}, Best: {1.4, 1.4}},
	Brotli: {Default: {1.1, 2.9}, Fastest: {0.1, 0.4}, Best: {2.1, 3.8}},
	Zstd:   {Default: {2.1, 2.4}, Fastest: {1.0, 1.2}, Best: {4.9, 5.3}},
}

// memoryRow is how README.md states it.
func memoryRow(c Coding, l Level) string {
	return fmt.Sprintf("| %#q | %s | %.1f | %.1f |", c, l, memoryMax[c][l].event, memoryMax[c][l].long)
}

func contains(text []byte, row string) bool { return bytes.Contains(text, []byte(row)) }

#!/usr/bin/env bash
# zstd in Go: the best level holds 34 MiB for each open stream, however small its window
#
# Version:  github.com/klauspost/compress v1.20.4, package zstd; one stream, concurrency 1, lower memory.
# Guess:    what an open stream holds follows its window: 128 KiB of it is what makes thousands of
#           streams possible at any level.
# Seen:     the tables of the levels do not follow the window. With 128 KiB an open stream holds about 1,
#           2, 4 and 34 MiB at the levels fastest, default, better and best; at best the window of
#           8 MiB adds 8 MiB to that, and nothing takes the 34 away.
# Why care: a server that compresses answers as they come holds that for each of them: 1,000 event
#           streams at best are 34 GiB, at default 2.
#
# Needs: go and its module proxy. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// held is what a stream of 4 MiB holds before its end, in MiB.
func held(level zstd.EncoderLevel, window int) uint64 {
	text := make([]byte, 64<<10)
	for i := range text {
		text[i] = byte(i * i >> 5)
	}
	before := heap()
	w, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(level), zstd.WithWindowSize(window),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err)
	}
	for range 64 {
		if _, err := w.Write(text); err != nil {
			panic(err)
		}
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	after := heap()
	runtime.KeepAlive(w)
	return (after - before + 1<<19) >> 20
}

func main() {
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression, zstd.SpeedBestCompression} {
		fmt.Printf("%v, window 128 KiB: %d MiB\n", level, held(level, 128<<10))
	}
	fmt.Printf("%v, window 8 MiB: %d MiB\n", zstd.SpeedBestCompression, held(zstd.SpeedBestCompression, 8<<20))
}
GO
cat >go.mod <<'MOD'
module finding

go 1.24
MOD
go get github.com/klauspost/compress@v1.20.4 >/dev/null 2>&1
got="$(go run .)"
echo "$got"
awk '
	{ n = $(NF - 1) }
	/^fastest/ && n <= 2 { seen++ }
	/^default/ && n <= 3 { seen++ }
	/^better/ && n <= 6 { seen++ }
	/^best, window 128/ && n >= 32 && n <= 36 { seen++ }
	/^best, window 8 MiB/ && n >= 40 && n <= 44 { seen++ }
	END { exit seen == 5 ? 0 : 1 }
' <<<"$got" || { echo 'changed; it was about 1, 2, 4, 34 and 42 MiB' >&2; exit 1; }

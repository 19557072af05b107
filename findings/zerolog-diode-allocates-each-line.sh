#!/usr/bin/env bash
# zerolog: a logger that allocates nothing allocates for each line once diode is behind it
#
# Version:  github.com/rs/zerolog v1.35.1 (packages zerolog and zerolog/diode).
# Guess:    diode is the asynchronous writer of a library whose promise is zero allocation: it
#           reuses its ring's memory, and its goroutine writes what has gathered in one call.
# Seen:     each line is copied and boxed, more than one allocation and more bytes than the line, and
#           each is written by a call of its own, however many wait. The same logger without
#           diode: 0 allocations a line.
# Why care: for access logs the cost is in the write calls; diode keeps all of them, adds
#           garbage, and drops lines when the calls are slow.
#
# Needs: go and its module proxy. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main_test.go <<'GO'
package finding

import (
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"
)

// gate counts calls and lines; the first call waits, so that lines gather behind it.
type gate struct {
	open  sync.WaitGroup
	calls atomic.Int32
	lines atomic.Int32
	done  chan struct{}
	want  int32
}

func (g *gate) Write(p []byte) (int, error) {
	g.calls.Add(1)
	g.open.Wait()
	n := int32(0)
	for _, c := range p {
		if c == '\n' {
			n++
		}
	}
	if g.lines.Add(n) == g.want {
		close(g.done)
	}
	return len(p), nil
}

func TestLinesAreWrittenOneByOne(t *testing.T) {
	g := &gate{done: make(chan struct{}), want: 500}
	g.open.Add(1)
	log := zerolog.New(diode.NewWriter(g, 1000, 0, nil))
	for range 500 {
		log.Info().Str("path", "/a/b/c").Int("status", 200).Msg("request")
	}
	g.open.Done()
	<-g.done
	t.Logf("500 lines that had gathered: %d calls of Write", g.calls.Load())
	if g.calls.Load() != 500 {
		t.Fail()
	}
}

func TestEachLineAllocates(t *testing.T) {
	bare := zerolog.New(io.Discard)
	behind := zerolog.New(diode.NewWriter(io.Discard, 1<<16, 0, nil))
	count := func(log zerolog.Logger) float64 {
		return testing.AllocsPerRun(5000, func() { log.Info().Str("path", "/a/b/c").Int("status", 200).Msg("request") })
	}
	without, with := count(bare), count(behind)
	t.Logf("allocations a line: %.0f without diode, %.0f with it", without, with)
	if without != 0 || with < 2 {
		t.Fail()
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/rs/zerolog@v1.35.1 >/dev/null 2>&1
go test -count=1 -v . | grep -E 'lines that|allocations|FAIL|ok'

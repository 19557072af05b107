#!/usr/bin/env bash
# Go: runtime.Gosched in long work does not let the network run, a sleep of 20 us does
#
# Version:  go1.26.0, Linux.
# Guess:    work that calls runtime.Gosched every 100 us shares its processor: a goroutine whose socket has
#           something to read gets its turn at the next call, as Gosched "yields the processor, allowing other
#           goroutines to run".
# Seen:     on one processor (GOMAXPROCS=1) the quickest of 20 round trips over loopback takes 20 ms beside such work, 10 ms for
#           each of the two sockets. Gosched puts the caller back into the queue of those who can run, and the scheduler
#           looks at the network only where that queue is empty; else its monitor does, every 10 ms.
#           With time.Sleep(20 * time.Microsecond) in its place the quickest takes less than 1 ms, as the
#           queue is empty for a moment.
# Why care: a proxy or a server with as many busy goroutines as processors answers 10 ms late per hop while a report, a
#           scrape or a reload is made, however often that yields.
#
# Needs: go and its module proxy (the toolchain comes from there). Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.0 GOMAXPROCS=1

cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// quickest is that of 20 round trips beside work that calls away every 100 us.
func quickest(away func()) time.Duration {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			panic(err)
		}
		for b := make([]byte, 4); ; {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			c.Write(b)
		}
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	var ends atomic.Bool
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		for !ends.Load() {
			for began := time.Now(); time.Since(began) < 100*time.Microsecond; {
			}
			away()
		}
	}()
	best := time.Hour
	for range 20 {
		began, b := time.Now(), []byte("ping")
		c.Write(b)
		if _, err := io.ReadFull(c, b); err != nil {
			panic(err)
		}
		best = min(best, time.Since(began))
	}
	ends.Store(true)
	<-worked
	return best
}

func main() {
	yields := quickest(runtime.Gosched)
	sleeps := quickest(func() { time.Sleep(20 * time.Microsecond) })
	fmt.Printf("%s: the quickest of 20 round trips took %v beside work with Gosched, %v beside work with Sleep\n", runtime.Version(), yields, sleeps)
	if yields < 5*time.Millisecond || sleeps > time.Millisecond {
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go run .

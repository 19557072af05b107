package engine

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run when a test leaves a goroutine behind. Sweepers of
// fasthttp, and what keeps a lock of certmagic's fresh, are let pass: they sleep for
// seconds at a time, then end by themselves.
func TestMain(m *testing.M) {
	checksPhases = true // every test holds each step of each exchange against transitions
	code := m.Run()
	if left := goroutinesLeft(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// goroutinesLeft waits a moment for goroutines that are about to end.
func goroutinesLeft() string {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	buf := make([]byte, 4<<20)
	for limit := time.Now().Add(5 * time.Second); ; <-tick.C {
		var left []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if !isSweeper(g) && !strings.Contains(g, "testing.(*M).Run") && !strings.Contains(g, "goroutinesLeft") && !strings.Contains(g, "os/signal.") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(limit) {
			return strings.Join(left, "\n\n")
		}
	}
}

// isSweeper reports a goroutine of a library that ends by itself.
func isSweeper(stack string) bool {
	return strings.Contains(stack, "keepLockfileFresh") || strings.Contains(stack, "connsCleaner") || strings.Contains(stack, "updateServerDate") || strings.Contains(stack, "workerPool).Start")
}

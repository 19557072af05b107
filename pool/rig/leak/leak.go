// Package leak fails the tests of a package that leave goroutines behind. Only tests
// import it, from TestMain; it imports nothing of ours, so that every room can use it.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take that are about to end. Some of libraries sleep
// for five seconds at a time.
const patience = 10 * time.Second

// sweepers are goroutines of libraries that end by themselves, much later, or that the
// process has once.
var sweepers = []string{
	"keepLockfileFresh", "connsCleaner", "mCleaner", "updateServerDate", "workerPool).Start", "os/signal.",
	"inMemoryCacheManager).handleCleanCache", "stackless.funcWorker", // of fasthttp: SendFile, CompressHandler
	"gofiber/fiber/", // clocks and sweepers of memory
}

// Main runs the tests and ends the process.
func Main(m *testing.M) {
	code := m.Run()
	if left := goroutines(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// goroutines are those that do not end in time.
func goroutines() string {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	buf := make([]byte, 4<<20)
	for limit := time.Now().Add(patience); ; <-tick.C {
		var left []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if !isExpected(g) {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(limit) {
			return strings.Join(left, "\n\n")
		}
	}
}

// IsSweeper reports the stack of a goroutine of a library that ends by itself, much later.
func IsSweeper(stack string) bool {
	return slices.ContainsFunc(sweepers, func(s string) bool { return strings.Contains(stack, s) })
}

func isExpected(stack string) bool {
	return IsSweeper(stack) || strings.Contains(stack, "testing.(*M).Run") || strings.Contains(stack, "leak.goroutines")
}

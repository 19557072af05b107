// Package leak fails the tests of a package that leave goroutines behind. Only tests
// import it, from TestMain; it imports nothing of ours, so that every room can use it.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main runs the tests and ends the process. The cleaner of a fasthttp.HostClient is let
// pass: it sleeps for connections.idle at a time and ends by itself once its client has
// no connection.
func Main(m *testing.M) {
	code := m.Run()
	if leaked := leakedGoroutines(); code == 0 && leaked != "" {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", leaked)
		code = 1
	}
	os.Exit(code)
}

// leakedGoroutines waits a moment for goroutines that are about to end.
func leakedGoroutines() string {
	var left string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if left = ownGoroutines(); left == "" {
			return ""
		}
	}
	return left
}

func ownGoroutines() string {
	buf := make([]byte, 1<<20)
	var own []string
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "testing.(*M).Run") || strings.Contains(g, "leak.ownGoroutines") ||
			strings.Contains(g, "connsCleaner") || strings.Contains(g, "os/signal.") ||
			strings.Contains(g, "fasthttp.updateServerDate") {
			continue
		}
		own = append(own, g)
	}
	return strings.Join(own, "\n\n")
}

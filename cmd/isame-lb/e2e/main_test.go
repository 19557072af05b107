// Package e2e runs the real isame-lb binary on real sockets, with real backends
// (Go, raw bytes, nginx) and real clients (Go, raw bytes, curl, isame-ctl).
//
// It imports nothing of the proxy: what it knows is the public surface. Start
// reading at process_test.go, which starts the binary; the tests stand in small
// files by subject. Everything waits for events with a deadline; ports are
// chosen by the kernel and read from the log. Tests that mostly wait, for leases, drains and
// renewals, run behind the others and beside each other (t.Parallel).
package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The programs under test, built once; set by TestMain before any test runs.
var (
	lbBinary  string
	ctlBinary string
)

// waitersAtOnce is how many of the tests that mostly wait run at a time.
const waitersAtOnce = "5"

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	// The race detector sleeps a second at the end of each process unless it is told not to.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "isame-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot make a folder for the programs:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// With a profile every package would be compiled once more: those of the tests are without.
	args := []string{"build", "-pgo=off", "-o", dir + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
	}
	command := exec.Command("go", append(args, "../../isame-lb", "../../isame-ctl")...)
	if out, err := command.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the programs: %v\n%s", err, out)
		return 1
	}
	http.DefaultClient.Timeout = 2 * patience // a test that would hang fails
	lbBinary, ctlBinary = filepath.Join(dir, "isame-lb"), filepath.Join(dir, "isame-ctl")
	flag.Parse()
	if err := flag.Set("test.parallel", waitersAtOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Package kill shows that what a process keeps on the disk is whole after kill -9: it runs the
// test's own binary as a process that writes one state after the other, kills it at a random
// moment, and has the test start again with what is there. Only tests import it; it imports
// nothing of ours, so that every room can use it.
package kill

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Rounds is how often something is killed: ISAME_KILLS times, else a few.
func Rounds(t testing.TB, few int) int {
	t.Helper()
	text := os.Getenv("ISAME_KILLS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ISAME_KILLS: %q is no number of rounds", text)
	}
	return n
}

// Disk is something that a process keeps on the disk, in states with numbers from 1 on.
type Disk struct {
	// Open begins as a process does, and returns what makes the state n. It is called in the process
	// that is killed.
	Open func(t *testing.T, dir string) (write func(n int) error)
	// Read begins as the next process does, and returns the state that it finds; 0 is none. It ends
	// the test where that is no complete one.
	Read func(t *testing.T, dir string) int
}

// Environment of a process that writes.
const (
	writerVariable = "ISAME_KILL_WRITER" // the test
	folderVariable = "ISAME_KILL_FOLDER"
	fromVariable   = "ISAME_KILL_FROM" // the state that is there
)

// wrote begins the lines by which it says that a state is written.
const wrote = "wrote "

// Run kills the writer again and again: each time the state is the last one that was written, or the
// one that was under way.
func (d Disk) Run(t *testing.T) {
	t.Helper()
	if os.Getenv(writerVariable) == t.Name() {
		d.write(t)
	}
	dir, last, underWay := t.TempDir(), 0, 0
	rounds := Rounds(t, 3)
	for round := range rounds {
		done := killed(t, dir, last)
		got := d.Read(t, dir)
		switch got {
		case done:
		case done + 1:
			underWay++
		default:
			t.Fatalf("round %d: got state %d after kill -9; want %d, which was written, or %d, which was under way", round, got, done, done+1)
		}
		last = got
	}
	t.Logf("killed %d times over %d states: %d times the state under way was found, and else the one before", rounds, last, underWay)
}

// write writes until it is killed.
func (d Disk) write(t *testing.T) {
	t.Helper()
	from, err := strconv.Atoi(os.Getenv(fromVariable))
	if err != nil {
		t.Fatal(err)
	}
	write := d.Open(t, os.Getenv(folderVariable))
	for n := from + 1; ; n++ {
		if err := write(n); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("\n%s%d\n", wrote, n)
	}
}

// killed runs a writer and kills it at a random moment after a random state. It returns the last
// state that was written for sure.
func killed(t *testing.T, dir string, from int) (done int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // the test's own binary
	command.Env = append(os.Environ(), writerVariable+"="+t.Name(), folderVariable+"="+dir, fromVariable+"="+strconv.Itoa(from))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	done = from
	first, until := time.Time{}, from+1+rand.N(4)
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		text, ours := strings.CutPrefix(lines.Text(), wrote)
		if !ours {
			said = append(said, lines.Text())
			continue
		}
		if done, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		if first.IsZero() {
			first = time.Now()
		}
		if done == until { // and somewhere within the next one, or the one behind it
			<-time.After(rand.N(2*time.Since(first)/time.Duration(max(1, until-from-1)) + time.Millisecond))
			_ = command.Process.Kill()
		}
	}
	if err := command.Wait(); err == nil || done < until {
		t.Fatalf("the writer ended by itself at state %d: %v\n%s\n%s", done, err, strings.Join(said, "\n"), stderr.String())
	}
	return done
}

package run

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/sink"
)

// uses is how many outputs of a file there are, once the collector has looked.
func (a *accessLogs) uses(path string) int {
	runtime.GC()
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.mu.files[path]; f != nil {
		return f.uses
	}
	return 0
}

// falls waits until there are so many outputs.
func falls(t *testing.T, a *accessLogs, path string, want int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	over := time.After(20 * time.Second)
	for a.uses(path) != want {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("there are %d outputs; want %d", a.uses(path), want)
		}
	}
}

// A file is open as long as a configuration may write to it, and no longer; what was written
// before that is in it.
func TestAccessFileIsClosedOnceNobodyWrites(t *testing.T) {
	stderr := sink.New(io.Discard, 1)
	defer stderr.Close(time.Second)
	a := newAccessLogs(stderr, zerolog.Nop())
	c := &config.AccessLog{Enabled: true, File: filepath.Join(t.TempDir(), "access.log")}
	first, err := a.open(c)
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.open(c)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(first.Lane(0), "first\n")
	if got := a.uses(c.File); got != 2 {
		t.Errorf("there are %d outputs; want 2", got)
	}
	runtime.KeepAlive(first)
	falls(t, a, c.File, 1)
	_, _ = io.WriteString(second.Lane(0), "second\n")
	runtime.KeepAlive(second)
	falls(t, a, c.File, 0)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for over := time.After(20 * time.Second); ; {
		text, err := os.ReadFile(c.File)
		if string(text) == "first\nsecond\n" {
			break
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("got %q, %v", text, err)
		}
	}
	if _, access := a.dropped(); access != 0 {
		t.Errorf("%d lines were dropped; want none", access)
	}
}

func TestAccessFileThatCannotBeOpened(t *testing.T) {
	stderr := sink.New(io.Discard, 1)
	defer stderr.Close(time.Second)
	a := newAccessLogs(stderr, zerolog.Nop())
	path := filepath.Join(t.TempDir(), "nowhere", "access.log")
	if out, err := a.open(&config.AccessLog{File: path}); err == nil {
		t.Errorf("got %v; want it refused", out)
	}
	if a.uses(path) != 0 {
		t.Error("it is counted as open")
	}
	if out, err := a.open(&config.AccessLog{}); err != nil || out.Lane(0) != stderr.Access(0) {
		t.Errorf("got %v, %v; want stderr", out, err)
	}
	a.reopen() // which is nothing to do
	a.close()
}

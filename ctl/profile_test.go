package ctl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestProfilesAreWhatTheToolReads gives profiles to go tool pprof.
func TestProfilesAreWhatTheToolReads(t *testing.T) {
	s := start(t, Options{})
	for query, want := range map[string]string{
		"heap?gc=1": "Type: inuse_space", "allocs": "Type: alloc_space", "goroutine": "Type: goroutine", "profile?seconds=1": "Type: cpu",
	} {
		got := raw(t, s, request("GET", "/debug/pprof/"+query, "", ""))
		if got.status != 200 || got.header.Get("Content-Type") != typeProfile {
			t.Fatalf("%s: got %d %s", query, got.status, got.body)
		}
		file := filepath.Join(t.TempDir(), "p")
		if err := os.WriteFile(file, []byte(got.body), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "go", "tool", "pprof", "-top", file).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: got %s; want %s", query, err, out, want)
		}
	}
	if got := raw(t, s, request("GET", "/debug/pprof/goroutine?debug=2", "", "")); !strings.HasPrefix(got.body, "goroutine ") || got.header.Get("Content-Type") != typeText {
		t.Errorf("got %.40q of %s; want stacks as text", got.body, got.header.Get("Content-Type"))
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	s := start(t, Options{})
	for query, want := range map[string]int{
		"cmdline": 404, "trace": 404, "symbol": 404, "mutex": 404, "block": 404, "heap/": 404, "none": 404,
		"profile?seconds=0": 400, "profile?seconds=61": 400, "profile?seconds=1.5": 400, "profile?debug=1": 400, "profile?gc=1": 400,
		"heap?seconds=5": 400, "heap?debug=3": 400, "heap?gc=yes": 400, "heap?x=1": 400,
	} {
		if got := raw(t, s, request("GET", "/debug/pprof/"+query, "", "")); got.status != want {
			t.Errorf("%s: got %d %s; want %d", query, got.status, got.body, want)
		}
	}
	if pprof.StartCPUProfile(io.Discard) == nil { // else this test is profiled itself
		defer pprof.StopCPUProfile()
	}
	if got := raw(t, s, request("GET", "/debug/pprof/profile", "", "")); got.status != 409 || !strings.Contains(got.body, `"code":"busy"`) {
		t.Errorf("while somebody watches: got %d %s; want 409 busy", got.status, got.body)
	}
	if got := raw(t, s, request("HEAD", "/debug/pprof/profile", "", "")); got.status != 200 {
		t.Errorf("HEAD: got %d; want 200, and nothing watched", got.status)
	}
}

// TestTheEndOfTheProcessEndsAProfile asks for the longest one, and does not wait for it.
func TestTheEndOfTheProcessEndsAProfile(t *testing.T) {
	s := New(Options{Address: "127.0.0.1:0"})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /debug/pprof/profile?seconds=60 HTTP/1.1\r\nHost: %s\r\n\r\n", s.Addr()); err != nil {
		t.Fatal(err)
	}
	for s.waiting.Load() == 0 { // until it is under way
		if got := raw(t, s, request("GET", "/health", "", "")); got.status != 200 {
			t.Fatal(got)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(line, "200") {
		t.Errorf("got %q, %v; want what there was until then", line, err)
	}
}

package e2e

import (
	"bufio"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pythonServer is the address of a backend that Debian's Python serves.
func pythonServer(t *testing.T) string {
	t.Helper()
	python := needProgram(t, "python3", "python3")
	c := exec.Command(python, "testdata/servers/http_server.py")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + strings.TrimSpace(port)
}

// TestServersOfPythonAreQuick: head and body, written apart without TCP_NODELAY, would take 40 ms on each
// kept connection. The quickest tells, as a busy machine makes none quicker.
func TestServersOfPythonAreQuick(t *testing.T) {
	p := start(t, header+`
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "`+pythonServer(t)+`"}]}}
`)
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	defer client.CloseIdleConnections()
	quickest := patience
	for n := range 60 {
		began := time.Now()
		if err := expectOK(t.Context(), client, http.MethodGet, p.url("/"), ""); err != nil {
			t.Fatal(err)
		}
		if n >= 40 { // before, the kernel acknowledges everything at once
			quickest = min(quickest, time.Since(began))
		}
	}
	t.Logf("the quickest of 20 took %v", quickest)
	if quickest > 35*time.Millisecond {
		t.Errorf("the quickest of 20 took %v; want less than a delayed acknowledgement, 40 ms", quickest)
	}
}

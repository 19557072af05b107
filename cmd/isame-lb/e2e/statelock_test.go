package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stateful is a configuration with a state.dir.
func stateful(dir, routes string) string {
	return header + fmt.Sprintf("state: {dir: %q}\n", dir) + routes
}

const ownAnswer = "routes: {all: {respond: {status: 200, body: fine}}}\n"

// wantRefused starts one more process with the folder, which names the one that has it.
func wantRefused(t *testing.T, dir string, pid int) {
	t.Helper()
	code, out := program(t, "--config", writeConfig(t, stateful(dir, ownAnswer)))
	if code != 1 || !strings.Contains(out, "state.dir: ") || !strings.Contains(out, fmt.Sprintf("process %d writes there", pid)) {
		t.Errorf("got exit %d and %s; want a refusal that names process %d", code, out, pid)
	}
}

func TestStateDirHasOneProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	p := start(t, stateful(dir, ownAnswer))
	wantRefused(t, dir, p.command.Process.Pid)
	get(t, p.url("/")).wantStatus(t, http.StatusOK)
	p.end()
	start(t, stateful(dir, ownAnswer))
}

// A process that drains has written its last: the next one may begin.
func TestStateDirIsFreeFromTheDrainOn(t *testing.T) {
	t.Parallel()
	dir, held := t.TempDir(), newHeld(t)
	first := start(t, stateful(dir, "routes: {all: {pool: p}}\npools: {p: {backends: "+members(held.backend)+"}}\n"))
	busy := dial(t, first.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-held.arrived
	first.signal(syscall.SIGTERM)
	eventually(t, "it drains", func() string {
		if first.log.find("draining: ") == nil {
			return "not in the log"
		}
		return ""
	})
	second := start(t, stateful(dir, ownAnswer))
	if first.hasExited() {
		t.Error("the first process has ended")
	}
	wantRefused(t, dir, second.command.Process.Pid)
	close(held.release)
	busy.response(http.MethodGet).wantStatus(t, http.StatusOK)
}

// At an upgrade the new process takes the folder over, while the old one still drains and
// when it has ended; one that fails takes nothing.
func TestStateDirIsTakenOverAtAnUpgrade(t *testing.T) {
	t.Parallel()
	dir, held := t.TempDir(), newHeld(t)
	l := newLineage(t, fmt.Sprintf("state: {dir: %q}\n", dir)+"routes: {all: {pool: p}}\npools: {p: {backends: "+members(held.backend)+"}}\n")
	first := l.serving(1)
	busy := dial(t, l.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-held.arrived
	replaceFile(t, l.file, "nonsense")
	if code, out := ctlAt(t, l.admin, "upgrade"); code != 1 {
		t.Fatalf("isame-ctl upgrade: got exit %d, %s; want that it fails", code, out)
	}
	wantRefused(t, dir, first)
	replaceFile(t, l.file, l.own(stateful(dir, ownAnswer)))
	if code, out := ctlAt(t, l.admin, "upgrade"); code != 0 {
		t.Fatalf("isame-ctl upgrade: got exit %d, %s", code, out)
	}
	second := l.serving(2)
	wantRefused(t, dir, second)
	close(held.release)
	busy.response(http.MethodGet).wantStatus(t, http.StatusOK)
	l.gone(first)
	wantRefused(t, dir, second)
}

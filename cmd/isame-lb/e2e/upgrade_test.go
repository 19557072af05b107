package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lineage is a process and those that took over from it. All write into one file, for a
// pipe would be open until the last of them has ended.
type lineage struct {
	t       *testing.T
	program string // what is started; a test may replace it
	admin   string // unix:, so that it stays the same
	output  string
	file    string // of the configuration
}

// newLineage has the usual listener.
func newLineage(t *testing.T, configuration string) *lineage {
	t.Helper()
	return newLineageOf(t, header+configuration)
}

// newLineageOf starts the first process with a whole configuration.
func newLineageOf(t *testing.T, configuration string) *lineage {
	t.Helper()
	return lineageOf(t, func(admin string) string { return administered(configuration, admin) })
}

// administered is a configuration with another admin endpoint than the usual one.
func administered(configuration, admin string) string {
	return strings.Replace(configuration, `admin: {address: "127.0.0.1:0"}`, `admin: {address: "`+admin+`"}`, 1)
}

// lineageOf is newLineageOf with a file that knows where its admin endpoint is. The first
// process has the sockets that a supervisor would give it.
func lineageOf(t *testing.T, file func(admin string) string, given ...*os.File) *lineage {
	t.Helper()
	dir := t.TempDir()
	l := &lineage{t: t, program: filepath.Join(dir, "isame-lb"), admin: "unix:" + shortSocket(t), output: filepath.Join(dir, "log")}
	if err := os.Symlink(lbBinary, l.program); err != nil {
		t.Fatal(err)
	}
	l.file = writeConfig(t, file(l.admin))
	out, err := os.Create(l.output)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command(l.program, "--config", l.file)
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, cleanEnvironment(), out, out
	if len(given) > 0 {
		activate(c, given...)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of all processes:\n%s", l.log().String())
		}
	})
	t.Cleanup(l.end)
	l.serving(1)
	return l
}

// own is a configuration with the admin endpoint of the lineage.
func (l *lineage) own(configuration string) string {
	return administered(configuration, l.admin)
}

// reload has the process that serves read another configuration.
func (l *lineage) reload(configuration string) {
	l.t.Helper()
	replaceFile(l.t, l.file, l.own(configuration))
	if code, out := ctlAt(l.t, l.admin, "reload"); code != 0 {
		l.t.Fatalf("isame-ctl reload: got exit %d, %s", code, out)
	}
}

// kill ends a process without a word.
func (l *lineage) kill(pid int) {
	l.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.gone(pid)
}

// log is what all of them have said so far.
func (l *lineage) log() *logBuffer {
	text, err := os.ReadFile(l.output)
	if err != nil {
		l.t.Fatal(err)
	}
	var b logBuffer
	_, _ = b.Write(text)
	return &b
}

// all are the values of a field in the lines that begin so.
func (l *lineage) all(message, field string) (values []any) {
	for _, line := range l.log().lines() {
		if text, _ := line["message"].(string); strings.HasPrefix(text, message) {
			values = append(values, line[field])
		}
	}
	return values
}

// serving waits until so many processes have begun to serve, and returns the last one.
func (l *lineage) serving(count int) (pid int) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("process %d serves", count), func() string {
		pids := l.all("isame-lb serves", "pid")
		if len(pids) < count {
			return "not in the log"
		}
		last, _ := pids[count-1].(float64)
		pid = int(last)
		return ""
	})
	return pid
}

func (l *lineage) address() string {
	l.t.Helper()
	return l.addressOf("web")
}

// addressOf is where a listener of the first process listens, and so of all.
func (l *lineage) addressOf(listener string) string {
	l.t.Helper()
	address, _ := l.log().find("listening", "listener", listener)["address"].(string)
	return address
}

// end ends all of them by their ids, and looks at what they have left. Those that drain
// end at once.
func (l *lineage) end() {
	for i := range l.all("isame-lb serves", "pid") {
		pid := l.serving(i + 1)
		eventually(l.t, fmt.Sprintf("process %d ends", pid), func() string {
			_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended
			return l.runs(pid)
		})
	}
	text := l.log().String()
	for _, bad := range signsOfFault {
		wroteNo(l.t, text, bad)
	}
}

// gone waits for the end of a process, which may be nobody's child that waits for it.
func (l *lineage) gone(pid int) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("process %d ends", pid), func() string { return l.runs(pid) })
}

// runs says so of a process, or nothing.
func (*lineage) runs(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || strings.Contains(string(text), ") Z ") {
		return ""
	}
	return "running"
}

// askAllTheTime asks by clients that keep their connections, and by others that do not,
// until stop is called; it returns how many asked, and what failed.
func askAllTheTime(address string) (stop func() (asked int64, failed []string)) {
	var asked atomic.Int64
	var mu sync.Mutex
	var failures []string
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for i := range 8 {
		transport := &http.Transport{DisableKeepAlives: i%2 == 0}
		clients.Go(func() {
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				method, body := http.MethodGet, ""
				if i >= 4 {
					method, body = http.MethodPost, "content"
				}
				err := askOnce(transport, method, "http://"+address+"/", body)
				asked.Add(1)
				if err != nil {
					mu.Lock()
					failures = append(failures, err.Error())
					mu.Unlock()
				}
			}
		})
	}
	return func() (int64, []string) {
		cancel()
		clients.Wait()
		return asked.Load(), failures
	}
}

func askOnce(transport *http.Transport, method, url, body string) error {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	a, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", a.Status)
	}
	return nil
}

// TestUpgradeLosesNothing upgrades several times, by signal and by isame-ctl, while clients
// ask all the time, and the supervisor is told who it is now.
func TestUpgradeLosesNothing(t *testing.T) {
	told := listenAsSupervisor(t)
	l := newLineage(t, "routes: {all: {respond: {status: 200, body: fine}}}\n")
	stop := askAllTheTime(l.address())
	next(t, told, "READY=1")
	pid := l.serving(1)
	for i := range 4 {
		if i%2 == 0 {
			_ = syscall.Kill(pid, syscall.SIGUSR2)
		} else if code, out := ctlAt(t, l.admin, "upgrade"); code != 0 || !strings.Contains(out, "drains and ends") {
			t.Fatalf("isame-ctl upgrade: got exit %d, %s", code, out)
		}
		fresh := l.serving(i + 2)
		mainPID := fmt.Sprintf("MAINPID=%d", fresh)
		for text := ""; text != mainPID; { // the new process says that it is ready, too
			select {
			case text = <-told:
			case <-time.After(patience):
				t.Fatalf("the supervisor was not told %s", mainPID)
			}
		}
		l.gone(pid)
		pid = fresh
		if code, out := ctlAt(t, l.admin, "status"); code != 0 || !strings.Contains(out, fmt.Sprintf("pid %d", fresh)) {
			t.Errorf("isame-ctl status: got exit %d, %s; want process %d", code, out, fresh)
		}
	}
	if asked, failed := stop(); len(failed) > 0 || asked < 1000 {
		t.Errorf("%d of %d requests failed: %.500s", len(failed), asked, strings.Join(failed, "; "))
	}
}

// TestUpgradeThatFailsChangesNothing puts another program in place of isame-lb.
func TestUpgradeThatFailsChangesNothing(t *testing.T) {
	l := newLineage(t, "routes: {all: {respond: {status: 200, body: fine}}}\n")
	stop := askAllTheTime(l.address())
	pid := l.serving(1)
	for _, script := range []string{"#!/bin/sh\nexit 3\n", "#!/nowhere/sh\n", ""} {
		if err := os.Remove(l.program); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(l.program, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		if code, out := ctlAt(t, l.admin, "upgrade"); code != 1 || !strings.Contains(out, "the running process goes on") {
			t.Errorf("%q: got exit %d, %s; want that the old one goes on", script, code, out)
		}
	}
	if code, out := ctlAt(t, l.admin, "reload"); code != 0 || !strings.Contains(out, "unchanged: generation 1") {
		t.Errorf("reload: got exit %d, %s; want it as before", code, out)
	}
	if asked, failed := stop(); len(failed) > 0 {
		t.Errorf("%d of %d requests failed: %.500s", len(failed), asked, strings.Join(failed, "; "))
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || !strings.HasPrefix(string(text), "isame-lb") {
		t.Errorf("got %s, %v; want the first process", text, err)
	}
}

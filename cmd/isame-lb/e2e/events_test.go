package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// following is a program that goes on, with what it has printed.
type following struct {
	t       *testing.T
	command *exec.Cmd
	mu      sync.Mutex
	lines   []string
	done    chan struct{} // closed when its output has ended
}

// follow starts one; it ends with the test.
func follow(t *testing.T, program string, args ...string) *following {
	t.Helper()
	f := &following{t: t, command: exec.Command(program, args...), done: make(chan struct{})}
	f.command.Env = cleanEnvironment()
	out, err := f.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.command.Stderr = f.command.Stdout
	if err := f.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.mu.Lock()
			f.lines = append(f.lines, lines.Text())
			f.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = f.command.Process.Kill() // it may have ended
		<-f.done
		_ = f.command.Wait()
	})
	return f
}

// followURL has curl read a stream.
func followURL(t *testing.T, url string, args ...string) *following {
	t.Helper()
	needProgram(t, "curl", "curl")
	return follow(t, "curl", append([]string{"-sN", "--noproxy", "*", url}, args...)...)
}

func (f *following) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.lines, "\n")
}

// has waits for a line with all of these texts.
func (f *following) has(texts ...string) {
	f.t.Helper()
	eventually(f.t, "the stream", func() string {
		for line := range strings.Lines(f.text()) {
			n := 0
			for _, text := range texts {
				if strings.Contains(line, text) {
					n++
				}
			}
			if n == len(texts) {
				return ""
			}
		}
		return "without " + strings.Join(texts, ", ") + " in\n" + f.text()
	})
}

// TestEventsOfAProcess follows a process with curl through a reload, a refused one, a
// backend that fails and changes at run time, to its end.
func TestEventsOfAProcess(t *testing.T) {
	good, dead := newBackend(t, nil), newBackend(t, nil)
	text := header + "routes: {all: {pool: p}}\npools: {p: {backends: " + members(good, dead) + "}}\n"
	p := start(t, text)
	f := followURL(t, "http://"+p.admin+"/api/v1/events")
	f.has("id: ")
	dead.stop()
	for range 20 {
		get(t, p.url("/"))
	}
	f.has(`"backend":"`+dead.address+`"`, `"change":"opened"`, `"last":"connect_refused"`)
	f.has(`"backend":"`+dead.address+`"`, `"change":"down"`, "circuit breaker open")
	if code, out := ctl(t, p.admin, "backends", "drain", good.address); code != 0 {
		t.Fatal(out)
	}
	f.has(`"backend":"`+good.address+`"`, `"change":"state"`, `"state":"drain"`)
	f.has("event: overlay")
	p.reload(strings.Replace(text, "all:", "every:", 1), "applied")
	f.has(`"generation":2`, `"trigger":"`)
	p.reload("nonsense: 1\n", "rejected")
	f.has(`"result":"refused"`, "there is no listener")
	seen := f.text()
	ids := strings.Count(seen, "\nid: ")
	_, first, _ := strings.Cut(seen, "id: ")
	first, _, _ = strings.Cut(first, "\n")
	again := followURL(t, "http://"+p.admin+"/api/v1/events", "-H", "Last-Event-ID: "+first)
	again.has(`"result":"refused"`)
	if got := strings.Count(again.text(), "\nid: "); got < ids-1 {
		t.Errorf("resumed with %d ids; want what was seen, %d:\n%s", got, ids, again.text())
	}
	p.end()
	within(t, "the end of the stream", f.done)
	if last := f.text(); !strings.Contains(last, ":the process ends") {
		t.Errorf("the last words:\n%s", last)
	}
}

// TestTapOfAProcess follows exchanges with curl and isame-ctl.
func TestTapOfAProcess(t *testing.T) {
	good, dead := newBackend(t, nil), newBackend(t, nil)
	dead.stop()
	p := start(t, header+"routes: {broken: {path_prefix: /down, pool: down}, all: {pool: p}}\n"+
		"pools: {p: {backends: "+members(good)+"}, down: {backends: "+members(dead)+"}}\n")
	all := followURL(t, "http://"+p.admin+"/api/v1/tap")
	all.has(":")
	failed := follow(t, ctlBinary, "--admin", "http://"+p.admin, "tap", "--status", "5xx", "--count", "1", "-o", "json")
	table := follow(t, ctlBinary, "--admin", "http://"+p.admin, "tap", "--route", "all")
	eventually(t, "isame-ctl", func() string { // which begins with what comes
		get(t, p.url("/fine?secret=1")).wantStatus(t, 200)
		if strings.Contains(table.text(), "/fine") {
			return ""
		}
		return "shows nothing"
	})
	eventually(t, "isame-ctl", func() string {
		get(t, p.url("/down/there?secret=1")).wantStatus(t, 502)
		select {
		case <-failed.done:
			return ""
		default:
			return "goes on"
		}
	})
	var r struct {
		Route string `json:"route"`
		Cause string `json:"cause"`
		Path  string `json:"path"`
	}
	if err := json.Unmarshal([]byte(failed.text()), &r); err != nil || r.Route != "broken" || r.Cause != "connect_refused" || r.Path != "/down/there" {
		t.Errorf("got %s, %v", failed.text(), err)
	}
	if err := failed.command.Wait(); err != nil {
		t.Errorf("isame-ctl tap --count 1: %v", err)
	}
	all.has(`"path":"/fine"`, `"status":200`)
	all.has(`"path":"/down/there"`, `"cause":"connect_refused"`)
	if strings.Contains(all.text()+table.text()+failed.text(), "secret") {
		t.Error("a query was shown")
	}
	p.end()
	within(t, "the end of curl", all.done)
	within(t, "the end of isame-ctl", table.done)
	_ = table.command.Wait()
	if code := table.command.ProcessState.ExitCode(); code != 1 || !strings.Contains(table.text(), "the stream has ended") {
		t.Errorf("isame-ctl at the end of the process: exit %d\n%s", code, table.text())
	}
}

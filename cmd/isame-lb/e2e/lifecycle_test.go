package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// shortSocket is a path short enough for a unix socket, whatever the test's name.
func shortSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // t.TempDir holds the name of the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func dialUnix(socket string) (net.Conn, error) {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		_ = conn.Close()
	}
	return conn, err
}

// held is a backend whose answers wait for the test.
type held struct {
	*backend

	arrived chan struct{}
	release chan struct{}
}

func newHeld(t *testing.T) *held {
	t.Helper()
	h := &held{arrived: make(chan struct{}, 16), release: make(chan struct{})}
	h.backend = newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		h.arrived <- struct{}{}
		<-h.release
		_, _ = fmt.Fprint(w, "done")
	})
	return h
}

// TestSignalsCountFromTheFirstSocketOn: who has reached a socket takes the process for started,
// though it may be busy with its start for a while.
func TestSignalsCountFromTheFirstSocketOn(t *testing.T) {
	for _, early := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(early.String(), func(t *testing.T) {
			admin := freeAddress(t)
			p := launch(t, writeConfig(t, `
listeners: {web: {address: "127.0.0.1:0"}}
admin: {address: "`+admin+`"}
routes: {all: {respond: {status: 204}}}
`))
			for {
				conn, err := net.Dial("tcp", admin)
				if err == nil {
					_ = conn.Close()
					break
				}
				if p.hasExited() {
					t.Fatalf("isame-lb ended: %v", p.err)
				}
			}
			p.signal(early)
			if early != syscall.SIGTERM {
				waitReadiness(t, admin, http.StatusOK)
				p.signal(syscall.SIGTERM)
			}
			if code := p.exitCode(); code != 0 {
				t.Errorf("exit code: got %d; want 0", code)
			}
		})
	}
}

// TestDrainLetsExchangesFinish is the whole life of a shutdown.
func TestDrainLetsExchangesFinish(t *testing.T) {
	t.Parallel()
	h := newHeld(t)
	p := start(t, toPool(h.backend))
	address := p.address()
	busy := dial(t, address).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	idle := dial(t, address)
	<-h.arrived

	p.signal(syscall.SIGTERM)
	eventually(t, "/ready says 503", func() string {
		a, err := tryExchange(freshClient(), request(t, "GET", "http://"+p.admin+"/ready", ""))
		if err != nil || a.status != 503 {
			return fmt.Sprint(a.status, err)
		}
		return ""
	})
	if a := get(t, "http://"+p.admin+"/health"); a.status != 200 {
		t.Errorf("/health while draining: got %d; want 200", a.status)
	}
	eventually(t, "new connections are refused", func() string {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return "accepted"
		}
		return ""
	})
	idle.wantClosed()
	if p.hasExited() {
		t.Fatal("isame-lb ended before the exchange did")
	}
	close(h.release)
	if a := busy.response("GET").wantStatus(t, 200); string(a.body) != "done" {
		t.Errorf("got %q; want the whole answer", a.body)
	}
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
	if line := p.log.find("drained"); line == nil {
		t.Error("the log does not say that the drain ended")
	} else if line["connections_cut"] != 0.0 {
		t.Errorf("connections cut: got %v; want 0", line["connections_cut"])
	}
}

func TestDrainIsBounded(t *testing.T) {
	h := newHeld(t)
	defer close(h.release)
	p := start(t, strings.Replace(toPool(h.backend), "drain: 10s", "drain: 200ms", 1))
	busy := dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-h.arrived
	p.signal(syscall.SIGTERM)
	p.exitCode()
	if text := busy.all(); strings.HasPrefix(text, "HTTP/1.1 200") {
		t.Errorf("got %q; want the exchange cut", text)
	}
	if line := p.log.find("drained"); line == nil || line["connections_cut"] != 1.0 {
		t.Errorf("the log does not say that one was cut: %v", line)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	h := newHeld(t)
	defer close(h.release)
	p := start(t, strings.Replace(toPool(h.backend), "drain: 10s", "drain: 1h", 1))
	dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-h.arrived
	p.signal(syscall.SIGTERM)
	eventually(t, "the drain begins", func() string {
		if p.log.find("draining") == nil {
			return "not in the log"
		}
		return ""
	})
	if p.hasExited() {
		t.Fatal("isame-lb ended although an exchange runs")
	}
	p.signal(syscall.SIGINT)
	p.exitCode()
}

// TestReloadWhileDrainingIsRefusedAtOnce asks in every way there is for what a process that
// is about to end does not do.
func TestReloadWhileDrainingIsRefusedAtOnce(t *testing.T) {
	h := newHeld(t)
	defer close(h.release)
	p := start(t, strings.Replace(toPool(h.backend), "drain: 10s", "drain: 1h", 1))
	dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-h.arrived
	p.signal(syscall.SIGTERM)
	logged := func(message string, fields ...string) {
		eventually(t, message+strings.Join(fields, " "), func() string {
			if p.log.find(message, fields...) == nil {
				return "not in the log"
			}
			return ""
		})
	}
	logged("draining")
	const why = "cannot reload: this process is draining"
	if code, out := ctl(t, p.admin, "reload"); code != 1 || !strings.Contains(out, why) {
		t.Errorf("isame-ctl reload: got exit code %d, %q; want 1 and %q", code, out, why)
	}
	a := exchange(t, request(t, http.MethodPost, "http://"+p.admin+"/api/v1/reload", "", "Content-Type", "application/json"))
	if a.status != http.StatusConflict || !strings.Contains(string(a.body), why) {
		t.Errorf("reload: got %d: %s; want 409 and %q", a.status, a.body, why)
	}
	p.signal(syscall.SIGHUP)
	replaceFile(t, p.file, responding(201))
	for _, trigger := range []string{"api", "signal", "file"} {
		logged("not reloaded: the process is draining", "trigger", trigger)
	}
	if p.hasExited() {
		t.Fatal("isame-lb ended although an exchange runs")
	}
	p.signal(syscall.SIGINT)
	p.exitCode()
}

// TestShutdownWithoutTrafficIsQuick must not wait for the drain's limit.
func TestShutdownWithoutTrafficIsQuick(t *testing.T) {
	t.Parallel()
	p := start(t, strings.Replace(responding(204), "drain: 10s", "drain: 1h", 1))
	get(t, p.url("/")).wantStatus(t, 204) // leaves an idle connection
	p.signal(syscall.SIGTERM)
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
}

// TestDelayServesWhileNotReady: whoever sends traffic here sees that it should not, and
// what still comes is served.
func TestDelayServesWhileNotReady(t *testing.T) {
	text := strings.Replace(header, "{drain: 10s}", "{drain: 10s, delay: %s}", 1) + "routes: {all: {respond: {status: 200}}}\n"
	p := start(t, fmt.Sprintf(text, "1h"))
	address := p.address()
	p.signal(syscall.SIGTERM)
	eventually(t, "/ready says no", func() string {
		if a := get(t, "http://"+p.admin+"/ready"); a.status != 503 || !strings.Contains(string(a.body), "draining") {
			return fmt.Sprintf("%d %s", a.status, a.body)
		}
		return ""
	})
	if a := get(t, "http://"+address+"/").wantStatus(t, 200); a.closes {
		t.Error("the answer ends its connection; want it kept")
	}
	p.signal(syscall.SIGTERM)
	if code := p.exitCode(); code != 0 {
		t.Errorf("got exit %d; want 0 at the second signal", code)
	}
	p = start(t, fmt.Sprintf(text, "10ms"))
	p.signal(syscall.SIGTERM)
	if code := p.exitCode(); code != 0 || p.log.find("drained") == nil {
		t.Errorf("got exit %d; want 0 after the drain", code)
	}
}

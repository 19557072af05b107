package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deafClients send a request to an address, and read nothing of what they get.
func deafClients(t *testing.T, address, target string, n int) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4096)
		}
		if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: "+address+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// muteServer takes connections, and neither reads nor says anything.
func muteServer(t *testing.T) (address string, taken func() int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
		close(conns)
		for c := range conns {
			_ = c.Close()
		}
	})
	return ln.Addr().String(), func() int { return len(conns) }
}

// growsLittle fails where a process has taken more memory than a few deaf listeners may cost.
func (p *proxy) growsLittle(before int, what string) {
	p.t.Helper()
	most := 64 << 20
	if raceEnabled {
		most *= 8
	}
	grown := p.memory() - before
	p.t.Logf("%s take %d MiB", what, grown>>20)
	if grown > most {
		p.t.Errorf("%s take %d MiB; want %d at most", what, grown>>20, most>>20)
	}
}

// TestThoseWhoLookHoldNobodyUp: an access log that nobody empties, collectors that take connections and
// no more, a Prometheus and a hundred dashboards that do not read. Traffic goes on, memory is
// bounded, what is lost is counted, and the process ends in time (start sees to it).
func TestThoseWhoLookHoldNobodyUp(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "access.log")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(pipe, os.O_RDWR, 0) // so that it can be opened at all
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	collector, taken := muteServer(t)
	p := start(t, strings.Replace(manyBackends(t), "log: {format: json}", fmt.Sprintf(`
log: {format: json, access: {enabled: true, file: %q}}
metrics: {otlp: {enabled: true, endpoint: "http://%s", interval: 1s}}
tracing: {enabled: true, endpoint: "http://%s", sample: 1}
`, pipe, collector, collector), 1))
	get(t, p.url("/")).wantStatus(t, 200)
	before := p.memory()
	deafClients(t, p.admin, "/api/v1/live?parts=backends,routes", 100)
	deafClients(t, p.admin, "/metrics", 20)
	stop := load(t, p.url("/"+strings.Repeat("long/", 2500))) // lines that fill the log soon; it fails where an exchange does
	eventually(t, "they have what they do not take", func() string {
		lost := p.metric("isame_log_lines_dropped_total", "log", "access")
		if n := taken(); n < 2 || lost == 0 {
			return fmt.Sprintf("%d connections to the collector, %v lines lost", n, lost)
		}
		return ""
	})
	for range 100 {
		began := time.Now()
		get(t, p.url("/")).wantStatus(t, 200)
		if took := time.Since(began); took > patience/4 {
			t.Errorf("an exchange took %v", took)
		}
	}
	stop()
	p.growsLittle(before, "those who do not take what they get")
}

package engine

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestFault(t *testing.T) {
	for _, tc := range []struct {
		name, keys string
		lines      []string
		status     int
		cause      string
		takes      time.Duration
	}{
		{"never", "percent: 0, abort: 500", nil, 200, "", 0},
		{"abort", "percent: 100, abort: 418", nil, 418, "fault_injected", 0},
		{"delay", "percent: 100, delay: 60ms", nil, 200, "", 60 * time.Millisecond},
		{"delay and abort", "percent: 100, delay: 60ms, abort: 500", nil, 500, "fault_injected", 60 * time.Millisecond},
		{"by key", `percent: 100, abort: 500, key: "header:X-A"`, []string{"X-A: b"}, 500, "fault_injected", 0},
		{"delay beyond the deadline", "percent: 100, delay: 1h", nil, 504, "fault_injected", 200 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := staged(t, "f: {type: fault, "+tc.keys+"}", "middleware: [f]\ntimeout: 200ms")
			began := time.Now()
			resp, _ := r.ask("GET", "/", tc.lines...)
			if got := resp.Header.Get("X-Isame-Error"); resp.StatusCode != tc.status || got != tc.cause {
				t.Errorf("got %d %q; want %d %q", resp.StatusCode, got, tc.status, tc.cause)
			}
			if took := time.Since(began); took < tc.takes {
				t.Errorf("it took %v; want %v at least", took, tc.takes)
			}
		})
	}
}

func TestFaultResets(t *testing.T) {
	r := staged(t, "f: {type: fault, percent: 100, reset: true}", "middleware: [f]")
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	if b, err := c.r.ReadByte(); err == nil {
		t.Errorf("got %q; want the end of the connection without an answer", b)
	}
	eventually(t, func() string { return "its end; got " + r.ends() }, func() bool { return r.ends() == "fault_injected proxy admit 1" })
}

func TestFaultHitsAStableShareOfKeys(t *testing.T) {
	r := staged(t, `f: {type: fault, percent: 50, abort: 503, key: "header:X-User"}`, "middleware: [f]")
	hit := 0
	for user := range 40 {
		first, _ := r.ask("GET", "/", fmt.Sprint("X-User: ", user))
		second, _ := r.ask("GET", "/", fmt.Sprint("X-User: ", user))
		if first.StatusCode != second.StatusCode {
			t.Errorf("%d: got %d, then %d", user, first.StatusCode, second.StatusCode)
		}
		if first.StatusCode == http.StatusServiceUnavailable {
			hit++
		}
	}
	if hit < 5 || hit > 35 { // 20, within 5 deviations
		t.Errorf("%d of 40 users are hit; want about half", hit)
	}
}

func TestFaultDelayEndsWithTheClient(t *testing.T) {
	r := staged(t, "f: {type: fault, percent: 100, delay: 1h}", "middleware: [f]\ntimeout: 0s")
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	breakOff(c.Conn)
	eventually(t, func() string { return "its end; got " + r.ends() }, func() bool { return r.ends() != "" })
}

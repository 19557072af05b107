package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// overlapping is a configuration that two processes are started with, one after the
// other: it has fixed addresses.
func overlapping(front, admin string, h *held) string {
	return `
listeners: {web: {address: "` + front + `"}}
admin: {address: "` + admin + `"}
shutdown: {drain: 1h}
log: {format: json}
routes: {own: {path: /own, respond: {status: 204}}, all: {pool: p}}
pools: {p: {backends: ` + members(h.backend) + `}}
`
}

// readiness is the status of /ready at an admin.address, and 0 where nobody answers.
func readiness(t *testing.T, admin string) int {
	t.Helper()
	network, address := "tcp", admin
	if path, ok := strings.CutPrefix(admin, "unix:"); ok {
		network, address = "unix", path
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	a, err := tryExchange(client, request(t, http.MethodGet, "http://localhost/ready", ""))
	if err != nil {
		return 0
	}
	return a.status
}

func waitReadiness(t *testing.T, admin string, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("/ready says %d", want), func() string {
		if got := readiness(t, admin); got != want {
			return strconv.Itoa(got)
		}
		return ""
	})
}

// overlap is a process that drains, and the next one that has begun to serve.
type overlap struct {
	held      *held
	old, next *proxy
	busy      *rawClient // whose exchange the drain waits for
	admin     string
}

func newOverlap(t *testing.T, admin string) *overlap {
	t.Helper()
	o := &overlap{held: newHeld(t), admin: admin}
	front := freeAddress(t)
	file := writeConfig(t, overlapping(front, admin, o.held))
	o.old = launch(t, file)
	waitReadiness(t, admin, http.StatusOK)
	o.busy = dial(t, front).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-o.held.arrived
	o.old.signal(syscall.SIGTERM)
	waitReadiness(t, admin, http.StatusServiceUnavailable)
	eventually(t, "the address of the listener is free", func() string {
		listener, err := net.Listen("tcp", front)
		if err != nil {
			return err.Error()
		}
		_ = listener.Close()
		return ""
	})
	o.next = launch(t, file)
	eventually(t, "the next process serves", func() string {
		if o.next.hasExited() {
			t.Fatalf("the next process ended: %v", o.next.err)
		}
		if o.next.log.find("isame-lb serves") == nil {
			return "not in the log"
		}
		return ""
	})
	get(t, "http://"+front+"/own").wantStatus(t, http.StatusNoContent)
	return o
}

// A restart may overlap with the drain of the process before: that one keeps its admin
// endpoint to its end, and the next one serves meanwhile.
func TestStartBesideADrainTakesTheAdminEndpointLater(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			admin := freeAddress(t)
			if network == "unix" {
				admin = "unix:" + shortSocket(t)
			}
			o := newOverlap(t, admin)
			if got := readiness(t, admin); got != http.StatusServiceUnavailable || o.old.hasExited() {
				t.Errorf("during the drain: got %d; want 503 of the process that drains", got)
			}
			if o.next.log.find("the address of the admin endpoint", "address", admin) == nil {
				t.Error("the log does not say that the admin endpoint has to wait")
			}
			if line := o.next.log.find("admin endpoint"); line != nil {
				t.Errorf("the log claims an endpoint that another process has: %v", line)
			}
			close(o.held.release)
			o.busy.response(http.MethodGet).wantStatus(t, http.StatusOK)
			if code := o.old.exitCode(); code != 0 {
				t.Errorf("exit code of the drained process: got %d; want 0", code)
			}
			waitReadiness(t, admin, http.StatusOK)
			eventually(t, "the log names the admin endpoint", func() string {
				if o.next.log.find("admin endpoint", "address", strings.TrimPrefix(admin, "unix:")) == nil {
					return "not in the log"
				}
				return ""
			})
			if n := strings.Count(o.next.log.String(), "the address of the admin endpoint"); n != 1 {
				t.Errorf("the wait was logged %d times; want once", n)
			}
			o.next.signal(syscall.SIGTERM)
			if code := o.next.exitCode(); code != 0 {
				t.Errorf("exit code: got %d; want 0", code)
			}
		})
	}
}

// Whoever waits for the address of its admin endpoint may be ended like any other.
func TestProcessThatWaitsForTheAdminEndpointEnds(t *testing.T) {
	t.Parallel()
	o := newOverlap(t, freeAddress(t))
	o.next.signal(syscall.SIGTERM)
	if code := o.next.exitCode(); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
	if got := readiness(t, o.admin); got != http.StatusServiceUnavailable {
		t.Errorf("the process that drains: got %d; want 503", got)
	}
	close(o.held.release)
	o.busy.response(http.MethodGet).wantStatus(t, http.StatusOK)
}

// Only the end of a drain is waited for.
func TestStartIsRefusedWhereSomebodyElseHasTheAdminEndpoint(t *testing.T) {
	serving := func(status int, contentType, body string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, body)
			}))
			t.Cleanup(s.Close)
			return s.Listener.Addr().String()
		}
	}
	silent := func(network, address, prefix string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			if network == "unix" {
				address = shortSocket(t)
			}
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return prefix + l.Addr().String()
		}
	}
	for _, c := range []struct {
		name   string
		holder func(*testing.T) string
	}{
		{"silent", silent("tcp", "127.0.0.1:0", "")},
		{"silent on a socket", silent("unix", "", "unix:")},
		{"ready", serving(200, "application/json", `{"status":"ready"}`)},
		{"draining otherwise", serving(503, "text/plain", "draining")},
		{"not ready yet", serving(503, "application/problem+json", `{"status":503,"detail":"no configuration yet"}`)},
		{"an isame-lb that serves", func(t *testing.T) string {
			t.Helper()
			return start(t, responding(204)).admin
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			admin := c.holder(t)
			code, out := program(t, "--config", writeConfig(t, `
listeners: {web: {address: "127.0.0.1:0"}}
admin: {address: "`+admin+`"}
routes: {all: {respond: {status: 204}}}
`))
			if code != 1 || !strings.Contains(out, "cannot start the admin endpoint") || !strings.Contains(out, "already in use") {
				t.Errorf("got exit code %d and\n%s; want 1, and that the address is in use", code, out)
			}
		})
	}
}

package ctl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
	"github.com/isame-lb/isame-lb/ctl/overlay"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/health"
	"github.com/rs/zerolog"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if stacks := leaked(5 * time.Second); stacks != "" {
			fmt.Fprintln(os.Stderr, "goroutines of this package are left:\n"+stacks)
			code = 1
		}
	}
	os.Exit(code)
}

// leaked waits for the goroutines of this package to end and returns those that do not.
func leaked(wait time.Duration) string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(wait); ; runtime.Gosched() {
		var left []string
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "isame-lb/ctl.") && !strings.Contains(stack, "ctl.TestMain") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

// probeTime is when everything in these tests happened.
var probeTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// samplePools is a healthy pool and one with a backend on a socket that is down.
func samplePools() []pool.Status {
	return []pool.Status{
		{Name: "api", Algorithm: "round_robin", Members: 2, Healthy: 1, InFlight: 3, Requests: 1200, Failures: 4, Backends: []pool.BackendStatus{
			{Address: "10.0.0.1:8080", Weight: 1, State: "enabled", Health: "healthy", Breaker: "closed", Up: true, InFlight: 3, Requests: 1196, Since: probeTime},
			{
				Address: "unix:/run/b.sock", Weight: 2, State: "enabled", Health: "unhealthy", Breaker: "closed", Reason: "connection refused", Failures: 4, Since: probeTime,
				Probes: []health.Probe{{At: probeTime, DurationMS: 0.2, Reason: "connection refused"}},
			},
		}},
		{Name: "empty", Algorithm: "random"},
	}
}

// sampleOverlay has what was changed of one backend; nobody obeys it.
func sampleOverlay() *overlay.Keeper {
	o := pool.NewOverlay()
	o.Restore([]pool.Override{{Pool: "api", Address: "10.0.0.1:8080", State: pool.Drain, Since: probeTime, Author: "ops"}})
	return overlay.Open(overlay.Options{
		Overlay: o, Pools: func() *pool.Set { return nil }, Settle: func([]pool.Override) error { return nil }, Logger: zerolog.Nop(),
	})
}

// sampleSources answers everything; changes are appended to changes.
func sampleSources(changes *[]string) Sources {
	return Sources{
		Status: func() api.Status {
			return api.Status{Name: "isame-lb", Version: "v0.1.0", State: api.StateRunning, Started: probeTime, Generation: 7}
		},
		Pools: samplePools,
		Summaries: func() []pool.Summary {
			return []pool.Summary{
				{Name: "api", Algorithm: "round_robin", Members: 2, Healthy: 1, InFlight: 3, Requests: 1200, Failures: 4, Backends: []pool.BackendSummary{
					{Address: "10.0.0.1:8080", Up: true, State: "enabled", Health: "healthy", InFlight: 3},
					{Address: "unix:/run/b.sock", State: "enabled", Health: "unhealthy"},
				}},
				{Name: "empty", Algorithm: "random", Backends: []pool.BackendSummary{}},
			}
		},
		Routes: func() []api.RouteStatus {
			return DescribeRoutes(&config.Loaded{Config: &config.Config{Routes: map[string]config.Route{"all": {Pool: "api"}}}})
		},
		Listeners: func() []api.ListenerStatus { return []api.ListenerStatus{{Name: "web", Address: "127.0.0.1:8080"}} },
		Ready:     func() (bool, string) { return true, "" },
		Certificates: func() []api.Certificate {
			return []api.Certificate{{Listener: "web", Name: "a.test", State: api.CertificateAwaited}}
		},
		Instances: func(context.Context) ([]api.Instance, error) {
			return []api.Instance{{Name: "edge-1", Self: true, Standing: api.InstanceCurrent, Generation: 7, Version: "v0.1.0", Boot: "b", Revision: 12, Latest: 12, Since: &probeTime}}, nil
		},
		Limits: func() []api.Limiter { return []api.Limiter{{Stage: "limit", Type: "rate_limit", MaxKeys: 10}} },
		WriteMetrics: func(w io.Writer, accept string) string {
			_, _ = io.WriteString(w, "isame_config_generation 7\n")
			if strings.HasPrefix(accept, typeOpenMetrics) {
				return typeOpenMetrics
			}
			return typeMetrics
		},
		Config: func(format string) (ConfigDocument, error) {
			return ConfigDocument{Body: []byte("# " + format + "\n"), ETag: "g7"}, nil
		},
		Ledger: sampleLedger(),
		Reload: func(r *Reload) (api.ReloadResult, error) {
			text := "reload"
			if r.Force {
				text += " by force"
			}
			*changes = append(*changes, text)
			return api.ReloadResult{Generation: 7}, nil
		},
		PatchBackend: func(name, address string, p api.BackendPatch, _ string) error {
			text := "patch " + name + " " + address
			if p.State != nil {
				text += " state " + *p.State
			}
			if p.Weight != nil {
				text += fmt.Sprintf(" weight %d", *p.Weight)
			}
			*changes = append(*changes, text)
			return nil
		},
		AddBackend: func(name string, b api.NewBackend, _ string) error {
			switch b.Address {
			case "conflict:1":
				return fmt.Errorf("the pool has it already: %w", ErrConflict)
			case "bad":
				return errors.New("address: no port")
			}
			*changes = append(*changes, fmt.Sprintf("add %s %s %d %s", name, b.Address, *b.Weight, b.Zone))
			return nil
		},
		Records:  sampleRecords(new(RecordQuery)),
		Events:   feed.New(),
		Overlay:  sampleOverlay(),
		Blame:    func(*BlameQuery) (*api.Blame, error) { return sampleBlame(), nil },
		Headroom: sampleHeadroom,
		Tap:      func(*RecordQuery, float64) (Tap, error) { return &sampleTap{}, nil },
		RemoveBackend: func(name, address, _ string) error {
			*changes = append(*changes, "remove "+name+" "+address)
			return nil
		},
	}
}

// start runs a server with o until the test ends; an empty address is any port of the loopback.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	o.Logger = zerolog.Nop()
	s := New(o)
	serveToTheEnd(t, s)
	return s
}

// serveToTheEnd runs a server until the test ends.
func serveToTheEnd(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

// dial connects to s as TCP or unix client.
func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// answer is what came back for a raw request.
type answer struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes as they stand and reads one response. $HOST is the address of s.
func raw(t *testing.T, s *Server, request string) answer {
	t.Helper()
	c := dial(t, s)
	if _, err := io.WriteString(c, strings.ReplaceAll(request, "$HOST", s.Addr().String())); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	return readAnswer(t, c, method)
}

func readAnswer(t *testing.T, c net.Conn, method string) answer {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("cannot read the response: %v", err)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body.String()}
}

// request composes an HTTP/1.1 request to this very address.
func request(method, path, fields, body string) string {
	if body != "" {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return method + " " + path + " HTTP/1.1\r\nHost: $HOST\r\nConnection: close\r\n" + fields + "\r\n" + body
}

const jsonBody = "Content-Type: application/json\r\n"

// bearer is the field that carries a token.
func bearer(secret string) string { return "Authorization: Bearer " + secret + "\r\n" }

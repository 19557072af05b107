package load

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// serve starts a net/http server for one test.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// mustRun runs a plan that must be able to run.
func mustRun(t *testing.T, p Plan) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := Run(ctx, p)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return r
}

func TestRunCountsEveryAnswer(t *testing.T) {
	for _, tc := range []struct {
		name string
		tls  bool
		plan Plan
		want uint64
	}{
		{"closed loop", false, Plan{Connections: 7, Count: 500}, 500},
		{"one connection", false, Plan{Connections: 1, Count: 20}, 20},
		{"more connections than requests", false, Plan{Connections: 32, Count: 5}, 5},
		{"new connections", false, Plan{Connections: 5, Count: 200, NoKeepAlive: true}, 200},
		{"tls", true, Plan{Connections: 5, Count: 200}, 200},
		{"tls with new connections", true, Plan{Connections: 3, Count: 20, NoKeepAlive: true}, 20},
		{"open loop", false, Plan{Connections: 5, Count: 200, Rate: 2000}, 200},
		{"open loop poisson", false, Plan{Connections: 5, Count: 200, Rate: 2000, Poisson: true}, 200},
		{"one thread", false, Plan{Connections: 5, Count: 200, Threads: 1}, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(w, r.Body)
				_, _ = io.WriteString(w, "hello")
			}))
			if tc.tls {
				s.StartTLS()
				roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				tc.plan.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			tc.plan.URL = s.URL
			r := mustRun(t, tc.plan)
			if r.Requests != tc.want || r.Answers["200"] != tc.want || r.Errors != 0 || r.Latency.Count != tc.want {
				t.Errorf("got %d answers (%v), %d errors (%v); want %d answers", r.Requests, r.Answers, r.Errors, r.Causes, tc.want)
			}
		})
	}
}

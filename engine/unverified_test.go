package engine

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// insecure_skip_verify takes a backend whose certificate nobody vouches for and whose
// name is another, for requests and for probes; without it neither gets through.
func TestUnverifiedBackendsServeWhereTheSectionSaysSo(t *testing.T) {
	address, _ := secureBackend(t, newPair(t, tomorrow(), "elsewhere.test"), 0, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for _, protocol := range []string{"http1", "auto"} {
		for _, tc := range []struct {
			section, body, health string
			status                int
		}{
			{"insecure_skip_verify: true", "ok", "healthy", 200},
			{"insecure_skip_verify: true, server_name: a.test", "ok", "healthy", 200},
			{"insecure_skip_verify: false", "", "unhealthy", 502},
		} {
			t.Run(protocol+", "+tc.section, func(t *testing.T) {
				unprobed := strings.Replace(plain, "backends:", "protocol: "+protocol+", tls: {enabled: true, "+tc.section+"}, backends:", 1)
				r := start(t, unprobed, address)
				a := r.dial().get("/")
				if a.StatusCode != tc.status || tc.body != "" && a.body != tc.body || tc.body == "" && a.Header.Get("X-Isame-Error") != "tls_failed" {
					t.Errorf("got %d %s %q; want %d", a.StatusCode, a.Header.Get("X-Isame-Error"), a.body, tc.status)
				}
				probed := strings.Replace(unprobed, "backends:", "health_check: {type: http, path: /, interval: 100ms, timeout: 100ms, unhealthy_after: 1, healthy_after: 1}, backends:", 1)
				r = start(t, probed, address)
				eventually(t, func() string { return tc.health }, func() bool { return r.engine.Pools()[0].Backends[0].Health == tc.health })
			})
		}
	}
}

package cli

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/bench/load"
)

func TestRunOffersTheKeyExchangesItIsTold(t *testing.T) {
	var mu sync.Mutex
	var offered []tls.CurveID
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		offered = h.SupportedCurves
		return nil, nil //nolint:nilnil // the configuration stays
	}}
	s.StartTLS()
	defer s.Close()
	for _, tc := range []struct {
		curves string
		want   []tls.CurveID
	}{
		{"P-384", []tls.CurveID{tls.CurveP384}},
		{"x25519,P-256", []tls.CurveID{tls.X25519, tls.CurveP256}},
		{"X25519MLKEM768", []tls.CurveID{tls.X25519MLKEM768}},
	} {
		code, out, errs := call(t, "run", s.URL, "-k", "-c", "1", "-n", "1", "--tls-curves", tc.curves, "--fail-on-error")
		mu.Lock()
		got := offered
		mu.Unlock()
		if code != 0 || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(tc.want))) {
			t.Errorf("%s: got %v, exit code %d; want %v (%q, %q)", tc.curves, got, code, tc.want, out, errs)
		}
	}
}

func TestRunCountsResumedSessions(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	for _, tc := range []struct {
		flags []string
		want  uint64
	}{
		{[]string{"--tls-resume"}, 4},
		{nil, 0},
	} {
		code, out, errs := call(t, append([]string{"run", s.URL, "-k", "-c", "1", "-n", "5", "--no-keepalive", "--json"}, tc.flags...)...)
		var r load.Result
		if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Resumed != tc.want || r.Requests != 5 {
			t.Errorf("%v: got %d of %d, exit code %d, %v; want %d (%q)", tc.flags, r.Resumed, r.Requests, code, err, tc.want, errs)
		}
	}
}

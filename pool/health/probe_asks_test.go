package health

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// TestProbeAsksAsTheSectionSays is about method, host and headers, of both versions of HTTP.
func TestProbeAsksAsTheSectionSays(t *testing.T) {
	seen := make(chan string, 1)
	s := &http.Server{
		Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			seen <- fmt.Sprintf("%s %s %q %q %q %d%q %v", r.Method, r.Host, r.Header["X-Probe"], r.Header["User-Agent"], r.Header["Accept"],
				r.ContentLength, body, err)
			w.Header().Set("Content-Length", "5")
			if r.Method != http.MethodHead {
				_, _ = io.WriteString(w, "hello")
			}
		}),
	}
	s.Protocols.SetUnencryptedHTTP2(true)
	s.Protocols.SetHTTP1(true)
	address := serveHTTP(t, s, false)
	const own = ` ["isame-lb-health"] ["*/*"] `
	for _, tc := range []struct {
		name  string
		check config.HealthCheck
		host  string // of the pool
		want  string
	}{
		{"nothing", config.HealthCheck{}, "", "GET " + address + " []" + own + `0"" <nil>`},
		{"method", config.HealthCheck{Method: "OPTIONS"}, "", "OPTIONS " + address + " []" + own + `0"" <nil>`},
		{"method without a body", config.HealthCheck{Method: "HEAD"}, "", "HEAD " + address + " []" + own + `0"" <nil>`},
		{"method with a body", config.HealthCheck{Method: "POST", ExpectBody: "hello"}, "", "POST " + address + " []" + own + `0"" <nil>`},
		{"host of the pool", config.HealthCheck{}, "pool.test", "GET pool.test []" + own + `0"" <nil>`},
		{"host", config.HealthCheck{Host: "a.test:81"}, "pool.test", "GET a.test:81 []" + own + `0"" <nil>`},
		{
			"headers",
			config.HealthCheck{Headers: map[string]string{"X-Probe": "1", "user-agent": "me", "Accept": "text/plain"}},
			"",
			"GET " + address + ` ["1"] ["me"] ["text/plain"] 0"" <nil>`,
		},
	} {
		for _, streams := range []bool{false, true} {
			t.Run(tc.name+strconv.FormatBool(streams), func(t *testing.T) {
				d := mustDefine(t, tc.check).Over(&attempt.Dialing{Streams: streams}, tc.host)
				if good, reason := look(t.Context(), address, d); !good {
					t.Error(reason)
				}
				if got := <-seen; got != tc.want {
					t.Errorf("got %s; want %s", got, tc.want)
				}
			})
		}
	}
}

func TestGRPCProbeAsksForAHost(t *testing.T) {
	var host, field string
	s := &http.Server{
		Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			host, field = r.Host, r.Header.Get("X-Probe")
			reply(message(0x08, 1), "0")(w, "")
		}),
	}
	s.Protocols.SetUnencryptedHTTP2(true)
	address := serveHTTP(t, s, false)
	d := mustDefine(t, config.HealthCheck{Type: "grpc", Host: "a.test", Headers: map[string]string{"X-Probe": "1"}})
	if good, reason := look(t.Context(), address, d); !good || host != "a.test" || field != "1" {
		t.Errorf("got %v, %s for %q with %q; want good for a.test with 1", good, reason, host, field)
	}
}

// TestProbeOfAnotherPort: that nobody answers there says nothing of the port that is served.
func TestProbeOfAnotherPort(t *testing.T) {
	served := rawBackend(t, "tcp", say("HTTP/1.1 503 no\r\n\r\n"))
	probed := rawBackend(t, "tcp", say("HTTP/1.1 200 OK\r\n\r\n"))
	_, port, _ := strings.Cut(probed, ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	d := mustDefine(t, config.HealthCheck{Port: number})
	if good, reason := look(t.Context(), served, d); !good {
		t.Errorf("got %s; want the other port asked", reason)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = strings.Cut(ln.Addr().String(), ":")
	_ = ln.Close()
	if number, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	d = mustDefine(t, config.HealthCheck{Port: number, Type: "tcp"})
	if s := probe(t.Context(), served, d); s.Good || s.Dead || s.Reason != "connection refused" {
		t.Errorf("got %+v; want a bad probe of a backend that may be alive", s)
	}
}

// TestHostIsPartOfACheck: pools that ask for other hosts share no probes.
func TestHostIsPartOfACheck(t *testing.T) {
	d := mustDefine(t, config.HealthCheck{})
	plainly := &attempt.Dialing{}
	if d.Over(plainly, "").Key != d.Key || d.Over(plainly, "a.test").Key == d.Over(plainly, "b.test").Key {
		t.Error("definitions are told apart wrongly")
	}
	own := mustDefine(t, config.HealthCheck{Host: "c.test"})
	if own.Over(plainly, "a.test").Key != own.Over(plainly, "b.test").Key {
		t.Error("the host of the pool counts beside that of the section")
	}
}

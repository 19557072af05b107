package proxies

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/isame-lb/isame-lb/bench/origin"
)

// Every proxy that is installed, and Isame, can be configured for what is measured
// and holds connections of each kind.
func TestEveryProxyHoldsConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("builds isame-lb")
	}
	program := filepath.Join(t.TempDir(), "isame-lb")
	if out, err := exec.Command("go", "build", "-pgo=off", "-o", program, "../../cmd/isame-lb").CombinedOutput(); err != nil {
		t.Fatalf("cannot build isame-lb: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	o, err := origin.Start(ctx, origin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close(ctx) }()
	found, _, err := find(names(), program, "")
	if err != nil {
		t.Fatal(err)
	}
	dir, remove, err := ownTemp() // short: nginx takes it for a prefix, and its worker must get in
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	h := &harness{dir: dir, proxyCore: -1, otherCore: -1, contenders: found}
	secure, err := h.secured(ctx, o.Addrs())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios() {
		if s.idle == 0 {
			continue
		}
		how := setup{backends: o.Addrs(), tunnels: s.tunnels}
		if s.secure {
			how.edge = secure
		}
		for _, p := range found {
			t.Run(s.name+"/"+p.name, func(t *testing.T) { holdSome(ctx, t, h, p, how, s.hold) })
		}
	}
}

func holdSome(ctx context.Context, t *testing.T, h *harness, p contender, how setup, by holder) {
	t.Helper()
	e, err := h.enter(ctx, p, how)
	if err != nil {
		t.Fatal(err)
	}
	defer e.process.stop()
	c := &contest{harness: h, scenario: scenario{hold: by}}
	conns, err := c.openIdle(ctx, e, 20)
	defer closeAll(conns)
	if err != nil {
		t.Errorf("cannot hold connections: %v", err)
	}
}

// answering is an entrant whose answers are those of a handler.
func answering(t *testing.T, secure, h2 bool, f http.HandlerFunc) *entrant {
	t.Helper()
	s := httptest.NewUnstartedServer(f)
	t.Cleanup(s.Close)
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = nil
	e := &entrant{address: s.Listener.Addr().String()}
	if !secure {
		s.Start()
		return e
	}
	s.StartTLS()
	e.edge = &edge{roots: x509.NewCertPool(), exchange: plainExchange}
	e.edge.roots.AddCert(s.Certificate())
	return e
}

// hijacked answers with some bytes and closes.
func hijacked(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(c, text)
			_ = c.Close()
		}
	}
}

func TestConnectionsThatCannotBeHeldAreRefused(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	aborts := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	plain, http2Holder, tunnel := holder{ask: askPlain}, holder{http2.NextProtoTLS, askHTTP2}, holder{ask: askTunnel}
	for _, tc := range []struct {
		name       string
		secure, h2 bool
		answer     http.HandlerFunc
		by         holder
		want       string // in the error; empty: none
	}{
		{"plain", false, false, status(200), plain, ""},
		{"plain, status", false, false, status(404), plain, "status 404"},
		{"plain, closes", false, false, aborts, plain, "EOF"},
		{"plain, garbage", false, false, hijacked("garbage\r\n\r\n"), plain, "cannot read an answer"},
		{"plain, keeps nothing", false, false, hijacked("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), plain, "keep-alive false"},
		{"TLS", true, false, status(200), plain, ""},
		{"HTTP/2", true, true, status(200), http2Holder, ""},
		{"HTTP/2, content", true, true, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, http2Holder, ""},
		{"HTTP/2, status", true, true, status(503), http2Holder, `status "503"`},
		{"HTTP/2, reset", true, true, aborts, http2Holder, "reset"},
		{"HTTP/2 unknown", true, false, status(200), http2Holder, "speak"},
		{"tunnel refused", false, false, status(200), tunnel, "status 200"},
		{"tunnel ends", false, false, hijacked("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), tunnel, "through a tunnel"},
		{"tunnel lies", false, false, hijacked("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nlies"), tunnel, "came back"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, err := hold(t.Context(), tc.by, answering(t, tc.secure, tc.h2, tc.answer))
			if conn != nil {
				conn.Close()
			}
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v; want %q", err, tc.want)
			}
		})
	}
}

func TestHoldRefusesStrangersAndOldTLS(t *testing.T) {
	e := answering(t, true, false, func(http.ResponseWriter, *http.Request) {})
	e.edge.roots = x509.NewCertPool()
	conn, err := hold(t.Context(), holder{ask: askPlain}, e)
	if conn == nil || err == nil || !strings.Contains(err.Error(), "cannot speak TLS") {
		t.Errorf("got %v, %v; want an error about TLS, and the socket to close", conn, err)
	}
	closeAll([]net.Conn{conn, nil})
	e.address = "127.0.0.1:1"
	if conn, err := hold(t.Context(), holder{ask: askPlain}, e); conn != nil || err == nil {
		t.Errorf("got %v, %v; want that nobody listens", conn, err)
	}
}

// answers is a server of HTTP/2 that has sent everything before it is asked.
func answers(t *testing.T, send func(f *http2.Framer)) io.ReadWriter {
	t.Helper()
	var b bytes.Buffer
	send(http2.NewFramer(&b, nil))
	return struct {
		io.Reader
		io.Writer
	}{&b, io.Discard}
}

func TestHTTP2IsReadWithinBounds(t *testing.T) {
	for _, tc := range []struct {
		name string
		send func(f *http2.Framer)
		want string
	}{
		{"goaway", func(f *http2.Framer) { _ = f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil) }, "ENHANCE_YOUR_CALM"},
		{"nothing", func(*http2.Framer) {}, "EOF"},
		{"pings", func(f *http2.Framer) {
			for range holdFramesMax + 1 {
				_ = f.WritePing(false, [8]byte{})
			}
		}, "frames"},
	} {
		if err := askHTTP2(answers(t, tc.send), "h"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v; want %q", tc.name, err, tc.want)
		}
	}
}

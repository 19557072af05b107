package engine

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	proxyLine4 = "PROXY TCP4 192.0.2.7 192.0.2.9 1234 80\r\n"
	// proxyBinary is the same in version 2, with a TLV behind it.
	proxyBinary = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xc0\x00\x02\x07\xc0\x00\x02\x09\x04\xd2\x00\x50\x04\x00\x01x"
	proxyLocal  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	getClose    = "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
)

// proxied is a listener in front of a backend that says who asks.
func proxied(t *testing.T, listener string) *rig {
	t.Helper()
	return start(t, `
listeners: {web: {address: "127.0.0.1:0", `+listener+`}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`, backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For"))
	}))
}

func TestProxyHeaders(t *testing.T) {
	const (
		accept  = "proxy_protocol: accept, proxy_protocol_from: [127.0.0.0/8]"
		require = "proxy_protocol: require, trusted_proxies: [127.0.0.1]"
		foreign = "proxy_protocol_from: [10.0.0.0/8], trusted_proxies: [127.0.0.1]"
		closed  = "closed"
	)
	for _, c := range []struct{ name, listener, send, want string }{
		{"v1", accept, proxyLine4 + getClose, "192.0.2.7"},
		{"v2", accept, proxyBinary + getClose, "192.0.2.7"},
		{"IPv6", accept, "PROXY TCP6 2001:db8::1 ::1 1 2\r\n" + getClose, "2001:db8::1"},
		{"local", accept, proxyLocal + getClose, "127.0.0.1"},
		{"unknown", accept, "PROXY UNKNOWN\r\n" + getClose, "127.0.0.1"},
		{"none", accept, getClose, "127.0.0.1"},
		{"a method of that name", accept, "PROXY" + getClose[3:], "127.0.0.1"},
		{"two headers", accept, proxyLine4 + proxyLine4 + getClose, "400"},
		{"bad", accept, "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n" + getClose, closed},
		{"required", require, proxyLine4 + getClose, "192.0.2.7"},
		{"v2 required", require, proxyBinary + getClose, "192.0.2.7"},
		{"required and missing", require, getClose, closed},
		{"required and bad", require, "PROXY TCP4 x x 1 2\r\n" + getClose, closed},
		{"from elsewhere", "proxy_protocol: accept, " + foreign, proxyLine4 + getClose, "400"},
		{"none from elsewhere", "proxy_protocol: accept, " + foreign, getClose, "127.0.0.1"},
		{"required from elsewhere", "proxy_protocol: require, " + foreign, proxyLine4 + getClose, closed},
		{"off", "trusted_proxies: [127.0.0.1]", proxyLine4 + getClose, "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := proxied(t, c.listener)
			for _, piece := range []int{len(c.send), 1, 7} {
				if got := introduced(t, r, c.send, piece); got != c.want {
					t.Errorf("in pieces of %d: got %q; want %q", piece, got, c.want)
				}
			}
		})
	}
}

// introduced sends text in pieces and returns the body of the answer, its
// status when it is not 200, or that there was none.
func introduced(t *testing.T, r *rig, text string, piece int) string {
	t.Helper()
	c := r.dial()
	for text != "" {
		n := min(piece, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			break // refused before the end
		}
		text = text[n:]
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("neither answered nor closed")
		}
		return "closed"
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return resp.Status[:3]
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestProxyHeaderNamesThePeer shows that what follows uses the address: trust,
// the list of addresses, and later requests of the connection.
func TestProxyHeaderNamesThePeer(t *testing.T) {
	r := proxied(t, "proxy_protocol: require, proxy_protocol_from: [127.0.0.1], trusted_proxies: [192.0.2.0/24]")
	for _, c := range []struct{ name, header, want string }{
		{"a trusted client", proxyLine4, "203.0.113.1, 192.0.2.7"},
		{"another one", strings.Replace(proxyLine4, "192.0.2.7", "198.51.100.1", 1), "198.51.100.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := r.dial()
			cl.send(c.header)
			for range 3 {
				cl.send("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
				if got := cl.receive("GET").body; got != c.want {
					t.Errorf("got %q; want %q", got, c.want)
				}
			}
		})
	}
}

func TestPeerLimitCountsWhomTheHeaderNames(t *testing.T) {
	r := proxied(t, "proxy_protocol: require, trusted_proxies: [127.0.0.1], limits: {connections_per_ip: 1}")
	first := r.dial()
	first.send(proxyLine4)
	if got := first.get("/").StatusCode; got != 200 {
		t.Fatalf("the first connection: got %d; want 200", got)
	}
	if got := introduced(t, r, proxyLine4+getClose, 1000); got != "503" {
		t.Errorf("another one of that address: got %s; want 503", got)
	}
	other := strings.Replace(proxyLine4, "192.0.2.7", "192.0.2.8", 1)
	if got := introduced(t, r, other+getClose, 1000); got != "192.0.2.8" {
		t.Errorf("one of another address: got %s; want an answer", got)
	}
	_ = first.Close()
	deadline := time.Now().Add(10 * time.Second)
	for introduced(t, r, proxyLine4+getClose, 1000) != "192.0.2.7" {
		if time.Now().After(deadline) {
			t.Fatal("the address is counted after its connection ended")
		}
	}
}

func TestPreambleHasADeadline(t *testing.T) {
	for _, c := range []struct{ name, send string }{
		{"silence", ""}, {"half a line", "PROXY TCP4 192"}, {"half a signature", "\r\n\r\n\x00"}, {"half a v2 header", proxyBinary[:20]},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := proxied(t, "proxy_protocol: require, trusted_proxies: [127.0.0.1], timeouts: {header: 150ms}")
			cl := r.dial()
			began := time.Now()
			cl.send(c.send)
			rest, err := io.ReadAll(cl)
			if len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %q, %v; want the end of the connection", rest, err)
			}
			if took := time.Since(began); took < 100*time.Millisecond || took > 5*time.Second {
				t.Errorf("closed after %v; want 150ms", took)
			}
		})
	}
}

func TestFailedPreamblesAreCounted(t *testing.T) {
	r := proxied(t, "proxy_protocol: require, trusted_proxies: [127.0.0.1]")
	for range 3 {
		introduced(t, r, getClose, 1000)
	}
	_ = r.dial().Close() // who only looks whether we listen is no failure
	var page strings.Builder
	r.engine.registry.WriteMetrics(&page, "")
	if want := `isame_connections_failed_total{listener="web",reason="proxy_header"} 3`; !strings.Contains(page.String(), want) {
		t.Errorf("the metrics lack %s", want)
	}
}

// TestRefusedProxyHeaderIsLoggedInWords sends none where one is required, and a wrong one.
func TestRefusedProxyHeaderIsLoggedInWords(t *testing.T) {
	for _, c := range []struct{ name, send, want string }{
		{"none", getClose, errNoProxyHeader.Error()},
		{"a wrong one", "PROXY TCP4 here there 1 2\r\n" + getClose, errBadProxyHeader.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log lockedBuffer
			r := startLogged(t, &log, `
listeners: {web: {address: "127.0.0.1:0", proxy_protocol: require, proxy_protocol_from: [127.0.0.1]}}
routes: {all: {respond: {status: 204}}}
`, "")
			if got := introduced(t, r, c.send, len(c.send)); got != "closed" {
				t.Fatalf("got %s; want closed", got)
			}
			if !strings.Contains(log.String(), c.want) || strings.Contains(log.String(), "_proxy_header") {
				t.Errorf("got %s; want %q", log.String(), c.want)
			}
		})
	}
}

package engine

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// announcedTo is a backend whose connections begin with a PROXY header, and with
// TLS behind it where there is a certificate. It answers every request with what
// the header said, with how many requests the connection has carried, and keeps
// connections for as long as it is allowed to.
func announcedTo(t *testing.T, c *pair) string {
	t.Helper()
	return scripted(t, func(_ int64, conn net.Conn, in *bufio.Reader) {
		var h wire.ProxyHeader
		for n := 0; n == 0; {
			if _, err := in.Peek(in.Buffered() + 1); err != nil {
				return
			}
			some, err := in.Peek(in.Buffered())
			if err == nil {
				n, err = h.Parse(some)
			}
			if err != nil {
				t.Errorf("a connection began with %q: %v", some, err)
				return
			}
			_, _ = in.Discard(n)
		}
		var stream io.ReadWriter = struct {
			io.Reader
			io.Writer
		}{in, conn}
		if c != nil {
			s := tls.Server(&buffered{conn, in}, &tls.Config{Certificates: []tls.Certificate{c.certificate}})
			stream = s
		}
		r := bufio.NewReader(stream)
		for n := 1; ; n++ {
			q := readHead(r)
			if q == nil {
				return
			}
			text := fmt.Sprintf("%v %v %d %v", h.Source, h.Destination, n, q.Close)
			_, _ = fmt.Fprintf(stream, "HTTP/1.1 200 OK\r\nX-Client: %s\r\nContent-Length: %d\r\n\r\n%s", q.Header.Get("X-Client"), len(text), text)
		}
	})
}

// buffered is a connection of which some was read into in.
type buffered struct {
	net.Conn

	in *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// announcing is a configuration with more of its listener and its pool.
func announcing(address, listener, poolText string) string {
	return `
listeners: {web: {address: "` + address + `"` + listener + `}}
routes: {all: {pool: p, retry: {attempts: 2, on: [connect_failure]}}}
pools: {p: {backends: [{address: "{{backend}}"}], ` + poolText + `}}
shutdown: {drain: 5s}
`
}

func TestBackendsAreToldOfTheClient(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	const behind = `, proxy_protocol: accept, proxy_protocol_from: [127.0.0.1]`
	overTLS := fmt.Sprintf(`, tls: {enabled: true, server_name: a.test, ca_file: %q}`, c.certFile)
	for _, version := range []string{"v1", "v2"} {
		for _, tc := range []struct {
			name, listener, pool, first string
			cert                        *pair
			want                        string // empty: the client's socket
		}{
			{"a client", "", "", "", nil, ""},
			{"a client, over TLS", "", overTLS, "", c, ""},
			{"one that a proxy names", behind, "", proxyLine4, nil, "192.0.2.7:1234 192.0.2.9:80"},
			{"one of IPv6", behind, "", "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", nil, "[2001:db8::1]:1 [2001:db8::2]:2"},
			{"one that a proxy does not name", behind, "", proxyLocal, nil, ""},
		} {
			t.Run(version+" "+tc.name, func(t *testing.T) {
				r := start(t, announcing("127.0.0.1:0", tc.listener, "proxy_protocol: "+version+tc.pool), announcedTo(t, tc.cert))
				for range 2 {
					cl := r.dial()
					want := tc.want
					if want == "" {
						want = fmt.Sprint(cl.LocalAddr(), " ", cl.RemoteAddr())
					}
					cl.send(tc.first)
					for range 3 { // each with a connection of its own, which ends with the answer
						cl.send("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
						if got := cl.receive("GET").body; got != want+" 1 true" {
							t.Errorf("got %q; want %q", got, want+" 1 true")
						}
					}
				}
				eventually(t, func() string { return "connections are open" }, func() bool {
					return r.engine.Pools()[0].Backends[0].ConnectionsOpen == 0
				})
			})
		}
	}
}

// A client on a unix socket has no address.
func TestBackendsAreToldThatTheClientIsUnknown(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		socket := filepath.Join(t.TempDir(), "s")
		start(t, announcing("unix:"+socket, "", "proxy_protocol: "+version), announcedTo(t, nil))
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		cl := &client{Conn: c, t: t, r: bufio.NewReader(c)}
		if got, want := cl.get("/").body, "invalid AddrPort invalid AddrPort 1 true"; got != want {
			t.Errorf("%s: got %q; want %q", version, got, want)
		}
		_ = c.Close()
	}
}

// No request travels on a connection that names another client, whatever meets:
// many clients, bodies, hedges, clients that leave.
func TestClientsDoNotShareAnnouncedConnections(t *testing.T) {
	text := strings.Replace(announcing("127.0.0.1:0", "", "proxy_protocol: v2"), "attempts: 2, on: [connect_failure]}", "attempts: 2, on: [connect_failure]}, hedge: {after: 1ms}", 1)
	text = strings.Replace(text, `[{address: "{{backend}}"}]`, `[{address: "{{backend}}"}, {address: "`+announcedTo(t, nil)+`"}]`, 1)
	r := start(t, text, announcedTo(t, nil))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 20 {
				cl := r.dial()
				me := cl.LocalAddr().String()
				for range 3 {
					if i%2 == 0 {
						cl.send("GET / HTTP/1.1\r\nHost: t\r\nX-Client: " + me + "\r\n\r\n")
					} else {
						cl.send("POST / HTTP/1.1\r\nHost: t\r\nX-Client: " + me + "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
					}
					if n%5 == 4 {
						break // leaves without the answer
					}
					resp, err := http.ReadResponse(cl.r, nil)
					if err != nil {
						t.Error(err)
						break
					}
					body, err := io.ReadAll(resp.Body)
					if err != nil || resp.Header.Get("X-Client") != me || !strings.HasPrefix(string(body), me+" ") {
						t.Errorf("%s asked as %q: %v", me, body, err)
					}
				}
				_ = cl.Close()
			}
		})
	}
	wg.Wait()
}

package e2e

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// way is how a client gets to a server when it wants to switch protocols. As a
// transport of http.Client it serves libraries, too: the body of a 101 is a stream.
type way struct {
	name string
	open func(q *http.Request) (*http.Response, error)
}

// RoundTrip is open, for http.Client.
func (w way) RoundTrip(q *http.Request) (*http.Response, error) { return w.open(q) }

// stream is what a client has after the switch. Unlike the body that Go's transport
// makes, it can end one direction alone.
type stream interface {
	io.ReadWriteCloser
	CloseWrite() error
	SetDeadline(by time.Time) error
}

// edgeConfig is a configuration with listener web in clear text and listener secure
// with TLS, of pool p. more is added to the pool, and rest stands at the end.
func edgeConfig(c *pair, backends, more, rest string) string {
	return fmt.Sprintf(`
listeners:
  web: {address: "127.0.0.1:0"}
  secure: {address: "127.0.0.1:0", tls: {certificates: [{cert_file: %q, key_file: %q}]}}
admin: {address: "127.0.0.1:0"}
log: {format: json}
routes: {all: {pool: p}}
pools: {p: {backends: %s%s}}
%s`, c.certFile, c.keyFile, backends, more, rest)
}

// ways are all that lead through a proxy of edgeConfig.
func (p *proxy) ways() []way {
	p.t.Helper()
	return []way{inClear(p.address()), inTLS(p.addressOf("secure")), inHTTP2(p.addressOf("secure"))}
}

// inClear is HTTP/1.1 in clear text.
func inClear(address string) way {
	return way{"in clear text", func(q *http.Request) (*http.Response, error) {
		conn, err := (&net.Dialer{}).DialContext(q.Context(), "tcp", address)
		if err != nil {
			return nil, err
		}
		return switchOn(conn, q)
	}}
}

// inTLS is HTTP/1.1 over TLS.
func inTLS(address string) way {
	return way{"over TLS", func(q *http.Request) (*http.Response, error) {
		conn, err := dialTLS(q.Context(), address, "http/1.1")
		if err != nil {
			return nil, err
		}
		return switchOn(conn, q)
	}}
}

// inHTTP2 is extended CONNECT (RFC 8441) over TLS, on a connection of its own.
func inHTTP2(address string) way {
	return way{"over HTTP/2", func(q *http.Request) (*http.Response, error) {
		conn, err := dialTLS(q.Context(), address, "h2")
		if err != nil {
			return nil, err
		}
		return connectOn(conn, q)
	}}
}

func dialTLS(ctx context.Context, address, protocol string) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test", NextProtos: []string{protocol}}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if secure, ok := conn.(*tls.Conn); !ok || secure.ConnectionState().NegotiatedProtocol != protocol {
		_ = conn.Close()
		return nil, fmt.Errorf("ALPN does not choose %s", protocol)
	}
	return conn, nil
}

// switchOn asks to switch on a connection of HTTP/1.1.
func switchOn(conn net.Conn, q *http.Request) (*http.Response, error) {
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	if err := q.Write(conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	resp, err := http.ReadResponse(in, q)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	s := &plainStream{Conn: conn, in: in}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = s
	} else {
		resp.Body = refusal{resp.Body, conn}
	}
	return resp, nil
}

// refusal is the body of an answer that ends its connection.
type refusal struct {
	io.Reader
	io.Closer
}

// plainStream is a connection after its 101.
type plainStream struct {
	net.Conn

	in *bufio.Reader
}

func (s *plainStream) Read(p []byte) (int, error) { return s.in.Read(p) }

// CloseWrite ends our direction: with a FIN, or the alert close_notify.
func (s *plainStream) CloseWrite() error {
	return endHalf(s.Conn)
}

// endHalf ends our direction of a connection.
func endHalf(c net.Conn) error {
	if tracked, ok := c.(*trackedConn); ok {
		c = tracked.Conn
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return fmt.Errorf("cannot end half of a %T", c)
}

// streamOf is the stream of a 101 that a way has got.
func streamOf(resp *http.Response) stream {
	if s, ok := resp.Body.(stream); ok {
		return s
	}
	panic(fmt.Sprintf("the body of %s is a %T", resp.Status, resp.Body))
}

// websocketKey is the one of RFC 6455 section 1.3.
const websocketKey = "dGhlIHNhbXBsZSBub25jZQ=="

// acceptOf is the value of Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// upgrade switches to WebSocket without a library, and has patience for the rest.
func (w way) upgrade(t *testing.T, path string, fields ...string) stream {
	t.Helper()
	s, err := w.tryUpgrade(path, fields...)
	if err != nil {
		t.Fatalf("%s: %v", w.name, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	_ = s.SetDeadline(time.Now().Add(patience))
	return s
}

func (w way) tryUpgrade(path string, fields ...string) (stream, error) {
	q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://a.test"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	set(q.Header, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", websocketKey)
	set(q.Header, fields...)
	resp, err := w.open(q)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("got %s, %v; want a 101", resp.Status, resp.Header)
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); got != acceptOf(websocketKey) {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("got Sec-WebSocket-Accept %q; want %q", got, acceptOf(websocketKey))
	}
	return streamOf(resp), nil
}

// set puts fields (name, value, name, value) into a header.
func set(h http.Header, fields ...string) {
	for i := 0; i+1 < len(fields); i += 2 {
		h.Set(fields[i], fields[i+1])
	}
}

// switching is a raw backend that agrees to switch and then talks.
func switching(t *testing.T, talk func(c net.Conn)) *rawBackend {
	t.Helper()
	return newRawBackend(t, func(c net.Conn, head string) {
		key := ""
		for line := range strings.SplitSeq(head, "\r\n") {
			if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Sec-WebSocket-Key") {
				key = strings.TrimSpace(value)
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+acceptOf(key)+"\r\n\r\n")
		talk(c)
	})
}

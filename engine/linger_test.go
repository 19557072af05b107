package engine

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

const lingerText = `
listeners:
  web: {address: "127.0.0.1:0", limits: {body_bytes: 1MiB}}
  web2: {address: "127.0.0.1:0", limits: {body_bytes: 1MiB}, tls: {certificates: [{cert_file: %q, key_file: %q}]}}
  wide: {address: "127.0.0.1:0"}
  wide2: {address: "127.0.0.1:0", tls: {certificates: [{cert_file: %q, key_file: %q}]}}
routes:
  away: {path: /away, redirect: {to: "http://a.test/"}}
  fine: {path: /fine, respond: {body: fine}}
  none: {path: /none, pool: none}
  all: {path_prefix: /p, pool: p}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  none: {backends: [{address: "127.0.0.1:1"}]}
shutdown: {drain: 5s}
`

// Clients that send all of a large body before they look at the answer get it,
// though it was known, and the rest of the body unwanted, long before.
func TestEarlyAnswersReachClientsThatAreStillSending(t *testing.T) {
	const size = 10 << 20
	early := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil {
			return
		}
		if q.URL.Path == "/p/silent" {
			_, _ = io.Copy(io.Discard, in)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 "+q.URL.Path[3:]+" Early\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly")
		_, _ = io.Copy(io.Discard, io.LimitReader(in, 100<<10))
	})
	server := newPair(t, tomorrow(), "a.test")
	r := start(t, fmt.Sprintf(lingerText, server.certFile, server.keyFile, server.certFile, server.keyFile), early)
	length := "Content-Length: " + strconv.Itoa(size) + "\r\n\r\n"
	for _, tc := range []struct {
		listener, path, framing string
		status                  int
	}{
		{"web", "/p/200", length, 413},
		{"web", "/p/silent", "Transfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(size, 16) + "\r\n", 413},
		{"wide", "/nowhere", length, 404},
		{"wide", "/away", length, 308},
		{"wide", "/fine", length, 200},
		{"wide", "/none", length, 502},
		{"wide", "/p/413", length, 413},
		{"wide", "/p/200", length, 200},
		{"wide", "/p/401", "Transfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(size, 16) + "\r\n", 401},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s %.6s tls=%v", tc.listener, tc.path, tc.framing, secure), func(t *testing.T) {
				name := tc.listener
				if secure {
					name += "2"
				}
				at := r.at(name)
				at.t = t
				c := at.dial()
				if secure {
					c, _ = at.mustDialTLS(&tls.Config{ServerName: "a.test"})
				}
				c.send("POST " + tc.path + " HTTP/1.1\r\nHost: a.test\r\n" + tc.framing)
				if n, err := c.Write(bytes.Repeat([]byte("x"), size)); err != nil {
					t.Fatalf("after %d bytes: %v", n, err)
				}
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil || resp.StatusCode != tc.status {
					t.Fatalf("got %v, %v; want status %d", resp, err, tc.status)
				}
				if _, err := io.ReadAll(resp.Body); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A client that sends on and on, or drips, is not read for ever after its answer.
func TestLingeringIsBounded(t *testing.T) {
	t.Parallel()
	r := start(t, plain, "127.0.0.1:1")
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n")
	if a := c.receive("POST"); a.StatusCode != 502 {
		t.Fatalf("got %d", a.StatusCode)
	}
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C { // 50 bytes a second, below the rate
		if _, err := c.Write([]byte("x")); err != nil {
			break
		}
	}
	if took := time.Since(began); took < lingerTime/2 || took > 3*lingerTime {
		t.Errorf("it was read for %v; want about %v", took, lingerTime)
	}
}

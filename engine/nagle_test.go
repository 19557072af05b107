package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// inPieces is a backend without TCP_NODELAY that writes an answer piece by piece, as many do that
// write to a socket whatever they have.
func inPieces(t *testing.T, pieces ...string) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		delays(c)
		for q := readHead(in); q != nil; q = readHead(in) {
			_, _ = io.Copy(io.Discard, q.Body)
			for _, p := range pieces {
				if _, err := io.WriteString(c, p); err != nil {
					return
				}
			}
		}
	})
}

// delays switches Nagle's algorithm on.
func delays(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(false)
	}
}

// delayedACK is the least that Linux waits before it acknowledges what it has no answer to.
const delayedACK = 40 * time.Millisecond

// TestBackendThatWritesInPiecesIsNotWaitedFor: Nagle's algorithm there and delayed acknowledgements here
// would hold each answer on a kept connection for 40 ms. The quickest of many exchanges tells: a busy
// machine makes some slower, and none quicker.
func TestBackendThatWritesInPiecesIsNotWaitedFor(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pieces []string
	}{
		{"head and body", []string{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "body"}},
		{"line by line", []string{"HTTP/1.1 200 OK\r\n", "Content-Length: 4\r\n", "X: y\r\n", "\r\n", "body"}},
		{"chunks", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\n", "bo", "\r\n", "2\r\ndy\r\n", "0\r\n\r\n"}},
		{"a long body behind its head", []string{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", strings.Repeat("x", 90_000), strings.Repeat("y", 10_000)}},
	} {
		for _, client := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(tc.name+" over "+client, func(t *testing.T) {
				r := start(t, strings.Replace(plain, `:0"`, `:0", h2c: true`, 1), inPieces(t, tc.pieces...))
				r.isQuick(client == "HTTP/2")
			})
		}
	}
}

// isQuick asks often over one connection.
func (r *rig) isQuick(h2 bool) {
	t := r.t
	t.Helper()
	transport := &http.Transport{}
	if h2 {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	wantQuick(t, func() {
		t.Helper()
		resp, err := client.Get("http://" + r.address + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || len(body) < 4 {
			t.Fatalf("got %d, %v, %.20q", resp.StatusCode, err, body)
		}
	})
}

// wantQuick makes exchanges on one connection, and looks at those beyond the first ones, in which the
// kernel acknowledges everything at once.
func wantQuick(t testing.TB, one func()) {
	t.Helper()
	quickest := time.Hour
	for n := range 60 {
		began := time.Now()
		one()
		if took := time.Since(began); n >= 40 {
			quickest = min(quickest, took)
		}
	}
	t.Logf("the quickest of 20 took %v", quickest)
	if quickest > delayedACK*7/8 {
		t.Errorf("the quickest of 20 took %v; want less than a delayed acknowledgement, %v", quickest, delayedACK)
	}
}

// TestClientThatWritesInPiecesIsNotWaitedFor is the same at the other side: a client that sends the head
// of a request and its body apart, or the head line by line.
func TestClientThatWritesInPiecesIsNotWaitedFor(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n"
	for _, tc := range []struct {
		name, route string
		pieces      []string
	}{
		{"head and body", "", []string{head + "\r\n", "hello"}},
		{"line by line", "", []string{"POST / HTTP/1.1\r\n", "Host: t\r\n", "Content-Length: 5\r\n", "\r\n", "hello"}},
		{"head and body, held by a stage", ", middleware: [whole]", []string{head + "\r\n", "hello"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(plain, "{pool: p}", "{pool: p"+tc.route+"}", 1) + "middleware: {whole: {type: buffer}}\n"
			c := start(t, text, mirrorBackend(t)).dial()
			delays(c.Conn)
			wantQuick(t, func() {
				t.Helper()
				for _, p := range tc.pieces {
					c.send(p)
				}
				if a := c.receive("POST"); a.StatusCode != http.StatusOK {
					t.Fatalf("got %d", a.StatusCode)
				}
			})
		})
	}
}

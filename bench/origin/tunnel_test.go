package origin

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// dialUpgrade sends a request for /upgrade with more header lines.
func dialUpgrade(t *testing.T, s *Server, lines string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", s.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /upgrade HTTP/1.1\r\nHost: o\r\n"+lines+"\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	a, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	return c, in, a
}

func TestUpgradeEchoesUntilTheServerCloses(t *testing.T) {
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The key and its answer are those of RFC 6455 section 1.3.
	c, in, a := dialUpgrade(t, s, "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	if a.StatusCode != 101 || a.Header.Get("Upgrade") != "websocket" || a.Header.Get("Connection") != "Upgrade" ||
		a.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("got %d, %v", a.StatusCode, a.Header)
	}
	for _, text := range []string{"\x81\x02ok", "more"} {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("cannot close: %v", err)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v after the server has closed; want the end", err)
	}
}

func TestUpgradeTakesTheFirstProtocolAndRefusesNone(t *testing.T) {
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(t.Context()) }()
	for _, tc := range []struct {
		name, lines string
		status      int
		upgrade     string
	}{
		{"two", "Connection: upgrade\r\nUpgrade: a/1, b\r\n", 101, "a/1"},
		{"none", "", 426, "websocket"},
		{"not for this connection", "Upgrade: a/1\r\n", 426, "websocket"},
	} {
		c, _, a := dialUpgrade(t, s, tc.lines)
		if a.StatusCode != tc.status || a.Header.Get("Upgrade") != tc.upgrade {
			t.Errorf("%s: got %d, %v; want %d and %q", tc.name, a.StatusCode, a.Header, tc.status, tc.upgrade)
		}
		c.Close()
	}
}

func TestTunnelsThatComeTooLateAreRefused(t *testing.T) {
	var ts tunnels
	ts.close()
	a, b := net.Pipe()
	defer b.Close()
	defer a.Close()
	ts.echo(a) // returns, though nothing was sent
	if len(ts.mu.open) != 0 {
		t.Errorf("%d tunnels are open; want none", len(ts.mu.open))
	}
}

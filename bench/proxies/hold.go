package proxies

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/isame-lb/isame-lb/bench/scan"
)

// holder opens connections that wait.
type holder struct {
	protocol string // that TLS agrees on (ALPN); empty: none is asked for
	// ask has one request to host answered on a new connection. For those that speak
	// TLS conn does: what was agreed upon is forgotten with it while the socket below
	// stays open, so that ten thousand of them cost little here.
	ask func(conn io.ReadWriter, host string) error
}

const (
	holdDeadline   = 10 * time.Second
	holdFramesMax  = 64 // of an answer by HTTP/2
	holdTableBytes = 4096
)

// hold opens a connection to an entrant. It must be closed if it is not nil, also
// with an error.
func hold(ctx context.Context, by holder, e *entrant) (net.Conn, error) {
	var d net.Dialer
	socket, err := d.DialContext(ctx, "tcp", e.address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	if err := socket.SetDeadline(time.Now().Add(holdDeadline)); err != nil {
		return socket, fmt.Errorf("cannot set a deadline: %w", err)
	}
	if e.edge == nil {
		return socket, by.ask(socket, e.address)
	}
	config := e.edge.client()
	if by.protocol != "" {
		config.NextProtos = []string{by.protocol}
	}
	conn := tls.Client(socket, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return socket, fmt.Errorf("cannot speak TLS: %w", err)
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != by.protocol {
		return socket, fmt.Errorf("cannot speak %q: TLS has agreed on %q", by.protocol, got)
	}
	return socket, by.ask(conn, e.address)
}

// askPlain asks by HTTP/1.1.
func askPlain(conn io.ReadWriter, host string) error {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
		return fmt.Errorf("cannot send a request: %w", err)
	}
	var s scan.Scanner
	s.Reset(false)
	b := make([]byte, 4096)
	for done := false; !done; {
		n, err := conn.Read(b)
		if err != nil {
			return fmt.Errorf("cannot read an answer: %w", err)
		}
		if done, err = s.Feed(b[:n]); err != nil {
			return fmt.Errorf("cannot read an answer: %w", err)
		}
	}
	if s.Status() != http.StatusOK || !s.KeepAlive() {
		return fmt.Errorf("cannot keep a connection: status %d, keep-alive %t", s.Status(), s.KeepAlive())
	}
	return nil
}

// askHTTP2 asks by HTTP/2 over TLS.
func askHTTP2(conn io.ReadWriter, host string) error {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", host}} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // a buffer takes everything
	}
	f := http2.NewFramer(conn, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(holdTableBytes, nil)
	_, err := io.WriteString(conn, http2.ClientPreface)
	err = errors.Join(err, f.WriteSettings(),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}))
	if err != nil {
		return fmt.Errorf("cannot send a request: %w", err)
	}
	return readAnswer(f)
}

// readAnswer reads frames until the one stream has ended.
func readAnswer(f *http2.Framer) error {
	status := ""
	for range holdFramesMax {
		frame, err := f.ReadFrame()
		if err != nil {
			return fmt.Errorf("cannot read an answer: %w", err)
		}
		ended := false
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			status, ended = frame.PseudoValue("status"), frame.StreamEnded()
		case *http2.DataFrame:
			ended = frame.StreamEnded()
		case *http2.RSTStreamFrame:
			err = fmt.Errorf("the stream was reset: %s", frame.ErrCode)
		case *http2.GoAwayFrame:
			err = fmt.Errorf("the connection ends: %s", frame.ErrCode)
		}
		switch {
		case err != nil:
			return fmt.Errorf("cannot hold a connection of HTTP/2: %w", err)
		case ended && status != "200":
			return fmt.Errorf("cannot keep a connection: status %q", status)
		case ended:
			return nil
		}
	}
	return fmt.Errorf("cannot read an answer in %d frames", holdFramesMax)
}

// tunnelGreeting is sent through each tunnel and comes back: a text of WebSocket as
// servers send it, so that a proxy that looks into the frames likes it as well.
const tunnelGreeting = "\x81\x02ok"

// askTunnel opens a WebSocket with the origin.
func askTunnel(conn io.ReadWriter, host string) error {
	_, err := io.WriteString(conn, "GET /upgrade HTTP/1.1\r\nHost: "+host+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		return fmt.Errorf("cannot ask for a tunnel: %w", err)
	}
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil {
		return fmt.Errorf("cannot read an answer: %w", err)
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("cannot open a tunnel: status %d", a.StatusCode)
	}
	if _, err := io.WriteString(conn, tunnelGreeting); err != nil {
		return fmt.Errorf("cannot send through a tunnel: %w", err)
	}
	got := make([]byte, len(tunnelGreeting))
	if _, err := io.ReadFull(in, got); err != nil {
		return fmt.Errorf("cannot read through a tunnel: %w", err)
	}
	if string(got) != tunnelGreeting {
		return fmt.Errorf("cannot use a tunnel: %q came back as %q", tunnelGreeting, got)
	}
	return nil
}

package origin

import (
	"bytes"
	"net"
)

// apartListener accepts connections that write the head of an answer and its content apart, without
// TCP_NODELAY: so do many application servers.
type apartListener struct{ net.Listener }

func (l apartListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // the server knows what it means
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(false)
	}
	return apartConn{c}, nil
}

type apartConn struct{ net.Conn }

var headEnd = []byte("\r\n\r\n") //nolint:gochecknoglobals // read-only

func (c apartConn) Write(p []byte) (n int, err error) {
	if at := bytes.Index(p, headEnd); at >= 0 && at+len(headEnd) < len(p) {
		if n, err = c.Conn.Write(p[:at+len(headEnd)]); err != nil {
			return n, err //nolint:wrapcheck // the server knows what it means
		}
	}
	m, err := c.Conn.Write(p[n:])
	return n + m, err //nolint:wrapcheck // the server knows what it means
}

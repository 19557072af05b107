package attempt

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/valyala/fasthttp"
)

// connect makes a connection that is ready for the first request of a client: the
// socket, then the PROXY header and the TLS handshake where the pool has them, all
// of it within timeouts.connect and the life of ctx. What the two sides agreed to speak
// is Conn.Protocol. It runs in the goroutine of an errand.
func (k *link) connect(ctx context.Context, address string, client *wire.ProxyHeader) (*socket.Conn, error) {
	c := k.clients
	began, limit := socket.Nanos(), c.Options.timeouts.Connect
	conn, err := socket.Dial(ctx, k.loop, address, limit)
	if err != nil {
		return nil, err
	}
	by := int64(0)
	if limit > 0 {
		by = socket.After(began, limit)
	}
	stop := safely.AfterDone(ctx, "dial", conn.Abort)
	err = c.prepare(conn, client, by) //nolint:contextcheck // see stop
	if !stop() && err == nil {
		err = socket.ErrAborted
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	c.keep(conn)
	return conn, nil
}

// prepare does what comes before the first request, until byNanos.
func (c *Clients) prepare(conn *socket.Conn, client *wire.ProxyHeader, byNanos int64) error {
	conn.SetReadBy(byNanos)
	conn.SetWriteBy(byNanos)
	if c.dialing.Announces != AnnounceNothing {
		if _, err := conn.Write(c.dialing.Announces.Append(nil, client)); err != nil {
			return err
		}
	}
	if c.tls != nil {
		if err := conn.ConnectTLS(c.tls); err != nil {
			if errors.Is(err, socket.ErrAborted) {
				return err // by us
			}
			c.faults.met(TLSReason(err, c.Options.timeouts.Connect))
			if socket.IsTimeout(err) {
				return os.ErrDeadlineExceeded
			}
			return &tlsError{err}
		}
	}
	conn.SetReadBy(0)
	conn.SetWriteBy(0)
	return nil
}

// tlsError is a failure to agree on TLS, for dialOutcome.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "cannot agree on TLS: " + e.err.Error() }

func (e *tlsError) Unwrap() error { return e.err }

// dialOutcome is what a failed connect means.
func dialOutcome(err error) Outcome {
	switch {
	case errors.Is(err, socket.ErrLeft):
		return ClientGone
	case errors.Is(err, socket.ErrLate):
		return ConnectLate
	case errors.Is(err, fasthttp.ErrNoFreeConns):
		return NoFreeConn
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectRefused
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, fasthttp.ErrDialTimeout), socket.IsTimeout(err):
		return ConnectTimeout
	}
	if _, failed := errors.AsType[*tlsError](err); failed {
		return TLSFailed
	}
	return ConnectFailed
}

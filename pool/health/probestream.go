package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// Probes over HTTP/2 go through net/http: they are few, and each has a connection of
// its own.

// askStream sends one request over c, which is a *tls.Conn where TLS is spoken, and
// gives the answer to read. c's deadline bounds all of it. host is asked for over TLS.
func askStream(ctx context.Context, c net.Conn, host string, rq *http.Request, read func(*http.Response) error) error {
	var taken atomic.Bool
	dial := func(context.Context, string, string) (net.Conn, error) {
		if taken.Swap(true) {
			return nil, errors.New("cannot use the connection of a probe twice")
		}
		return c, nil
	}
	t := &http.Transport{Protocols: new(http.Protocols), DialContext: dial, DialTLSContext: dial}
	defer t.CloseIdleConnections()
	rq.URL.Scheme, rq.URL.Host = "http", host
	t.Protocols.SetUnencryptedHTTP2(true)
	if _, secure := c.(*tls.Conn); secure {
		t.Protocols.SetHTTP2(true)
		rq.URL.Scheme = "https"
	}
	rs, err := t.RoundTrip(rq.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("cannot ask: %w", err)
	}
	defer func() { _ = rs.Body.Close() }()
	return read(rs)
}

// askHTTP2 is askHTTP for a backend that is spoken to in HTTP/2.
func askHTTP2(ctx context.Context, c net.Conn, host string, d *Definition) (status int, body []byte, err error) {
	rq, err := http.NewRequestWithContext(ctx, d.method, "http://"+host+d.path, http.NoBody)
	if err != nil {
		return 0, nil, fmt.Errorf("cannot ask: %w", err)
	}
	for _, f := range d.allFields() {
		rq.Header.Set(f.name, f.value)
	}
	err = askStream(ctx, c, host, rq, func(rs *http.Response) error {
		status = rs.StatusCode
		if !d.wantsBody() {
			return nil
		}
		var err error
		if body, err = io.ReadAll(io.LimitReader(rs.Body, bodyProbeMax)); err != nil {
			return fmt.Errorf("cannot read body: %w", err)
		}
		return nil
	})
	return status, body, err
}

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
)

// h3conn is a raw client of HTTP/3: a test writes any bytes on any stream.
type h3conn struct {
	*quic.Conn

	t testing.TB
}

// h3 opens a connection; control is what is said on the control stream, behind its
// type: empty is no such stream.
func (r *rig) h3(control string) *h3conn {
	r.t.Helper()
	q, err := r.dial3()
	if err != nil {
		r.t.Fatal(err)
	}
	c := &h3conn{Conn: q, t: r.t}
	if control != "" {
		c.uni(0, control)
	}
	return c
}

func (r *rig) dial3() (*quic.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	q, err := quic.DialAddr(ctx, r.address, h3TLS(), nil)
	if err == nil {
		r.t.Cleanup(func() { _ = q.CloseWithError(0x100, "") })
	}
	return q, err
}

// h3Refusal is how a connection is closed that nothing is asked on: while it is being opened,
// or behind that.
func (r *rig) h3Refusal() string {
	q, err := r.dial3()
	if err != nil {
		return closing3(err)
	}
	return (&h3conn{Conn: q, t: r.t}).ending()
}

// frame3 is a frame.
func frame3(kind uint64, payload string) string {
	return string(quicvarint.Append(quicvarint.Append(nil, kind), uint64(len(payload)))) + payload
}

// Kinds of frames.
const (
	data3, headers3, cancelPush3, settings3, promise3, goAway3, maxPush3 = 0, 1, 3, 4, 5, 7, 0xd
)

var noSettings = frame3(settings3, "")

// uni opens a unidirectional stream of a type, and says something on it.
func (c *h3conn) uni(kind uint64, text string) *quic.SendStream {
	c.t.Helper()
	s, err := c.OpenUniStream()
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = s.Write(append(quicvarint.Append(nil, kind), text...)) // whoever reads sees that the server has closed
	return s
}

// section3 is a frame of fields.
func section3(fields ...string) string {
	var b bytes.Buffer
	enc := qpack.NewEncoder(&b)
	_, _ = b.WriteString("")
	if len(fields) == 0 {
		b.WriteString("\x00\x00")
	}
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(qpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return frame3(headers3, b.String())
}

// open begins a request stream with raw bytes; end ends it.
func (c *h3conn) open(end bool, text string) *quic.Stream {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = s.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = s.Write([]byte(text))
	if end {
		_ = s.Close()
	}
	return s
}

// ask makes one exchange without a body.
func (c *h3conn) ask(fields ...string) string { return c.outcome(c.open(true, section3(fields...))) }

// outcome reads a stream to its end: "200 body", "400 cause", "reset CODE", or how the
// connection ended.
func (c *h3conn) outcome(s *quic.Stream) string {
	c.t.Helper()
	all, err := io.ReadAll(s)
	text := strings.TrimSpace(c.answer(all))
	var reset *quic.StreamError
	switch {
	case err == nil:
		return text
	case errors.As(err, &reset):
		return strings.TrimSpace(text + " reset " + errcode.Code(reset.ErrorCode).String())
	}
	return strings.TrimSpace(text + " " + c.ending())
}

// answer reads frames.
func (c *h3conn) answer(all []byte) string {
	status, cause, body := "", "", ""
	for len(all) > 0 {
		kind, n, err := quicvarint.Parse(all)
		if err != nil {
			return status + " cut"
		}
		length, m, err := quicvarint.Parse(all[n:])
		if err != nil || len(all) < n+m+int(length) {
			return status + " cut"
		}
		payload := all[n+m : n+m+int(length)]
		all = all[n+m+int(length):]
		switch kind {
		case data3:
			body += string(payload)
		case headers3:
			for next := qpack.NewDecoder().Decode(payload); ; {
				f, err := next()
				if err != nil {
					break
				}
				switch f.Name {
				case ":status":
					status = f.Value
				case "x-isame-error":
					cause = f.Value
				}
			}
		}
	}
	if cause != "" {
		body = cause
	}
	return fmt.Sprintf("%s %.80s", status, body)
}

// ending waits for the end of the connection and says why.
func (c *h3conn) ending() string {
	select {
	case <-c.Context().Done():
	case <-time.After(10 * time.Second):
		return "it goes on"
	}
	return closing3(context.Cause(c.Context()))
}

// closing3 is what a peer said that closed a connection.
func closing3(err error) string {
	var app *quic.ApplicationError
	if !errors.As(err, &app) {
		return err.Error()
	}
	return "close " + errcode.Code(app.ErrorCode).String()
}

// h3Errors is how often a code was counted.
func (r *rig) h3Errors(t testing.TB, code errcode.Code) int {
	t.Helper()
	p := r.engine.table.Load().listener(0)
	return int(p.stats.HTTP3Errors[code.Index()].Sum())
}

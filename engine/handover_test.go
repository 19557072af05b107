package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// newLone is an engine that the test ends itself, with what another one has handed over.
func newLone(t *testing.T, text, backend string, h *socket.Heritage) *Engine {
	t.Helper()
	e, err := New(Options{
		Logger: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel), Registry: observe.NewRegistry(2), Shards: 2, Heritage: h,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(parse(t, text, backend)); err != nil {
		t.Fatal(err)
	}
	return e
}

// replaced has another engine take over, as another process does.
func replaced(t *testing.T, e *Engine, text, backend string) *Engine {
	t.Helper()
	handed, err := e.Handover()
	if err != nil {
		t.Fatal(err)
	}
	h := &socket.Heritage{}
	for _, one := range handed {
		if one.Part == "" {
			err = h.Add(one.FD, one.Key)
		} else {
			err = h.AddPart(one.FD, one.Key, one.Part)
		}
		_ = syscall.Close(one.FD)
		if err != nil {
			t.Fatal(err)
		}
	}
	next := newLone(t, text, backend, h)
	if unused := h.Close(); unused != nil {
		t.Errorf("unused: %v", unused)
	}
	e.Bequeath(h.Taken())
	return next
}

// gate is the socket of a client that loses what it sends, from the first answer on until
// it is opened. A mere acknowledgement is no answer: half of the ClientHello may be to come.
type gate struct {
	net.PacketConn

	shut, opened atomic.Bool
}

// initialBytes is what a datagram with more than acknowledgements in its Initial packet has at
// least (RFC 9000 section 14.1).
const initialBytes = 1200

func (g *gate) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := g.PacketConn.ReadFrom(b)
	if n >= initialBytes {
		g.shut.Store(true)
	}
	return n, from, err
}

func (g *gate) WriteTo(b []byte, to net.Addr) (int, error) {
	if g.shut.Load() && !g.opened.Load() {
		return len(b), nil
	}
	return g.PacketConn.WriteTo(b, to)
}

// A handshake that has begun when another process takes over ends here, also when the
// sockets have been closed for a while, and its first request is answered.
func TestHandshakeOfHTTP3EndsWhereItBegan(t *testing.T) {
	t.Parallel()
	address := backend(t, echo)
	e := newLone(t, h3Text(t), address, nil)
	front := e.Listeners()[0].Bound
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{PacketConn: u}
	tr := &quic.Transport{Conn: g}
	defer func() { _, _ = tr.Close(), u.Close() }()
	to, err := net.ResolveUDPAddr("udp", front)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	q, err := tr.Dial(ctx, to, h3TLS(), nil) // the server has not heard the end of it
	if err != nil {
		t.Fatal(err)
	}
	idle, err := net.Dial("tcp", front)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	next := replaced(t, e, h3Text(t), address)
	// Whose idle connections leave after 1 to 2 s, well before the handshake is given up (5 s).
	drain, cancelDrain := context.WithTimeout(ctx, 8*time.Second)
	defer cancelDrain()
	cut := make(chan int, 1)
	go func() { cut <- e.Shutdown(drain) }()
	_ = idle.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v; want that the idle connection is closed", err)
	}
	g.opened.Store(true)
	get3(t, &http.Client{Transport: (&http3.Transport{}).NewClientConn(q)}, "/")
	_ = q.CloseWithError(0x100, "")
	if n := <-cut; n != 0 {
		t.Errorf("%d connections were cut", n)
	}
	if n := next.Shutdown(ctx); n != 0 {
		t.Errorf("%d connections of the next one were cut", n)
	}
}

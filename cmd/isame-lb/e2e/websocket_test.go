package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// wsServer is a WebSocket server that a library makes. What it does with a connection
// depends on the path: /echo, /pieces (echo in several frames), /ping (it pings, and
// says so), /close?code=&reason= (it closes first).
type wsServer struct {
	*backend

	// closed has how each conversation ended, as the server saw it.
	closed chan error
}

func newWSServer(t *testing.T, mode websocket.CompressionMode) *wsServer {
	t.Helper()
	s := &wsServer{closed: make(chan error, 1024)}
	s.backend = newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: mode, CompressionThreshold: 1})
		if err != nil {
			return // the client was told
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		s.closed <- serveWS(r.Context(), c, r)
	})
	return s
}

func serveWS(ctx context.Context, c *websocket.Conn, r *http.Request) error {
	switch r.URL.Path {
	case "/close":
		code, err := strconv.Atoi(r.URL.Query().Get("code"))
		if err != nil {
			return err
		}
		return c.Close(websocket.StatusCode(code), r.URL.Query().Get("reason"))
	case "/ping":
		reading := c.CloseRead(ctx)
		if err := c.Ping(ctx); err != nil {
			return err
		}
		if err := c.Write(ctx, websocket.MessageText, []byte("ponged")); err != nil {
			return err
		}
		<-reading.Done()
		return nil
	}
	for {
		kind, message, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if r.URL.Path == "/pieces" {
			err = writePieces(ctx, c, kind, message)
		} else {
			err = c.Write(ctx, kind, message)
		}
		if err != nil {
			return err
		}
	}
}

// writePieces sends a message in several frames, one of which is empty.
func writePieces(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, message []byte) error {
	w, err := c.Writer(ctx, kind)
	if err != nil {
		return err
	}
	half := len(message) / 2
	for _, piece := range [][]byte{message[:half/2], message[half/2 : half], {}, message[half:]} {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return w.Close()
}

// ws opens a WebSocket with the library.
func (w way) ws(t *testing.T, ctx context.Context, path string, mode websocket.CompressionMode) (*websocket.Conn, *http.Response) { //nolint:revive // t comes first, as everywhere
	t.Helper()
	c, resp, err := websocket.Dial(ctx, "http://a.test"+path, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: w}, CompressionMode: mode, CompressionThreshold: 1,
	})
	if err != nil {
		t.Fatalf("%s: %v", w.name, err)
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { _ = c.CloseNow() })
	return c, resp
}

// patient is a context with as much time as anything may take.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// echoes sends a message and wants it back.
func echoes(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, message []byte) error {
	if err := c.Write(ctx, kind, message); err != nil {
		return fmt.Errorf("cannot write: %w", err)
	}
	return expectMessage(ctx, c, kind, message)
}

func expectMessage(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, message []byte) error {
	gotKind, got, err := c.Read(ctx)
	if err != nil {
		return fmt.Errorf("cannot read: %w", err)
	}
	if gotKind != kind || !bytes.Equal(got, message) {
		return fmt.Errorf("got %v of %d bytes; want %v of %d that are the same", gotKind, len(got), kind, len(message))
	}
	return nil
}

// noises is the longest noise that any test wants.
var noises = sync.OnceValue(func() []byte {
	b := make([]byte, 16<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
})

// noise is bytes that do not repeat, the same in each run; they are not to be changed.
func noise(n int) []byte { return noises()[:n:n] }

// startWS runs a proxy before a WebSocket server.
func startWS(t *testing.T, mode websocket.CompressionMode) (*proxy, *wsServer) {
	t.Helper()
	s := newWSServer(t, mode)
	return start(t, edgeConfig(newPair(t, tomorrow(), "a.test"), members(s.backend), "", "shutdown: {drain: 8s}")), s
}

func TestWebSocketMessages(t *testing.T) {
	p, _ := startWS(t, websocket.CompressionDisabled)
	for _, w := range p.ways() {
		t.Run(w.name, func(t *testing.T) {
			ctx := patient(t)
			for _, path := range []string{"/echo", "/pieces"} {
				c, _ := w.ws(t, ctx, path, websocket.CompressionDisabled)
				for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
					if size > 1<<20 && path != "/echo" {
						continue // once is enough for the clock
					}
					if err := echoes(ctx, c, websocket.MessageBinary, noise(size)); err != nil {
						t.Fatalf("%s: %d bytes: %v", path, size, err)
					}
				}
				if err := echoes(ctx, c, websocket.MessageText, []byte("κόσμε 🌍")); err != nil {
					t.Fatalf("%s: text: %v", path, err)
				}
				message := noise(200_000)
				if err := writePieces(ctx, c, websocket.MessageBinary, message); err != nil {
					t.Fatal(err)
				}
				if err := expectMessage(ctx, c, websocket.MessageBinary, message); err != nil {
					t.Fatalf("%s: in pieces: %v", path, err)
				}
				if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
					t.Errorf("%s: cannot close: %v", path, err)
				}
			}
		})
	}
}

func TestWebSocketPings(t *testing.T) {
	p, _ := startWS(t, websocket.CompressionDisabled)
	for _, w := range p.ways() {
		t.Run(w.name, func(t *testing.T) {
			ctx := patient(t)
			c, _ := w.ws(t, ctx, "/echo", websocket.CompressionDisabled)
			c.CloseRead(ctx) // pongs are for who reads
			for range 3 {
				if err := c.Ping(ctx); err != nil {
					t.Fatalf("our ping: %v", err)
				}
			}
			c, _ = w.ws(t, ctx, "/ping", websocket.CompressionDisabled)
			if err := expectMessage(ctx, c, websocket.MessageText, []byte("ponged")); err != nil {
				t.Errorf("the ping of the server: %v", err)
			}
		})
	}
}

func TestWebSocketCloseCodes(t *testing.T) {
	p, s := startWS(t, websocket.CompressionDisabled)
	for _, w := range p.ways() {
		t.Run(w.name, func(t *testing.T) {
			ctx := patient(t)
			for _, want := range []websocket.CloseError{
				{Code: 1000}, {Code: 1001, Reason: "bye"}, {Code: 1003}, {Code: 1008, Reason: strings.Repeat("r", 123)}, {Code: 1011}, {Code: 3000}, {Code: 4999, Reason: "κόσμε"},
			} {
				c, _ := w.ws(t, ctx, "/echo", websocket.CompressionDisabled)
				if err := c.Close(want.Code, want.Reason); err != nil {
					t.Errorf("%v: our close was not answered: %v", want, err)
				}
				wantClose(t, "the server", <-s.closed, want)
				c, _ = w.ws(t, ctx, fmt.Sprintf("/close?code=%d&reason=%s", want.Code, want.Reason), websocket.CompressionDisabled)
				_, _, err := c.Read(ctx)
				wantClose(t, "the client", err, want)
				if err := <-s.closed; err != nil {
					t.Errorf("%v: the close of the server was not answered: %v", want, err)
				}
			}
			// Who goes without a word is not made to have said one.
			c, _ := w.ws(t, ctx, "/echo", websocket.CompressionDisabled)
			_ = c.CloseNow()
			if err := <-s.closed; err == nil || websocket.CloseStatus(err) != -1 {
				t.Errorf("the server got %v; want no close frame", err)
			}
		})
	}
}

func wantClose(t *testing.T, who string, err error, want websocket.CloseError) {
	t.Helper()
	var got websocket.CloseError
	if !errors.As(err, &got) || got != want {
		t.Errorf("%s got %v; want %v", who, err, want)
	}
}

// counted is a stream whose bytes are counted.
type counted struct {
	stream

	bytes *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.stream.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.stream.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// TestWebSocketCompressionIsLeftAlone has the two ends agree on permessage-deflate.
func TestWebSocketCompressionIsLeftAlone(t *testing.T) {
	p, s := startWS(t, websocket.CompressionContextTakeover)
	_, direct := inClear(s.address).ws(t, patient(t), "/echo", websocket.CompressionContextTakeover)
	want := direct.Header.Get("Sec-WebSocket-Extensions")
	if !strings.HasPrefix(want, "permessage-deflate") {
		t.Fatalf("without a proxy: got %q; want permessage-deflate", want)
	}
	message := bytes.Repeat([]byte("the same again, "), 1<<16)
	for _, w := range p.ways() {
		t.Run(w.name, func(t *testing.T) {
			ctx := patient(t)
			var onWire atomic.Int64
			open := w.open
			w.open = func(q *http.Request) (*http.Response, error) {
				resp, err := open(q)
				if err == nil {
					resp.Body = counted{streamOf(resp), &onWire}
				}
				return resp, err
			}
			c, resp := w.ws(t, ctx, "/echo", websocket.CompressionContextTakeover)
			if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != want {
				t.Errorf("Sec-WebSocket-Extensions: got %q; want %q", got, want)
			}
			for range 3 {
				if err := echoes(ctx, c, websocket.MessageText, message); err != nil {
					t.Fatal(err)
				}
			}
			if got := onWire.Load(); got > int64(len(message)) {
				t.Errorf("six messages of %d bytes took %d; want them compressed", len(message), got)
			}
		})
	}
}

func TestWebSocketRefusalIsAnAnswer(t *testing.T) {
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	p := start(t, edgeConfig(newPair(t, tomorrow(), "a.test"), members(b), "", ""))
	for _, w := range p.ways() {
		_, resp, err := websocket.Dial(patient(t), "http://a.test/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: w}})
		if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %v, %v; want a 403", w.name, resp, err)
		}
	}
}

package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// recorder keeps what each connection is sent, until both ends of it have said all.
type recorder struct {
	net.Listener

	finished chan []byte
}

func (r *recorder) Accept() (net.Conn, error) {
	c, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recorded{Conn: c, finished: r.finished}, nil
}

type recorded struct {
	net.Conn

	finished chan []byte
	close    sync.Once

	mu struct {
		sync.Mutex

		seen bytes.Buffer
	}
}

func (c *recorded) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.mu.seen.Write(p[:n])
	return n, err
}

// Close ends our direction and reads the rest of the other one: closing at once could
// reset the connection, and what the client had not read yet would be lost by chance.
func (c *recorded) Close() error {
	var err error
	c.close.Do(func() {
		_ = endHalf(c.Conn)
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, _ = io.Copy(io.Discard, readerOnly{c})
		err = c.Conn.Close()
		_, seen, _ := bytes.Cut(c.mu.seen.Bytes(), []byte("\r\n\r\n"))
		c.finished <- seen
	})
	return err
}

// readerOnly hides that a connection could copy itself past Read.
type readerOnly struct{ io.Reader }

// recordedEcho is a WebSocket server that echoes, and records.
func recordedEcho(t *testing.T) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{listener, make(chan []byte, 64)}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, err := websocket.Accept(w, q, &websocket.AcceptOptions{
			InsecureSkipVerify: true, CompressionMode: websocket.CompressionNoContextTakeover, CompressionThreshold: 1,
		})
		if err != nil {
			return
		}
		_ = serveWS(q.Context(), c, q)
		_ = c.CloseNow()
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(r)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return r
}

// fuzzedFrames are frames of a client, most of them sound, in pieces.
func fuzzedFrames(rng *rand.Rand) (pieces [][]byte) {
	var all []byte
	for range 1 + rng.IntN(30) {
		all = append(all, fuzzedFrame(rng)...)
	}
	if rng.IntN(4) == 0 { // cut somewhere
		all = all[:rng.IntN(len(all)+1)]
	}
	for len(all) > 0 {
		n := 1 + rng.IntN(len(all))
		if rng.IntN(3) == 0 {
			n = min(n, 1+rng.IntN(7))
		}
		pieces = append(pieces, all[:n])
		all = all[n:]
	}
	return pieces
}

// fuzzedFrame breaks one rule of RFC 6455 section 5.2 now and then.
func fuzzedFrame(rng *rand.Rand) []byte {
	rarely := func() bool { return rng.IntN(100) == 0 }
	opcode := []byte{1, 2, 2, 0, 9, 10}[rng.IntN(6)]
	if rarely() {
		opcode = byte(rng.IntN(16)) // close frames, too
	}
	first := opcode
	if rng.IntN(4) > 0 || opcode >= 8 && !rarely() {
		first |= 0x80
	}
	if rarely() {
		first |= byte(1+rng.IntN(7)) << 4 // reserved bits: compressed, for one
	}
	size := rng.IntN(126)
	switch {
	case opcode >= 8 && !rarely():
	case rng.IntN(12) == 0:
		size = rng.IntN(70_000)
	}
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(rng.Uint32())
	}
	mask, masked := [4]byte{byte(rng.Uint32()), byte(rng.Uint32()), 1, 2}, !rarely()
	frame := append([]byte{first}, frameLength(size, masked, rarely())...)
	if masked {
		frame = append(frame, mask[:]...)
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
	}
	return append(frame, payload...)
}

// frameLength is the length in a head: in more bytes than it needs when it is long.
func frameLength(size int, masked, long bool) []byte {
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	switch {
	case size > 65535 || long:
		return binary.BigEndian.AppendUint64([]byte{bit | 127}, uint64(size))
	case size > 125:
		return binary.BigEndian.AppendUint16([]byte{bit | 126}, uint16(size))
	}
	return []byte{bit | byte(size)}
}

// conversation is all that was said, in both directions.
type conversation struct {
	toServer, toClient []byte
	err                error
}

// converse sends pieces, ends its direction, and reads until the other one has ended.
func (r *recorder) converse(t *testing.T, w way, pieces [][]byte) conversation {
	t.Helper()
	s := w.upgrade(t, "/echo", "Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	var sending sync.WaitGroup
	sending.Go(func() {
		for _, piece := range pieces {
			if _, err := s.Write(piece); err != nil {
				t.Errorf("%s: cannot write: %v", w.name, err)
			}
		}
		if err := s.CloseWrite(); err != nil {
			t.Errorf("%s: cannot end: %v", w.name, err)
		}
	})
	var c conversation
	c.toClient, c.err = io.ReadAll(readerOnly{s})
	sending.Wait()
	select {
	case c.toServer = <-r.finished:
	case <-time.After(patience):
		c.err = errors.Join(c.err, errors.New("the server waits for the end"))
	}
	_ = s.Close()
	return c
}

// TestWebSocketFuzzedFramesPassUntouched has the same frames, sound or not, sent to a
// server and through the proxy.
func TestWebSocketFuzzedFramesPassUntouched(t *testing.T) {
	const seeds = 40
	r := recordedEcho(t)
	address := r.Addr().String()
	p := start(t, edgeConfig(newPair(t, tomorrow(), "a.test"), `[{address: "`+address+`"}]`, "", ""))
	ways, refused, said := p.ways(), 0, 0
	for seed := range uint64(seeds) {
		pieces := fuzzedFrames(rand.New(rand.NewPCG(seed, 1)))
		want := r.converse(t, inClear(address), pieces)
		if want.err != nil || !bytes.Equal(want.toServer, bytes.Join(pieces, nil)) {
			t.Fatalf("seed %d, without a proxy: %d of %d bytes came, %v", seed, len(want.toServer), len(bytes.Join(pieces, nil)), want.err)
		}
		said += len(want.toClient)
		if bytes.Contains(want.toClient, []byte{0x03, 0xea}) { // 1002
			refused++
		}
		for _, w := range ways {
			got := r.converse(t, w, pieces)
			if got.err != nil || !bytes.Equal(got.toServer, want.toServer) || !bytes.Equal(got.toClient, want.toClient) {
				t.Fatalf("seed %d, %s: %s, %v", seed, w.name, differ(got, want), got.err)
			}
		}
	}
	if refused < seeds/10 || refused > seeds*9/10 {
		t.Errorf("the server refused %d of %d conversations; want some, not all", refused, seeds)
	}
	t.Logf("%d conversations, %d refused, %d bytes of answers", seeds, refused, said)
}

func differ(got, want conversation) string {
	return fmt.Sprintf("to the server %d bytes as %d, to the client %d as %d", len(got.toServer), len(want.toServer), len(got.toClient), len(want.toClient))
}

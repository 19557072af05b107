package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Windows of an http2Stream, and the largest frame it sends.
const (
	http2Window  = 65535   // what a server takes before it says another thing
	http2Room    = 1 << 20 // what we take
	http2Largest = 16 << 10
)

// http2Stream is the only stream of a connection of HTTP/2, opened by extended CONNECT
// (RFC 8441). Go's client knows none.
type http2Stream struct {
	conn   net.Conn
	framer *http2.Framer // read by follow; written under mu
	begun  chan struct{} // closed when the head has come, or nothing will
	head   http.Header   // with :status; valid when begun
	ended  chan struct{} // closed when follow has ended
	opened bool          // the stream is; written by begin alone

	closing sync.Once

	mu struct {
		sync.Mutex

		changed  *sync.Cond
		connects bool  // the server knows extended CONNECT
		settled  bool  // its settings have come
		session  int64 // bytes that it takes, of all streams
		stream   int64 // and of this one
		initial  int64
		in       bytes.Buffer
		whole    bool  // END_STREAM has come
		sent     bool  // ours was sent
		err      error // nothing comes any more
	}
}

const http2StreamID = 1

// connectOn asks to switch as HTTP/2 does, and answers as HTTP/1.1 does.
func connectOn(conn net.Conn, q *http.Request) (*http.Response, error) {
	s := &http2Stream{conn: conn, framer: http2.NewFramer(conn, conn), begun: make(chan struct{}), ended: make(chan struct{})}
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.mu.changed = sync.NewCond(&s.mu)
	s.mu.session, s.mu.stream, s.mu.initial = http2Window, http2Window, http2Window
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := s.begin(q); err != nil {
		_ = s.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	status, err := strconv.Atoi(s.head.Get(":status"))
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("no status: %v", s.head)
	}
	h := s.head.Clone()
	if status == http.StatusOK {
		status = http.StatusSwitchingProtocols
		set(h, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Accept", acceptOf(q.Header.Get("Sec-WebSocket-Key")))
	}
	return &http.Response{Status: strconv.Itoa(status), StatusCode: status, Proto: "HTTP/2.0", ProtoMajor: 2, Header: h, Body: s, Request: q}, nil
}

// begin sends what comes first and waits for the head of the answer.
func (s *http2Stream) begin(q *http.Request) error {
	_, err := io.WriteString(s.conn, http2.ClientPreface)
	err = errors.Join(err, s.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: http2Room}),
		s.framer.WriteWindowUpdate(0, http2Room-http2Window))
	go s.follow()
	if err != nil {
		return err
	}
	s.mu.Lock()
	for !s.mu.settled && s.mu.err == nil {
		s.mu.changed.Wait()
	}
	connects := s.mu.connects
	err = s.mu.err
	if err == nil && connects {
		err = s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: http2StreamID, BlockFragment: connectBlock(q), EndHeaders: true})
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !connects:
		return errors.New("the server does not announce extended CONNECT")
	}
	s.opened = true
	<-s.begun
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head == nil {
		return s.mu.err
	}
	return nil
}

// connectBlock is the header block of the request.
func connectBlock(q *http.Request) []byte {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	fields := []string{":method", "CONNECT", ":protocol", q.Header.Get("Upgrade"), ":scheme", "https", ":authority", q.URL.Host, ":path", q.URL.RequestURI()}
	for name, values := range q.Header {
		if slices.Contains([]string{"Connection", "Upgrade", "Sec-Websocket-Key"}, name) {
			continue
		}
		for _, v := range values {
			fields = append(fields, strings.ToLower(name), v)
		}
	}
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a buffer takes all
	}
	return block.Bytes()
}

// follow reads frames until the connection ends.
func (s *http2Stream) follow() {
	defer close(s.ended)
	for {
		f, err := s.framer.ReadFrame()
		s.mu.Lock()
		if err == nil {
			err = s.took(f)
		}
		if err != nil {
			s.mu.err = err
			s.openGate()
		}
		s.mu.changed.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// openGate lets begin go on; mu is held.
func (s *http2Stream) openGate() {
	select {
	case <-s.begun:
	default:
		close(s.begun)
	}
}

// took is one frame; mu is held.
func (s *http2Stream) took(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return s.tookSettings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			return s.framer.WritePing(true, f.Data)
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			s.mu.session += int64(f.Increment)
		} else {
			s.mu.stream += int64(f.Increment)
		}
	case *http2.RSTStreamFrame:
		return fmt.Errorf("the stream was reset: %v", f.ErrCode)
	case *http2.MetaHeadersFrame:
		s.mu.whole = s.mu.whole || f.StreamEnded()
		if s.head == nil {
			s.head = http.Header{}
			for _, field := range f.Fields {
				s.head[http.CanonicalHeaderKey(field.Name)] = append(s.head[http.CanonicalHeaderKey(field.Name)], field.Value)
			}
			s.openGate()
		}
	case *http2.DataFrame:
		_, _ = s.mu.in.Write(f.Data())
		s.mu.whole = s.mu.whole || f.StreamEnded()
	}
	return nil
}

func (s *http2Stream) tookSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		s.mu.stream += int64(v) - s.mu.initial
		s.mu.initial = int64(v)
	}
	if v, ok := f.Value(http2.SettingEnableConnectProtocol); ok {
		s.mu.connects = v == 1
	}
	s.mu.settled = true
	return s.framer.WriteSettingsAck()
}

// Read gives back the window of what it takes.
func (s *http2Stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.mu.in.Len() == 0 {
		switch {
		case s.mu.whole:
			return 0, io.EOF
		case s.mu.err != nil:
			return 0, s.mu.err
		}
		s.mu.changed.Wait()
	}
	n, _ := s.mu.in.Read(p)
	_ = s.framer.WriteWindowUpdate(0, uint32(n))
	if !s.mu.whole {
		_ = s.framer.WriteWindowUpdate(http2StreamID, uint32(n))
	}
	return n, nil
}

// Write waits for the windows.
func (s *http2Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for written < len(p) {
		n := min(int64(len(p)-written), s.mu.session, s.mu.stream, http2Largest)
		switch {
		case s.mu.err != nil:
			return written, s.mu.err
		case n <= 0:
			s.mu.changed.Wait()
			continue
		}
		s.mu.session -= n
		s.mu.stream -= n
		if err := s.framer.WriteData(http2StreamID, false, p[written:written+int(n)]); err != nil {
			return written, err
		}
		written += int(n)
	}
	return written, nil
}

// CloseWrite is END_STREAM.
func (s *http2Stream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.sent {
		return nil
	}
	s.mu.sent = true
	return s.framer.WriteData(http2StreamID, true, nil)
}

// http2Goodbye bounds the wait for the server's end of a stream that is closed.
const http2Goodbye = 2 * time.Second

// Close ends both directions as a client does whose connection goes on: to end the
// connection at once would be a reset, which can overtake what was written last.
func (s *http2Stream) Close() error {
	s.closing.Do(func() {
		impatience := time.AfterFunc(http2Goodbye, func() { _ = s.conn.Close() })
		defer impatience.Stop()
		if s.opened {
			_ = s.CloseWrite()
		}
		s.mu.Lock()
		for s.opened && !s.mu.whole && s.mu.err == nil {
			s.mu.changed.Wait()
		}
		s.mu.Unlock()
		_ = s.conn.Close()
		<-s.ended
	})
	return nil
}

// SetDeadline bounds what the connection may take.
func (s *http2Stream) SetDeadline(by time.Time) error { return s.conn.SetDeadline(by) }

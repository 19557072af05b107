package http3

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/qpack"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// patient is a stream whose deadlines mean nothing.
type patient struct{}

func (patient) SetReadDeadline(time.Time) error { return nil }

// offline is a session without a connection.
func offline() *Session {
	s := &Session{opts: Options{HeaderBytes: 4 << 10}}
	s.mu.budget.Begin(socket.Nanos())
	return s
}

// played is what a request stream of these bytes becomes.
type played struct {
	text   string
	opened bool
	st     *Stream
	fault  *fault
}

func play(text []byte) played {
	p := played{st: &Stream{session: offline(), space: make(chan struct{}, 1)}}
	r := &reading{st: p.st, from: patient{}, in: bufio.NewReaderSize(bytes.NewReader(text), pieceBytes), announce: func(*Stream) { p.opened = true }}
	p.fault = r.frames()
	for room := make([]byte, 7); p.fault == nil; {
		n, err := p.st.TryRead(room)
		p.text += string(room[:n])
		if err != nil || n == 0 {
			break
		}
	}
	return p
}

func fieldSection(fields ...string) []byte {
	var b bytes.Buffer
	enc := qpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(qpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return append(appendFrame(nil, frameHeaders, b.Len()), b.Bytes()...)
}

func dataFrame(text string) []byte { return append(appendFrame(nil, frameData, len(text)), text...) }

// FuzzRequest plays the bytes of a request stream. What becomes of them is one request
// that the parser of HTTP/1.1 reads to its last byte, or nothing.
func FuzzRequest(f *testing.F) {
	get := fieldSection(":method", "GET", ":scheme", "https", ":authority", "t", ":path", "/", "x", "y")
	post := fieldSection(":method", "POST", ":scheme", "https", ":authority", "t", ":path", "/", "content-length", "3")
	f.Add(get)
	f.Add(append(bytes.Clone(post), dataFrame("abc")...))
	f.Add(append(append(bytes.Clone(get), dataFrame("abc")...), fieldSection("a", "b")...))
	f.Add(append(appendFrame(nil, 0x21, 0), get...))
	f.Add([]byte("\x01\x02\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > inMax/2 {
			return // nobody takes out what comes in
		}
		p := play(data)
		if p.fault != nil || !p.opened || p.st.Refusal != nil || p.st.Tunnel {
			return
		}
		var head wire.RequestHead
		n, err := head.Parse([]byte(p.text), &wire.Limits{HeadBytes: 64 << 10})
		switch {
		case err != nil:
			return // the engine answers 400
		case n == 0:
			t.Fatalf("the head has no end: %q", p.text)
		}
		rest := p.text[n:]
		switch head.Framing {
		case wire.Length:
			if int64(len(rest)) != head.ContentLength {
				t.Fatalf("%d bytes of content; the head says %d", len(rest), head.ContentLength)
			}
		case wire.ChunkedBody:
			if !strings.HasSuffix(rest, "\r\n\r\n") {
				t.Fatalf("the body has no end: %q", rest)
			}
		default:
			if rest != "" {
				t.Fatalf("bytes behind a request without content: %q", rest)
			}
		}
	})
}

// FuzzControl plays the bytes of unidirectional streams: each ends in a fault, or with
// the stream.
func FuzzControl(f *testing.F) {
	f.Add([]byte("\x04\x02\x06\x01"), []byte("\x20"), []byte("\x44"))
	f.Add([]byte("\x04\x00\x21\x01x\x0d\x01\x00\x07\x01\x00"), []byte("\xc0"), []byte("\x7f\x80\x01"))
	f.Fuzz(func(t *testing.T, control, encoder, decoder []byte) {
		in := func(b []byte) *bufio.Reader { return bufio.NewReaderSize(bytes.NewReader(b), controlRoom) }
		if offline().control(patient{}, in(control)) == nil || encoderStream(in(encoder)) == nil || decoderStream(in(decoder)) == nil {
			t.Error("a critical stream has ended, and nobody minds")
		}
	})
}

// FuzzVarint reads what was written, and writes what was read.
func FuzzVarint(f *testing.F) {
	for _, v := range []uint64{0, 63, 64, 16383, 16384, 1<<30 - 1, 1 << 30, 1<<62 - 1} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v uint64) {
		v &= 1<<62 - 1
		b := appendVarint(nil, v)
		if got, n := parseVarint(b); got != v || n != len(b) {
			t.Errorf("%d: read %d of %d bytes, %d", v, got, n, len(b))
		}
		for i := range b {
			if _, n := parseVarint(b[:i]); n != 0 {
				t.Errorf("%d: read from %d bytes of %d", v, i, len(b))
			}
		}
	})
}

// lateRead is a read that brings bytes and the end of a deadline at once.
type lateRead struct{ reads int }

func (l *lateRead) Read(p []byte) (int, error) {
	l.reads++
	if l.reads == 1 {
		return copy(p, "ab"), os.ErrDeadlineExceeded
	}
	return copy(p, "cd"), nil
}

// A deadline that has passed beside bytes is not met later.
func TestDeadlinesDoNotStay(t *testing.T) {
	in := bufio.NewReader(wholeReads{&lateRead{}})
	if b, err := in.Peek(1); err != nil || b[0] != 'a' {
		t.Fatalf("got %q, %v", b, err)
	}
	room := make([]byte, 4)
	if _, err := io.ReadFull(in, room); err != nil || string(room) != "abcd" {
		t.Errorf("got %q, %v; want all", room, err)
	}
}

// Fields are counted as they come: a small section may be a large list.
func TestFieldsAreBounded(t *testing.T) {
	block := append([]byte{0, 0}, bytes.Repeat([]byte{0xdd}, 4<<10)...) // of the static table
	n := 0
	if got := decodeFields(block, 8<<10, func(_, _ []byte) bool { n++; return true }); got != fieldsTooLarge || n > 8<<10/fieldOverhead {
		t.Errorf("got %d after %d fields; want that it is too large", got, n)
	}
}

func TestFramesAreRead(t *testing.T) {
	text := appendFrame(nil, frameSettings, 300)
	if kind, length, err := readFrame(bufio.NewReader(bytes.NewReader(text))); kind != frameSettings || length != 300 || err != nil {
		t.Errorf("got %d, %d, %v", kind, length, err)
	}
	if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(text[:1]))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a header: got %v", err)
	}
	if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(nil))); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: got %v", err)
	}
}

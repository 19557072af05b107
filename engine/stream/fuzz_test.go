package stream

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// cutter is how much there is each time: 1 to 256 bytes, as the bytes of it say, or all.
type cutter []byte

func (c *cutter) next(all int) int {
	if len(*c) == 0 {
		return all
	}
	n := int((*c)[0]) + 1
	*c = (*c)[1:]
	return min(n, all)
}

// sent is what a text has become.
type sent struct {
	heads, ends int
	content     []byte
	trailers    []byte
	last        int // of the content, or of all else
	done        bool
	broken      bool
}

// send takes text apart, of which no more than the cutter says is there at a time, and
// no more than it says is sent of content. Heads come in one piece.
func send(t *testing.T, o *Output, text []byte, to *Request, cuts cutter) (s sent) {
	t.Helper()
	for len(text) > 0 && !o.Done() {
		there := text
		if !o.AtHead() {
			there = text[:cuts.next(len(text))]
		}
		p, err := o.Next(there, to)
		if err != nil {
			s.broken = true
			break
		}
		n := p.Bytes
		if n <= 0 || n > len(there) {
			t.Fatalf("%d of %d bytes of %q", n, len(there), there)
		}
		switch p.Part {
		case PartHead:
			s.heads++
			for i := range o.Fields() {
				if name, _, ok := o.Field(i); ok && len(name) == 0 {
					t.Fatalf("a field without a name in %q", there)
				}
			}
		case PartContent:
			n = cuts.next(n)
			s.content = append(s.content, there[:n]...)
			o.Took(n)
		case PartEnd:
			s.ends++
			s.trailers = bytes.Clone(o.Trailers())
		case PartNone:
		}
		if p.Last && n == p.Bytes {
			s.last++
		}
		text = text[n:]
	}
	s.done = o.Done()
	if s.last != 0 != s.done || s.last > 1 {
		t.Fatalf("%d pieces are the last one, and done is %v", s.last, s.done)
	}
	return s
}

// FuzzMessage takes a request of fields in and sends it on: what has become of it in
// between is one message of HTTP/1.1, or nothing.
func FuzzMessage(f *testing.F) {
	f.Add("GET", "/", "accept", "*/*", []byte(nil), true, []byte(nil))
	f.Add("POST", "/a?b", "cookie", "a=b", []byte("hello"), false, []byte{0, 3, 9, 1, 0, 0, 0, 2, 200})
	f.Add("POST", "/", "content-length", "5", []byte("hello"), false, []byte{50, 2})
	f.Add("PUT", "*", "x\r\ny", "te: \n", []byte("\r\n0\r\n\r\n"), false, []byte{4})
	f.Fuzz(func(t *testing.T, method, path, name, value string, content []byte, ended bool, cuts []byte) {
		var text RequestText
		text.Reset()
		fields := []string{":method", method, ":scheme", "https", ":authority", "t", ":path", path, name, value}
		for i := 0; i < len(fields); i += 2 {
			if !text.Add([]byte(fields[i]), []byte(fields[i+1])) {
				return
			}
		}
		if ended = ended && len(content) == 0; !text.Complete(ended) || len(content) > 64<<10 {
			return
		}
		var in Input
		text.Put(&in, ended)
		in.EndHead(!ended)
		in.Append(content)
		if !in.Counts(int64(len(content)), true) {
			return
		}
		text.Reset()
		if text.AddTrailer([]byte(name), []byte(value)) && !ended {
			in.Trailers(text.Trailers())
		}
		in.End()
		read, c := []byte(nil), cutter(cuts)
		for room := make([]byte, 1<<10); ; {
			n, _, err := in.Read(room[:c.next(len(room))])
			read = append(read, room[:n]...)
			if errors.Is(err, io.EOF) {
				break
			}
			if n == 0 || err != nil {
				t.Fatalf("the message has no end: %v behind %q", err, read)
			}
		}
		var out Output
		var head wire.RequestHead
		p, err := out.NextRequest(read, &head)
		if err != nil {
			return // the engine answers 400
		}
		behind := read[p.Bytes:]
		if p.Last {
			if len(behind)+len(content) > 0 {
				t.Fatalf("%q behind the end", behind)
			}
			return
		}
		s := send(t, &out, behind, &Request{}, cuts)
		if s.broken || !s.done || !bytes.Equal(s.content, content) || !bytes.Equal(s.trailers, in.trailers) {
			t.Fatalf("got %+v of %q; want %q and %q", s, read, content, in.trailers)
		}
	})
}

// FuzzAnswer takes any text apart: it ends in whatever way, but never in one that depends
// on how the text was cut into writes, and the content into frames.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), []byte{1, 0, 2}, false, false)
	f.Add([]byte("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n\r\n"), []byte{0, 0, 0, 0, 3, 1}, false, false)
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello"), []byte{2}, false, true)
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), []byte{}, true, false)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx"), []byte{0}, false, false)
	f.Fuzz(func(t *testing.T, text, cuts []byte, isHEAD, tunnel bool) {
		var whole, parts Output
		to := Request{IsHEAD: isHEAD, Tunnel: tunnel}
		want, got := send(t, &whole, text, &to, nil), send(t, &parts, text, &to, cuts)
		if want.heads != got.heads || want.ends != got.ends || want.done != got.done || want.broken != got.broken ||
			!bytes.Equal(want.content, got.content) || !bytes.Equal(want.trailers, got.trailers) {
			t.Fatalf("cut: got %+v; want %+v", got, want)
		}
		parts.Reset()
		if again := send(t, &parts, text, &to, cuts); again.heads != got.heads || !bytes.Equal(again.content, got.content) {
			t.Fatalf("once more: got %+v; want %+v", again, got)
		}
	})
}

//go:build !race

package stream

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// message is what one stream after the other uses, and text that goes through it.
type message struct {
	request  RequestText
	response ResponseText
	of       Request
	in       Input
	out      Output
	head     wire.RequestHead
	room     [4 << 10]byte
	content  [1 << 10]byte
	bytes    int
}

// pairs are fields as the decoders hand them out.
func pairs(fields ...string) (all [][]byte) {
	for _, f := range fields {
		all = append(all, []byte(f))
	}
	return all
}

var (
	allocRequest  = pairs(":method", "POST", ":scheme", "https", ":authority", "t", ":path", "/", "accept", "*/*", "cookie", "a=b", "cookie", "c=d")
	allocResponse = pairs(":status", "200", "content-type", "text/plain")
	allocTrailers = []byte("x-sum: 7\r\n")
	allocAnswer   = pairs("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n", "5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n")
	allocAsked    = []byte("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n")
)

// read reads what is in.
func (m *message) read() {
	for {
		n, _, err := m.in.Read(m.room[:])
		if m.bytes += n; n == 0 || err != nil {
			m.in.Reset()
			return
		}
	}
}

// write takes text apart; false: it is none.
func (m *message) write(text []byte) bool {
	for len(text) > 0 {
		p, err := m.out.Next(text, &m.of)
		if err != nil {
			return false
		}
		switch p.Part {
		case PartContent:
			m.out.Took(p.Bytes)
		case PartHead:
			for i := range m.out.Fields() {
				name, value, _ := m.out.Field(i)
				m.bytes += len(name) + len(value)
			}
		case PartEnd:
			for lines := m.out.Trailers(); len(lines) > 0; {
				_, _, lines = NextField(lines)
			}
		case PartNone:
		}
		text = text[p.Bytes:]
	}
	return true
}

func (m *message) takeRequest() bool {
	m.request.Reset()
	for i := 0; i < len(allocRequest); i += 2 {
		m.request.Add(allocRequest[i], allocRequest[i+1])
	}
	ok := m.request.Complete(false)
	m.of = m.request.Request()
	m.request.Put(&m.in, false)
	m.in.EndHead(true)
	m.in.Append(m.content[:])
	m.in.Trailers(allocTrailers)
	m.in.End()
	m.read()
	return ok
}

func (m *message) takeResponse() bool {
	m.response.Reset()
	for i := 0; i < len(allocResponse); i += 2 {
		m.response.Add(allocResponse[i], allocResponse[i+1])
	}
	ok := m.response.Complete(&m.of, false) && m.response.Put(&m.in, &m.of, false)
	m.in.Append(m.content[:])
	m.in.End()
	m.read()
	return ok
}

func (m *message) sendAnswer() bool {
	for _, text := range allocAnswer {
		if !m.write(text) {
			return false
		}
	}
	done := m.out.Done()
	m.out.Reset()
	return done
}

func (m *message) sendRequest() bool {
	_, err := m.out.NextRequest(allocAsked, &m.head)
	ok := err == nil && m.write(m.content[:5]) && m.out.Done()
	m.out.Reset()
	return ok
}

// A request, its content and its answer cost no memory once the first ones have brought
// it.
func TestStreamDoesNotAllocate(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  func(m *message) bool
	}{
		{"request", (*message).takeRequest},
		{"response", (*message).takeResponse},
		{"text of an answer", (*message).sendAnswer},
		{"text of a request", (*message).sendRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &message{}
			run := func() {
				if !tc.run(m) {
					t.Fatal("the message is malformed")
				}
			}
			for range 10 {
				run()
			}
			if n := testing.AllocsPerRun(200, run); n != 0 {
				t.Errorf("%v allocations a message; want 0", n)
			}
		})
	}
}

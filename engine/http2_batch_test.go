package engine

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// together sends what f writes to the peer in one write.
func (p *h2Peer) together(f func()) {
	var out bytes.Buffer
	reads := p.Framer
	p.Framer = http2.NewFramer(&out, nil)
	f()
	p.Framer = reads
	_, _ = p.Write(out.Bytes())
}

// Head and content of an answer that came together leave together.
func TestAnswerOfOneReadLeavesInOneWrite(t *testing.T) {
	r := oneShard(t, io.Discard, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, _ *http2.MetaHeadersFrame) bool {
		p.together(func() { p.ok(id) })
		return true
	}))
	c, in := r.dial(), make([]byte, 4096)
	for i := range 200 {
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		n, err := c.Read(in)
		if err != nil || !strings.HasSuffix(string(in[:n]), "\r\n\r\nok") {
			t.Fatalf("request %d: the first read got %q, %v; want the whole answer", i, in[:n], err)
		}
	}
}

// What is wrong with one answer, or with who reads it, holds up no other one that came with it.
func TestAnswersOfOneReadHoldNobodyUp(t *testing.T) {
	for _, tc := range []struct {
		name string
		a    func(p *h2Peer, id uint32)
		want string // what the client of a gets; empty: it reads nothing
	}{
		{"reset behind its head", func(p *h2Peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-length", "2")
			_ = p.WriteRSTStream(id, http2.ErrCodeInternal)
		}, "HTTP/1.1 "},
		{"without an end", func(p *h2Peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-length", "9")
			_ = p.WriteData(id, false, []byte("begun"))
		}, "begun"},
		{"for a client that reads nothing", func(p *h2Peer, id uint32) {
			p.headers(id, false, ":status", "200")
			for range 12 {
				_ = p.WriteData(id, false, make([]byte, 16<<10))
			}
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var first uint32
			came := make(chan struct{}, 1)
			r := oneShard(t, io.Discard, overH2C, scriptedH2(t, func(p *h2Peer, id uint32, f *http2.MetaHeadersFrame) bool {
				path := f.PseudoValue("path")
				if path == "/a" {
					first = id
					came <- struct{}{}
					return true
				}
				p.together(func() {
					if path == "/b" {
						tc.a(p, first)
					}
					p.ok(id)
				})
				return true
			}))
			other, slow := r.dial(), r.dial()
			if a := other.get("/"); a.StatusCode != 200 { // both are on its connection then
				t.Fatalf("got %d; want 200", a.StatusCode)
			}
			slow.send("GET /a HTTP/1.1\r\nHost: t\r\n\r\n")
			<-came
			if a := other.get("/b"); a.StatusCode != 200 || a.body != "ok" {
				t.Errorf("the other one: got %d %q; want 200 ok", a.StatusCode, a.body)
			}
			got := ""
			for in := make([]byte, 4096); !strings.Contains(got, tc.want); {
				n, err := slow.Read(in)
				if got += string(in[:n]); err != nil {
					t.Fatalf("got %q, %v; want %q in it", got, err, tc.want)
				}
			}
			if a := other.get("/"); a.StatusCode != 200 {
				t.Errorf("afterwards: got %d; want 200", a.StatusCode)
			}
		})
	}
}

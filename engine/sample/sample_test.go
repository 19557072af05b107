package sample

import (
	"bytes"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// keep writes a head as the engine does.
func keep(s *Sampler, nowNanos int64, line string, fields ...string) bool {
	if !s.Due(0, nowNanos) {
		return false
	}
	to := s.Take(0)
	if to == nil {
		return false
	}
	to.AtNanos, to.Peer = nowNanos, netip.AddrFrom4([4]byte{10, 0, 0, 1})
	method, target, _ := strings.Cut(line, " ")
	path, query, asks := strings.Cut(target, "?")
	raw := []byte(query)
	if !asks {
		raw = nil
	}
	to.Begin([]byte(method), []byte(path), raw, []byte("h.test"), 1)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		to.Field([]byte(name), []byte(value))
	}
	if !to.End() {
		to.Drop()
		return false
	}
	to.Keep()
	return true
}

func TestHeadIsRedacted(t *testing.T) {
	long := strings.Repeat("x", valueBytesMax+1)
	for _, c := range []struct {
		name, line string
		fields     []string
		want       string
	}{
		{"plain", "GET /a", []string{"X-A: 1"}, "GET /a HTTP/1.1\r\nHost: h.test\r\nX-A: 1\r\n\r\n"},
		{"query", "GET /a?b=secret&c&=d&e=&" + long, nil, "GET /a?b=&c&=&e=& HTTP/1.1\r\nHost: h.test\r\n\r\n"},
		{"empty query", "GET /a?", nil, "GET /a? HTTP/1.1\r\nHost: h.test\r\n\r\n"},
		{
			"credentials", "GET /",
			[]string{"Authorization: Basic x", "cookie: a=b", "X-Api-Key: k", "x_csrf_TOKEN: t", "Mcp-Session-Id: 1", "Referer: http://x.test/?a=b", strings.Repeat("N", nameRoom+1) + ": v"},
			"GET / HTTP/1.1\r\nHost: h.test\r\nAuthorization: ***\r\ncookie: ***\r\nX-Api-Key: ***\r\nx_csrf_TOKEN: ***\r\nMcp-Session-Id: ***\r\nReferer: ***\r\n" +
				strings.Repeat("N", nameRoom+1) + ": ***\r\n\r\n",
		},
		{"a long value", "GET /", []string{"User-Agent: " + long, "X-Empty: "}, "GET / HTTP/1.1\r\nHost: h.test\r\nUser-Agent: ***\r\nX-Empty: \r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(1)
			if !keep(s, 1, c.line, c.fields...) {
				t.Fatal("it is not kept")
			}
			if got := string(s.Heads()[0].Text()); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

// What does not fit is not kept at all: half a head would be another request.
func TestHeadThatDoesNotFitIsNotKept(t *testing.T) {
	s := New(1)
	if keep(s, 1, "GET /"+strings.Repeat("p", textRoom)) || len(s.Heads()) != 0 {
		t.Error("a head that is cut is kept")
	}
	if !keep(s, 1, "GET /fits") || len(s.Heads()) != 1 {
		t.Error("the next one is not kept")
	}
}

// The first ones are taken as they come, then one in a pause; a shard that was idle may
// again take as many as have had their time.
func TestExchangesAreTakenAtARate(t *testing.T) {
	s, now := New(2), int64(time.Hour)
	taken := func(from int64, n int, step int64) (kept int) {
		for i := range n {
			if keep(s, from+int64(i)*step, "GET /") {
				kept++
			}
		}
		return kept
	}
	if n := taken(now, 2*slots, 1); n < slots || n > slots+1 {
		t.Errorf("got %d of a burst; want %d", n, slots)
	}
	if n := taken(now+2*slots, 1000, pauseNanos/10); n < 99 || n > 101 {
		t.Errorf("got %d of 1000 at ten in a pause; want 100", n)
	}
	if n := taken(now+1000*pauseNanos, 2*slots, 1); n < 899 || n > 901 {
		t.Errorf("got %d after 900 pauses; want as many", n)
	}
	if len(s.Heads()) != slots || !s.Due(1, now) {
		t.Errorf("got %d heads; want %d, and the other shard for itself", len(s.Heads()), slots)
	}
}

// Several goroutines end exchanges of one shard, and somebody reads: every head is whole.
func TestHeadsAreWholeWhoeverWrites(t *testing.T) {
	s := New(1)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 2 * slots {
				keep(s, int64(i)*pauseNanos, "GET /path", "X-A: value")
			}
		})
	}
	all.Go(func() {
		for range 20 {
			for _, h := range s.Heads() {
				if got := string(h.Text()); got != "GET /path HTTP/1.1\r\nHost: h.test\r\nX-A: value\r\n\r\n" {
					t.Errorf("got %q", got)
				}
			}
		}
	})
	all.Wait()
	if n := len(s.Heads()); n == 0 || n > slots {
		t.Errorf("got %d heads; want up to %d", n, slots)
	}
}

// FuzzHead: what is kept is a head that our parser takes where it took the first one, and it
// has no value that must not be kept.
func FuzzHead(f *testing.F) {
	f.Add([]byte("GET /a?b=TOPSECRET&c HTTP/1.1\r\nHost: h\r\nCookie: TOPSECRET\r\nX: y\r\n\r\n"))
	f.Add([]byte("POST http://h/?TOPSECRET=TOPSECRET HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close, X\r\nX: \r\n\r\n"))
	f.Add([]byte("OPTIONS * HTTP/1.0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var head, again wire.RequestHead
		if n, err := head.Parse(text, &wire.Limits{}); n == 0 || err != nil {
			return
		}
		h := &Head{}
		h.Begin(head.Method, head.Path, head.Query, head.Host, head.Minor)
		for i := range head.Fields {
			if line := &head.Fields[i]; line.ID != wire.FieldHost {
				h.Field(head.Name(line), head.FieldValue(line))
			}
		}
		if !h.End() {
			return
		}
		n, err := again.Parse(h.Text(), &wire.Limits{})
		if err != nil || n != len(h.Text()) {
			t.Fatalf("%q: got %d, %v for %q", text, n, err, h.Text())
		}
		if !bytes.Equal(again.Method, head.Method) || !bytes.Equal(again.Path, head.Path) || !bytes.Equal(again.Host, head.Host) {
			t.Errorf("%q: got %q; want the same request", text, h.Text())
		}
		for i := range again.Fields {
			line := &again.Fields[i]
			if IsSensitive(again.Name(line)) && string(again.FieldValue(line)) != Hidden {
				t.Errorf("%q: %q is kept", text, again.FieldValue(line))
			}
		}
	})
}

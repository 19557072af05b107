package engine

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// hostile2 is what a client does on a session of its own, and what comes of it.
type hostile2 struct {
	name string
	send func(c *h2conn) (id uint32) // the stream whose outcome counts; 0 is the session
	want string                      // as h2conn.outcome and h2conn.ending say it
	seen []string                    // complete requests of the backend
	// code is counted; CodeNo is none.
	code http2.ErrCode
}

const beforeSeen2 = "GET /before HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"

// attack2 plays the cases, each behind another exchange on its session and as the
// first thing of one.
func attack2(t *testing.T, r *rig, rec *recorder, cases []hostile2) {
	t.Helper()
	for i := range cases {
		tc := &cases[i]
		for _, reused := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: ", reused"}[reused], func(t *testing.T) {
				r.t = t
				counted := r.h2Errors(t, tc.code)
				c := r.h2()
				c.inTime(5 * time.Second)
				seen := slices.Clone(tc.seen)
				if reused {
					c.expect("200 GET /before", c.ask(to("GET", "/before")...))
					seen = append([]string{beforeSeen2}, seen...)
				}
				id := tc.send(c)
				if id == 0 {
					c.expect(tc.want, c.ending())
				} else {
					c.expect(tc.want, c.outcome(id))
				}
				if c.ended == nil { // it must go on
					c.expect("200 GET /before", c.ask(to("GET", "/before")...))
					seen = append(seen, beforeSeen2)
				}
				other := r.h2()
				other.expect("200 GET /before", other.ask(to("GET", "/before")...))
				if got, want := rec.take(t), slices.Concat(seen, []string{beforeSeen2}); !slices.Equal(got, want) {
					t.Errorf("the backend saw\n%q; want\n%q", got, want)
				}
				if n := r.h2Errors(t, tc.code) - counted; tc.code != http2.ErrCodeNo && n != 1 {
					t.Errorf("%s was counted %d times; want once", tc.code, n)
				}
			})
		}
	}
}

func (c *h2conn) expect(want, got string) {
	c.t.Helper()
	if got != want {
		c.t.Fatalf("got %q; want %q", got, want)
	}
}

// frame2 is a frame as bytes: its length may be a lie.
func frame2(length int, kind http2.FrameType, flags http2.Flags, id uint32, payload string) string {
	return string([]byte{
		byte(length >> 16), byte(length >> 8), byte(length), byte(kind), byte(flags), byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id),
	}) + payload
}

// whole2 is a frame of the right length.
func whole2(kind http2.FrameType, flags http2.Flags, id uint32, payload string) string {
	return frame2(len(payload), kind, flags, id, payload)
}

// bytes2 is a case of raw bytes that end the session.
func bytes2(name, text string, code http2.ErrCode) hostile2 {
	return hostile2{name: name, want: "goaway " + code.String(), code: code, send: func(c *h2conn) uint32 {
		c.raw(text)
		return 0
	}}
}

func TestHTTP2FramesThatEndTheSession(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	const (
		protocol = http2.ErrCodeProtocol
		size     = http2.ErrCodeFrameSize
		flow     = http2.ErrCodeFlowControl
		closed   = http2.ErrCodeStreamClosed
		calm     = http2.ErrCodeEnhanceYourCalm
	)
	one := "\x00\x00\x00\x01"
	cases := []hostile2{
		bytes2("DATA of the session", whole2(http2.FrameData, 0, 0, "x"), protocol),
		bytes2("DATA on an idle stream", whole2(http2.FrameData, 0, 99, "x"), protocol),
		bytes2("DATA on an even stream", whole2(http2.FrameData, 0, 2, "x"), protocol),
		bytes2("DATA that is all padding and more", whole2(http2.FrameData, http2.FlagDataPadded, 99, "\x05xx"), protocol),
		bytes2("padded DATA of no length", whole2(http2.FrameData, http2.FlagDataPadded, 99, ""), size),
		bytes2("HEADERS of the session", whole2(http2.FrameHeaders, 5, 0, "\x82"), protocol),
		bytes2("HEADERS on an even stream", whole2(http2.FrameHeaders, 5, 2, "\x82"), protocol),
		bytes2("padded HEADERS of no length", whole2(http2.FrameHeaders, 5|8, 99, ""), size),
		bytes2("HEADERS that are all padding", whole2(http2.FrameHeaders, 5|8, 99, "\x02\x82"), protocol),
		bytes2("HEADERS too short for their priority", whole2(http2.FrameHeaders, 5|0x20, 99, "\x00\x00"), size),
		bytes2("bad compression", whole2(http2.FrameHeaders, 5, 99, "\xff\xff\xff\xff\xff"), http2.ErrCodeCompression),
		bytes2("PRIORITY of the session", whole2(http2.FramePriority, 0, 0, "\x00\x00\x00\x00\x00"), protocol),
		bytes2("PRIORITY of a wrong length on an idle stream", whole2(http2.FramePriority, 0, 99, one), size),
		bytes2("PRIORITY of an idle stream on itself", whole2(http2.FramePriority, 0, 99, "\x00\x00\x00\x63\x00"), protocol),
		bytes2("RST_STREAM of the session", whole2(http2.FrameRSTStream, 0, 0, one), protocol),
		bytes2("RST_STREAM on an idle stream", whole2(http2.FrameRSTStream, 0, 99, one), protocol),
		bytes2("RST_STREAM on an even stream", whole2(http2.FrameRSTStream, 0, 2, one), protocol),
		bytes2("RST_STREAM of a wrong length", whole2(http2.FrameRSTStream, 0, 1, "\x00\x00\x01"), size),
		bytes2("SETTINGS on a stream", whole2(http2.FrameSettings, 0, 1, ""), protocol),
		bytes2("SETTINGS of a wrong length", whole2(http2.FrameSettings, 0, 0, "\x00\x01\x00\x00\x00"), size),
		bytes2("SETTINGS that acknowledge and say something", whole2(http2.FrameSettings, 1, 0, "\x00\x01\x00\x00\x00\x00"), size),
		bytes2("a window that is too large at first", whole2(http2.FrameSettings, 0, 0, "\x00\x04\x80\x00\x00\x00"), flow),
		bytes2("frames that are too small", whole2(http2.FrameSettings, 0, 0, "\x00\x05\x00\x00\x3f\xff"), protocol),
		bytes2("frames that are too large", whole2(http2.FrameSettings, 0, 0, "\x00\x05\x01\x00\x00\x00"), protocol),
		bytes2("push neither on nor off", whole2(http2.FrameSettings, 0, 0, "\x00\x02\x00\x00\x00\x02"), protocol),
		bytes2("PUSH_PROMISE", whole2(http2.FramePushPromise, 4, 1, "\x00\x00\x00\x02\x82"), protocol),
		bytes2("PING on a stream", whole2(http2.FramePing, 0, 1, "12345678"), protocol),
		bytes2("PING of a wrong length", whole2(http2.FramePing, 0, 0, "1234567"), size),
		bytes2("GOAWAY on a stream", whole2(http2.FrameGoAway, 0, 1, "\x00\x00\x00\x00\x00\x00\x00\x00"), protocol),
		bytes2("GOAWAY of a wrong length", whole2(http2.FrameGoAway, 0, 0, one), size),
		bytes2("WINDOW_UPDATE of nothing", whole2(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x00"), protocol),
		bytes2("WINDOW_UPDATE of a wrong length", whole2(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x01"), size),
		bytes2("WINDOW_UPDATE on an idle stream", whole2(http2.FrameWindowUpdate, 0, 99, one), protocol),
		bytes2("WINDOW_UPDATE on an even stream", whole2(http2.FrameWindowUpdate, 0, 2, one), protocol),
		bytes2("a window of the session that overflows", whole2(http2.FrameWindowUpdate, 0, 0, "\x7f\xff\xff\xff"), flow),
		bytes2("CONTINUATION of nothing", whole2(http2.FrameContinuation, 4, 99, "\x82"), protocol),
		bytes2("CONTINUATION of the session", whole2(http2.FrameContinuation, 4, 0, "\x82"), protocol),
		bytes2("a header block and DATA", whole2(http2.FrameHeaders, 0, 99, "\x82")+whole2(http2.FrameData, 0, 99, "x"), protocol),
		bytes2("a header block and a PING", whole2(http2.FrameHeaders, 0, 99, "\x82")+whole2(http2.FramePing, 0, 0, "12345678"), protocol),
		bytes2("a header block and an unknown frame", whole2(http2.FrameHeaders, 0, 99, "\x82")+whole2(0xfa, 0, 99, ""), protocol),
		bytes2("two header blocks at once", whole2(http2.FrameHeaders, 0, 99, "\x82")+whole2(http2.FrameHeaders, 4, 101, "\x82"), protocol),
		bytes2("CONTINUATION of another stream", whole2(http2.FrameHeaders, 0, 99, "\x82")+whole2(http2.FrameContinuation, 4, 97, "\x82"), protocol),
		bytes2("a header block without end", whole2(http2.FrameHeaders, 0, 99, "\x82")+strings.Repeat(whole2(http2.FrameContinuation, 0, 99, ""), 20), calm),
		bytes2("a header block that is long", whole2(http2.FrameHeaders, 0, 99, "\x82")+strings.Repeat(whole2(http2.FrameContinuation, 0, 99, strings.Repeat("\x82", 16<<10)), 5), calm),
		bytes2("a frame that is too large", frame2(16<<10+1, http2.FrameData, 0, 99, ""), size),
		bytes2("a long frame of an unknown type", frame2(1<<24-1, 0xfa, 0, 0, ""), size),
		{name: "a stream that goes back", want: "goaway STREAM_CLOSED", code: closed, seen: []string{beforeSeen2}, send: func(c *h2conn) uint32 {
			c.last = 7
			c.expect("200 GET /before", c.ask(to("GET", "/before")...))
			c.headers(c.last-2, true, to("GET", "/back")...)
			return 0
		}},
		{name: "a stream that is used twice", want: "goaway STREAM_CLOSED", code: closed, seen: []string{beforeSeen2}, send: func(c *h2conn) uint32 {
			c.expect("200 GET /before", c.ask(to("GET", "/before")...))
			c.headers(c.last, true, to("GET", "/twice")...)
			return 0
		}},
	}
	for _, kind := range []http2.FrameType{http2.FrameData, http2.FrameRSTStream, http2.FrameWindowUpdate} {
		cases = append(cases, hostile2{
			name: kind.String() + " on an even stream that was passed over", want: "goaway PROTOCOL_ERROR", code: protocol, seen: []string{beforeSeen2},
			send: func(c *h2conn) uint32 {
				c.last = 7
				c.expect("200 GET /before", c.ask(to("GET", "/before")...))
				c.raw(whole2(kind, 0, 6, one))
				return 0
			},
		})
	}
	attack2(t, r, rec, cases)
}

func TestHTTP2FramesThatEndTheirStream(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	const (
		protocol = http2.ErrCodeProtocol
		size     = http2.ErrCodeFrameSize
		flow     = http2.ErrCodeFlowControl
	)
	// opened sends frames on a stream whose request has not ended.
	opened := func(name string, code http2.ErrCode, frames ...func(id uint32) string) hostile2 {
		return hostile2{name: name, want: "reset " + code.String(), code: code, send: func(c *h2conn) uint32 {
			id := c.open(false, to("POST", "/")...)
			if strings.Contains(name, "length") {
				id = c.open(false, to("POST", "/", "content-length", "5")...)
			}
			for _, f := range frames {
				c.raw(f(id))
			}
			return id
		}}
	}
	on := func(kind http2.FrameType, flags http2.Flags, payload string) func(uint32) string {
		return func(id uint32) string {
			return whole2(kind, flags, id, strings.ReplaceAll(payload, "SELF", string([]byte{0, 0, 0, byte(id)})))
		}
	}
	content := on(http2.FrameData, 0, "123")
	trailer := func(text string) func(uint32) string { return on(http2.FrameHeaders, 5, text) }
	cases := []hostile2{
		opened("a window that overflows", flow, on(http2.FrameWindowUpdate, 0, "\x7f\xff\xff\xff")),
		opened("a window update of nothing", protocol, on(http2.FrameWindowUpdate, 0, "\x00\x00\x00\x00")),
		opened("PRIORITY of four bytes", size, on(http2.FramePriority, 0, "\x00\x00\x00\x01")),
		opened("PRIORITY on itself", protocol, on(http2.FramePriority, 0, "SELF\x00")),
		opened("more than the length", protocol, on(http2.FrameData, 0, "123456")),
		opened("more than the length, in pieces", protocol, content, on(http2.FrameData, 1, "456")),
		opened("less than the length", protocol, on(http2.FrameData, 1, "1234")),
		opened("less than the length, and an empty end", protocol, content, on(http2.FrameData, 1, "")),
		opened("less than the length, and trailers", protocol, content, trailer("")),
		opened("trailers without an end", protocol, content, on(http2.FrameHeaders, 4, "\x00\x01x\x01y")),
		opened("trailers with a pseudo field", protocol, content, trailer("\x82")),
		opened("trailers with a name in capitals", protocol, content, trailer("\x00\x01X\x01y")),
		opened("trailers without a name", protocol, content, trailer("\x00\x00\x01y")),
		opened("trailers with a line end", protocol, content, trailer("\x00\x01x\x03a\r\n")),
		opened("trailers that are about the connection", protocol, content, trailer("\x00\x0aconnection\x05close")),
		opened("trailers that depend on themselves", protocol, content, on(http2.FrameHeaders, 5|0x20, "SELF\x00\x00\x01x\x01y")),
		{name: "a request that depends on itself", want: "reset PROTOCOL_ERROR", code: protocol, send: func(c *h2conn) uint32 {
			id := c.next()
			c.raw(whole2(http2.FrameHeaders, 5|0x20, id, string([]byte{0, 0, 0, byte(id), 0})+string(c.encode(to("GET", "/")...))))
			return id
		}},
	}
	attack2(t, r, rec, cases)
}

// What comes behind the end of a request resets its stream while that is still there,
// and the backend does not work on for it.
func TestHTTP2FramesBehindTheEndOfARequest(t *testing.T) {
	asked, left := make(chan struct{}, 1), make(chan struct{}, 1)
	r := start(t, h2cListener, scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) {
		if readHead(in) != nil {
			asked <- struct{}{}
			_, _ = in.ReadByte()
			left <- struct{}{}
		}
	}))
	for _, tc := range []struct {
		name string
		send func(c *h2conn, id uint32)
	}{
		{"DATA", func(c *h2conn, id uint32) { c.data(id, false, "x") }},
		{"empty DATA", func(c *h2conn, id uint32) { c.data(id, true, "") }},
		{"trailers", func(c *h2conn, id uint32) { c.headers(id, true, "x", "y") }},
		{"another request", func(c *h2conn, id uint32) { c.headers(id, true, to("GET", "/")...) }},
	} {
		t.Run(tc.name, func(_ *testing.T) {
			c := r.h2()
			id := c.open(true, to("GET", "/")...)
			<-asked
			tc.send(c, id)
			c.expect("reset STREAM_CLOSED", c.outcome(id))
			<-left
		})
	}
}

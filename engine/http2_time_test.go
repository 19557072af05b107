package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// timed2 is a listener of HTTP/2 with these timeouts.
func timed2(timeouts string) string {
	return strings.Replace(h2cListener, "h2c: true", "h2c: true, timeouts: {"+timeouts+"}", 1)
}

// meanwhile calls f every d until stop, which waits for its end.
func meanwhile(d time.Duration, f func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

const preface2 = http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// What a client begins and does not finish ends its session in the time for a header,
// however often it says something.
func TestHTTP2UnfinishedThings(t *testing.T) {
	r := start(t, timed2("header: 300ms, idle: 20s"), record(t).address)
	headers := whole2(http2.FrameHeaders, 0, 1, "\x82")
	more := whole2(http2.FrameContinuation, 0, 1, "\x84")
	for _, tc := range []struct{ name, first, then, want string }{
		{"half a preface", http2.ClientPreface[:10], "", "goaway SETTINGS_TIMEOUT"},
		{"a preface that drips", http2.ClientPreface[:3], http2.ClientPreface[3:], "goaway SETTINGS_TIMEOUT"},
		{"a preface and no SETTINGS", http2.ClientPreface, "", "goaway SETTINGS_TIMEOUT"},
		{"half of SETTINGS", http2.ClientPreface + whole2(http2.FrameSettings, 0, 0, "\x00\x01\x00\x00\x00\x00")[:12], "", "goaway SETTINGS_TIMEOUT"},
		{"half a header of a frame", preface2 + "\x00\x00", "", "goaway ENHANCE_YOUR_CALM"},
		{"half a frame", preface2 + whole2(http2.FrameHeaders, 5, 1, strings.Repeat("x", 100))[:50], "", "goaway ENHANCE_YOUR_CALM"},
		{"a frame that drips", preface2, whole2(http2.FrameHeaders, 5, 1, strings.Repeat("x", 100)), "goaway ENHANCE_YOUR_CALM"},
		{"half a header block", preface2 + headers, "", "goaway ENHANCE_YOUR_CALM"},
		{"half a header block and half a frame", preface2 + headers + more[:5], "", "goaway ENHANCE_YOUR_CALM"},
		{"a header block that drips", preface2 + headers, strings.Repeat(more, 16), "goaway ENHANCE_YOUR_CALM"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := silentH2conn(t, r.dial().Conn)
			c.mute = true
			c.raw(tc.first)
			rest := tc.then
			began := time.Now()
			stop := meanwhile(50*time.Millisecond, func() {
				if rest != "" && c.raw(rest[:1]) {
					rest = rest[1:]
				}
			})
			c.expect(tc.want, c.ending())
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %v; want 300ms", took)
			}
			stop()
		})
	}
	r.checkGone(t)
}

// A stream that runs does not excuse half a frame, and an open one is not idle: it is
// answered when another session, which was idle for less long, has ended.
func TestHTTP2SessionIsNotIdleWhileAStreamRuns(t *testing.T) {
	asked, otherEnded, end := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	defer close(end)
	r := start(t, timed2("header: 200ms, idle: 200ms"), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil {
			return
		}
		switch q.URL.Path {
		case "/slow":
			asked <- struct{}{}
			<-otherEnded
		case "/silent":
			<-end
		}
		_, _ = io.WriteString(c, ok)
	}))
	c, other := r.h2(), r.h2()
	slow := c.open(true, to("GET", "/slow")...)
	<-asked
	other.expect("200 ok", other.ask(to("GET", "/")...))
	other.expect("goaway NO_ERROR", other.ending())
	close(otherEnded)
	c.expect("200 ok", c.outcome(slow))
	began := time.Now()
	c.expect("goaway NO_ERROR", c.ending())
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("ended %v after the answer; want 200ms", took)
	}
	c = r.h2()
	c.mute = true
	id := c.open(true, to("GET", "/silent")...)
	c.raw("\x00\x00")
	c.expect("goaway ENHANCE_YOUR_CALM", c.outcome(id))
}

// A session that is idle ends in two steps, so that a request which crosses the first is
// heard; a client that does not answer is waited for a while.
func TestHTTP2IdleEndHearsARequestOnItsWay(t *testing.T) {
	t.Parallel()
	r := start(t, timed2("header: 20s, idle: 300ms"), record(t).address)
	c := r.h2()
	c.mute = true // the PING behind the first GOAWAY is not answered yet
	if !c.until(func() bool { return c.gone }) || c.code != http2.ErrCodeNo || c.lastID != 1<<31-1 {
		t.Fatalf("got GOAWAY %v, %s, last %d; want one without an error and without a last stream", c.gone, c.code, c.lastID)
	}
	c.expect("200 GET /crossed", c.ask(to("GET", "/crossed")...))
	_ = c.fr.WritePing(true, [8]byte{'d', 'r', 'a', 'i', 'n'})
	c.expect("goaway NO_ERROR", c.ending())
	if c.lastID != 1 {
		t.Errorf("the last GOAWAY names stream %d; want 1", c.lastID)
	}
	r.checkGone(t)
}

// An idle session is one without a stream, also when it says that it is there.
func TestHTTP2IdleSessionsEnd(t *testing.T) {
	r := start(t, timed2("header: 20s, idle: 300ms"), record(t).address)
	for name, say := range map[string]string{
		"nothing": "", "PING": whole2(http2.FramePing, 0, 0, "12345678"), "SETTINGS acknowledged": whole2(http2.FrameSettings, 1, 0, ""),
		"PRIORITY": whole2(http2.FramePriority, 0, 1, "\x00\x00\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			c := r.h2()
			c.t = t
			began := time.Now()
			stop := meanwhile(30*time.Millisecond, func() { c.raw(say) })
			c.expect("goaway NO_ERROR", c.ending())
			if took := time.Since(began); took < 200*time.Millisecond || took > 5*time.Second {
				t.Errorf("ended after %v; want 300ms", took)
			}
			stop()
		})
	}
	r.checkGone(t)
}

// A client that reads slowly but steadily keeps its answer, although it says nothing.
func TestHTTP2SlowReaderKeepsItsAnswer(t *testing.T) {
	t.Parallel()
	const size = 48 << 20
	address := sized(t, noise(size), new(atomic.Int64))
	bare := start(t, timed2("write: 4s"), address)
	secure := start(t, tlsText("", ", timeouts: {write: 4s}", newPair(t, tomorrow(), "a.test")), address)
	for name, dial := range map[string]func() *h2conn{
		"clear": func() *h2conn { return bare.h2() }, "TLS": func() *h2conn { return secure.h2TLS() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial()
			c.t, c.deaf = t, true
			c.settings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
			c.give(c.own, 1<<30)
			id := c.open(true, ":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", fmt.Sprint("/", size))
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for read := 1 << 20; c.step() && !c.streams[id].whole; {
				if len(c.streams[id].body) >= read {
					read += 1 << 20
					renew(c)
					<-tick.C
				}
			}
			if st := c.streams[id]; !st.whole || len(st.body) != size {
				t.Errorf("got %d bytes, and then %s; want %d", len(st.body), c.outcome(id), size)
			}
		})
	}
}

// A stream that takes nothing ends in the time for writes, whatever else its session
// does, and so does a session that takes nothing.
func TestHTTP2StreamsThatTakeNothingEnd(t *testing.T) {
	r := start(t, timed2("write: 300ms"), sized(t, noise(1<<20), new(atomic.Int64)))
	for name, say := range map[string]func(c *h2conn){
		"silent":                  func(*h2conn) {},
		"pings":                   func(c *h2conn) { c.raw(whole2(http2.FramePing, 0, 0, "12345678")) },
		"opens the session":       func(c *h2conn) { c.raw(whole2(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x08\x00")) },
		"opens another stream":    func(c *h2conn) { c.raw(whole2(http2.FrameWindowUpdate, 0, 3, "\x00\x00\x08\x00")) },
		"changes other settings":  func(c *h2conn) { c.raw(whole2(http2.FrameSettings, 0, 0, "\x00\x01\x00\x00\x00\x00")) },
		"makes windows no larger": func(c *h2conn) { c.raw(whole2(http2.FrameSettings, 0, 0, "\x00\x04\x00\x00\x00\x00")) },
	} {
		t.Run(name, func(t *testing.T) {
			c := r.h2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			c.t, c.deaf = t, true
			id := c.open(true, to("GET", "/100000")...)
			other := c.streams[c.open(true, to("GET", "/1000000")...)]
			other.left, c.own.left = 1<<20, 1<<20
			began := time.Now()
			stop := meanwhile(50*time.Millisecond, func() { say(c) })
			defer stop()
			c.expect("200 reset INTERNAL_ERROR", c.outcome(id))
			if took := time.Since(began); took < 200*time.Millisecond || took > 5*time.Second {
				t.Errorf("ended after %v; want 300ms", took)
			}
			_ = c.Close()
		})
	}
	t.Run("a session", func(t *testing.T) {
		c := r.h2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
		c.give(c.own, 1<<30)
		for range 100 {
			c.open(true, to("GET", "/1000000")...)
		}
		r.checkGone(t)
	})
	r.settled2(t)
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
}

// A window that SETTINGS opens wakes who waits for it (RFC 9113 section 6.9.2).
func TestHTTP2SettingsOpenWindows(t *testing.T) {
	r := start(t, h2cListener, sized(t, noise(100_000), new(atomic.Int64)))
	c := r.h2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	id := c.open(true, to("GET", "/100000")...)
	st := c.streams[id]
	st.owed = -1 << 30 // the client gives no window back by itself
	c.until(func() bool { return st.status != 0 })
	for _, step := range []struct{ window, has int }{{1, 1}, {3, 3}, {1000, 1000}, {10, 1000}, {2000, 2000}, {0, 2000}, {20_000, 20_000}} {
		c.settings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(step.window)})
		c.until(func() bool { return len(st.body) >= step.has })
		c.settle()
		if len(st.body) != step.has {
			t.Fatalf("with a window of %d: %d bytes; want %d", step.window, len(st.body), step.has)
		}
	}
	c.settings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	if a := c.answer(id); !a.whole || len(a.body) != 100_000 {
		t.Errorf("got %d bytes, whole %v", len(a.body), a.whole)
	}
}

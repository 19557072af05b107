package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// narrowed gives windows back as a client does that has set them to window bytes: those of
// the streams at ids and, when its first bytes are used up, that of the session. It
// returns when all answers are whole, or nothing comes any more.
func (c *h2conn) narrowed(window int64, ids ...uint32) {
	c.until(func() bool {
		whole := true
		for _, id := range ids {
			st := c.streams[id]
			whole = whole && (st.whole || st.reset)
			c.refill(st, window)
		}
		c.refill(c.own, window)
		return whole
	})
}

// refill opens a window that is half used.
func (c *h2conn) refill(st *h2stream, window int64) {
	if st.left <= window/2 && !st.whole && !st.reset {
		c.give(st, window-st.left)
	}
}

// bigAnswers is a backend with an answer of n bytes.
func bigAnswers(t *testing.T, n int) string {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", n)) })
}

// Small windows force small frames, each of which is answered with updates of windows.
func TestHTTP2SmallWindowsAreNoFlood(t *testing.T) {
	for _, window := range []int64{255, 511, 1023} {
		for _, streams := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d bytes, %d streams", window, streams), func(t *testing.T) {
				size := int(window) * 4000 / streams
				r := start(t, h2cListener, bigAnswers(t, size))
				c := r.h2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(window)})
				c.deaf = true
				var ids []uint32
				for range streams {
					ids = append(ids, c.open(true, to("GET", "/")...))
				}
				c.narrowed(window, ids...)
				for _, id := range ids {
					if st := c.streams[id]; len(st.body) != size || !st.whole {
						t.Fatalf("got %d bytes, whole: %v, %s; want %d", len(st.body), st.whole, c.cause, size)
					}
				}
			})
		}
	}
}

// Updates that free nothing, or next to nothing, end the session.
func TestHTTP2FloodsOfWindowUpdates(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flood func(c *h2conn, id uint32)
	}{
		{"of the session", func(c *h2conn, _ uint32) {
			c.raw(strings.Repeat(whole2(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x01"), 4000))
		}},
		{"of a stream that waits for the other window", func(c *h2conn, id uint32) {
			c.give(c.streams[id], 1<<20)
			c.until(func() bool { return c.own.left == 0 })
			c.raw(strings.Repeat(whole2(http2.FrameWindowUpdate, 0, id, "\x00\x00\x00\x01"), 4000))
		}},
		{"byte by byte", func(c *h2conn, id uint32) { c.narrowed(1, id) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, h2cListener, bigAnswers(t, 1<<20))
			c := r.h2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
			c.deaf = true
			tc.flood(c, c.open(true, to("GET", "/")...))
			c.expect("goaway ENHANCE_YOUR_CALM", c.ending())
		})
	}
}

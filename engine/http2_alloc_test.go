//go:build !race

package engine

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// bareClient is a client of HTTP/2 that allocates nothing: it sends the same frames
// again, on the next stream, and reads to the end of that.
type bareClient struct {
	*client

	request []byte // frames of one stream
	heads   []int  // where they begin
	id      uint32
	in      []byte
	held    int    // bytes of in
	grant   []byte // frames that give back what was read, for one that gives no more room than it has to
}

// newBareClient opens a session whose windows are never used up.
func newBareClient(t *testing.T, r *rig, body string, fields ...string) *bareClient {
	t.Helper()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true}) // in no table; a buffer takes all
	}
	c := &bareClient{client: r.dial(), id: 1, in: make([]byte, 256<<10)}
	var frames bytes.Buffer
	fr := http2.NewFramer(&frames, nil)
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""})
	c.heads = []int{0}
	for body != "" {
		c.heads = append(c.heads, frames.Len())
		n := min(len(body), frame.PayloadBytesMin)
		_ = fr.WriteData(1, n == len(body), []byte(body[:n]))
		body = body[n:]
	}
	c.request = bytes.Clone(frames.Bytes())
	frames.Reset()
	_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = fr.WriteWindowUpdate(0, 1<<30)
	c.send(frame.Preface + frames.String())
	return c
}

// endBehind is no body, whose end stands in a frame of its own.
const endBehind = "an empty frame"

// endBehind gives the request that.
func (c *bareClient) endBehind() {
	c.request[4] &^= byte(frame.FlagEndStream) // of HEADERS, the only one
	c.heads = append(c.heads, len(c.request))
	c.request = append(c.request, 0, 0, 0, byte(frame.TypeData), byte(frame.FlagEndStream), 0, 0, 0, 0)
}

// isSparing makes the client one that has 64 KiB of room for a stream, and gives them back as it reads.
func (c *bareClient) isSparing() {
	var frames bytes.Buffer
	fr := http2.NewFramer(&frames, nil)
	_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: frame.WindowInitial})
	c.send(frames.String())
	c.grant = binary.BigEndian.AppendUint32([]byte{0, 0, 4, byte(frame.TypeWindowUpdate), 0, 0, 0, 0, 0}, 0)
}

// gives gives n bytes of room back to the stream.
func (c *bareClient) gives(n uint32) bool {
	if c.grant == nil || n == 0 {
		return true
	}
	binary.BigEndian.PutUint32(c.grant[5:], c.id)
	binary.BigEndian.PutUint32(c.grant[frame.HeaderBytes:], n)
	_, err := c.Write(c.grant)
	return err == nil
}

// exchange makes one; false: it failed.
func (c *bareClient) exchange() bool {
	for _, at := range c.heads {
		binary.BigEndian.PutUint32(c.request[at+5:], c.id)
	}
	if _, err := c.Write(c.request); err != nil {
		return false
	}
	for {
		used, done := 0, false
		for !done {
			h, ok := frame.Parse(c.in[used:c.held])
			size := frame.HeaderBytes + int(h.Length)
			if !ok || c.held-used < size {
				break
			}
			if h.Type == frame.TypeRSTStream || h.Type == frame.TypeGoAway {
				return false
			}
			done = h.Stream == c.id && h.Flags.Has(frame.FlagEndStream) && (h.Type == frame.TypeHeaders || h.Type == frame.TypeData)
			if h.Type == frame.TypeData && !done && !c.gives(h.Length) {
				return false
			}
			used += size
		}
		c.held = copy(c.in, c.in[used:c.held])
		if done {
			c.id += 2
			return true
		}
		n, err := c.Read(c.in[c.held:])
		if err != nil {
			return false
		}
		c.held += n
	}
}

// sparing is the case of a client whose windows hold a stream up again and again.
const sparing = "GET 1 MiB, to a client with little room"

// TestHTTP2ExchangeDoesNotAllocate is TestExchangeDoesNotAllocate for clients of HTTP/2.
// Streams are used again when their exchange has ended in the loop, as most do.
func TestHTTP2ExchangeDoesNotAllocate(t *testing.T) {
	body := func(n int) string { return strings.Repeat("x", n) }
	length := func(n int) string {
		return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(n) + "\r\n\r\n" + body(n)
	}
	for _, tc := range []struct {
		name, method, body, end, response string
		most                              float64
	}{
		{"small GET", "GET", "", "\r\n\r\n", length(64), 0},
		{"small GET, its end behind it", "GET", endBehind, "\r\n\r\n", length(64), 0},
		{"small POST", "POST", "name=isam", "name=isam", length(2), 0},
		{"GET 16 KiB", "GET", "", "\r\n\r\n", length(16 << 10), 0},
		{"GET 1 MiB, which ends in a goroutine", "GET", "", "\r\n\r\n", length(1 << 20), 0},
		{sparing, "GET", "", "\r\n\r\n", length(1 << 20), 0},
		{"GET chunked", "GET", "", "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n" + body(0x4000) + "\r\n0\r\n\r\n", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, h2cListener, rawBackend(t, tc.end, tc.response))
			fields := []string{":method", tc.method, ":scheme", "http", ":authority", "example.org", ":path", "/path?query=1", "user-agent", "test/1.0", "accept", "*/*"}
			var c *bareClient
			switch {
			case tc.body == endBehind:
				c = newBareClient(t, r, "", fields...)
				c.endBehind()
			case tc.body != "":
				c = newBareClient(t, r, tc.body, append(fields, "content-length", strconv.Itoa(len(tc.body)))...)
			default:
				c = newBareClient(t, r, "", fields...)
			}
			if tc.name == sparing {
				c.isSparing()
			}
			exchange := func() {
				if !c.exchange() {
					t.Fatal("the session or the stream was broken off")
				}
			}
			for range 50 {
				exchange()
			}
			if n := testing.AllocsPerRun(300, exchange); n > tc.most {
				t.Errorf("%v allocations an exchange; want at most %v", n, tc.most)
			}
		})
	}
}

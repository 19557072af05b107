//go:build !race

package engine

import (
	"bytes"
	"encoding/binary"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// rawHTTP2Backend is rawBackend for HTTP/2 in clear text, without allocations: each stream that has ended is answered with
// content.
func rawHTTP2Backend(t *testing.T, content string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var block, frames bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":status", "200"}, {"content-type", "text/plain"}, {"content-length", strconv.Itoa(len(content))}} {
		_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true}) // in no table
	}
	fr := http2.NewFramer(&frames, nil)
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	heads := []int{0}
	for rest := content; rest != ""; {
		heads = append(heads, frames.Len())
		n := min(len(rest), frame.PayloadBytesMin)
		_ = fr.WriteData(1, n == len(rest), []byte(rest[:n]))
		rest = rest[n:]
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serveRawHTTP2(c, bytes.Clone(frames.Bytes()), heads)
		}
	}()
	return ln.Addr().String()
}

func serveRawHTTP2(c net.Conn, answer []byte, heads []int) {
	defer func() { _ = c.Close() }()
	in, held, skip := make([]byte, 256<<10), 0, len(frame.Preface)
	_, _ = c.Write(frame.AppendSettings(nil))
	for {
		n, err := c.Read(in[held:])
		if err != nil {
			return
		}
		held += n
		used := min(skip, held)
		skip -= used
		for {
			h, ok := frame.Parse(in[used:held])
			size := frame.HeaderBytes + int(h.Length)
			if !ok || held-used < size {
				break
			}
			used += size
			if h.Type != frame.TypeHeaders && h.Type != frame.TypeData || !h.Flags.Has(frame.FlagEndStream) {
				continue
			}
			for _, at := range heads {
				binary.BigEndian.PutUint32(answer[at+5:], h.Stream)
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
		held = copy(in, in[used:held])
	}
}

// TestExchangeOverHTTP2ToBackendsDoesNotAllocate is TestExchangeDoesNotAllocate for backends that speak HTTP/2.
func TestExchangeOverHTTP2ToBackendsDoesNotAllocate(t *testing.T) {
	for _, tc := range []struct {
		name, request string
		content       int
	}{
		{"small GET", "GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n\r\n", 64},
		{"GET 16 KiB", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 16 << 10},
		{"small POST", "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 9\r\n\r\nname=isam", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			content := strings.Repeat("x", tc.content)
			text := strings.Replace(plain, "backends:", "protocol: h2c, backends:", 1)
			r := start(t, text, rawHTTP2Backend(t, content))
			c, buf := r.dial(), make([]byte, 64<<10)
			request, end := []byte(tc.request), []byte("\r\n\r\n"+content)
			exchange := func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				for n := 0; !bytes.HasSuffix(buf[:n], end); {
					k, err := c.Read(buf[n:])
					if err != nil {
						t.Fatal(err)
					}
					n += k
				}
			}
			for range 50 {
				exchange()
			}
			if n := testing.AllocsPerRun(300, exchange); n > 0 {
				t.Errorf("%v allocations an exchange; want none", n)
			}
		})
	}
}
